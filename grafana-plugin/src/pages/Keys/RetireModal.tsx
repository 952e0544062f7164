import React from 'react';
import { ConfirmModal } from '@grafana/ui';
import type { Key } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { named } from '../../hosts/hosts.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly keyToRetire: Key;
  /** Whose it is, where there are several. */
  readonly host: string | undefined;
  readonly operation: Operation;
  readonly onClose: () => void;
}

export function RetireModal({ keyToRetire: { id }, host, operation, onClose }: Props): React.JSX.Element {
  const { say, text } = useWords();
  const values = { key: named(id, host) };
  return (
    <ConfirmModal
      isOpen
      title={say({ key: 'retire.title', values })}
      body={text('retire.what')}
      confirmationText={id}
      confirmText={text('action.retire')}
      dismissText={text('action.close')}
      onDismiss={onClose}
      onConfirm={async () => {
        await operation.perform(
          `retire ${id}`,
          (key) => exporter.retireKey(id, key),
          () => ({ key: 'done.retire', values }),
        );
        onClose();
      }}
    />
  );
}
