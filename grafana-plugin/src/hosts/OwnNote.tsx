import React from 'react';
import { Text } from '@grafana/ui';
import { useWords } from '../words/useWords.ts';
import type { ShownHosts } from './hosts.ts';

/** Whose it is that is shown, where there are several: the host's that answers. */
export function OwnNote({ hosts: { all } }: { readonly hosts: ShownHosts }): React.JSX.Element | null {
  const { say } = useWords();
  const own = all.find(({ isSelf }) => isSelf);
  if (own === undefined) return null;
  return (
    <Text color="secondary" element="p">
      {say({ key: 'hosts.own', values: { host: own.instance } })}
    </Text>
  );
}
