import React, { useState } from 'react';
import { Alert, Button, Checkbox, Field, Input, Modal, Select, Stack } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { named } from '../../hosts/hosts.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly backup: Backup;
  readonly host: string | undefined;
  readonly targets: readonly string[];
  readonly operation: Operation;
  /** With the id of the run that restores. */
  readonly onStarted: (runId: string) => void;
  readonly onClose: () => void;
}

/** Whoever restores types the target's name: what is there may be replaced. */
export function RestoreModal({
  backup,
  host,
  targets,
  operation,
  onStarted,
  onClose,
}: Props): React.JSX.Element {
  const { say, text } = useWords();
  const [target, setTarget] = useState(targets.length === 1 ? targets[0] : undefined);
  const [force, setForce] = useState(false);
  const [typed, setTyped] = useState('');
  const isConfirmed = target !== undefined && typed.trim() === target;
  const at = { at: Date.parse(backup.createdAt) };
  const restore = async (): Promise<void> => {
    if (target === undefined) return;
    const isDone = await operation.perform(
      `restore ${backup.id} ${target} ${String(force)}`,
      async (key) => {
        const run = await exporter.restore(backup.id, { target, force }, key);
        onStarted(run.id);
      },
      () => ({ key: 'done.restore', values: { target } }),
    );
    if (isDone) onClose();
  };
  return (
    <Modal title={text('restore.title')} isOpen onDismiss={onClose}>
      <Stack direction="column" gap={2}>
        <p>{say({ key: 'restore.what', values: { schedule: named(backup.schedule, host), at } })}</p>
        <Field label={text('restore.target')} description={text('restore.targetHelp')}>
          {/* eslint-disable-next-line @typescript-eslint/no-deprecated -- Combobox is not in Grafana 11.1 */}
          <Select
            inputId="restore-target"
            aria-label={text('restore.target')}
            options={targets.map((value) => ({ value, label: value }))}
            value={target ?? null}
            onChange={({ value }) => setTarget(value)}
          />
        </Field>
        <Checkbox
          label={text('restore.force')}
          description={text('restore.forceHelp')}
          value={force}
          onChange={({ currentTarget }) => setForce(currentTarget.checked)}
        />
        {force && <Alert severity="warning" title={text('restore.forceWarning')} />}
        <Field
          label={
            target === undefined ? text('restore.choose') : say({ key: 'restore.type', values: { target } })
          }
        >
          <Input
            id="restore-confirmation"
            value={typed}
            autoComplete="off"
            disabled={target === undefined}
            onChange={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </Field>
      </Stack>
      <Modal.ButtonRow>
        <Button variant="secondary" fill="outline" onClick={onClose}>
          {text('action.close')}
        </Button>
        <Button
          variant="destructive"
          disabled={!isConfirmed || operation.pending !== undefined}
          onClick={() => void restore()}
        >
          {text('action.restore')}
        </Button>
      </Modal.ButtonRow>
    </Modal>
  );
}
