import type { Host, HostProblem } from 'lowtide/api';
import React from 'react';
import { Alert } from '@grafana/ui';
import { useWords } from '../words/useWords.ts';
import { silentOf } from './hosts.ts';

/** Which of the hosts are silent, and that what is shown of them is old. Otherwise nothing. */
export function SilentNote({ hosts }: { readonly hosts: readonly Host[] }): React.JSX.Element | null {
  const { say } = useWords();
  const silent = silentOf(hosts);
  if (silent.length === 0) return null;
  const names = silent.map(({ instance }) => instance);
  const values = { count: names.length, hosts: { names } };
  return (
    <Alert severity="warning" title={say({ key: 'hosts.silent', values })} bottomSpacing={0}>
      {say({ key: 'hosts.silentMeaning', values })}
    </Alert>
  );
}

/** Whose answers are missing, and why. Otherwise nothing. */
export function ProblemNote({
  problems,
}: {
  readonly problems: readonly HostProblem[];
}): React.JSX.Element | null {
  const { say } = useWords();
  if (problems.length === 0) return null;
  return (
    <Alert
      severity="warning"
      title={say({ key: 'hosts.unread', values: { count: problems.length } })}
      bottomSpacing={0}
    >
      <ul>
        {problems.map(({ host, code, message, hint }) => (
          <li key={`${host} ${code}`}>
            {host}: {message} {hint}
          </li>
        ))}
      </ul>
    </Alert>
  );
}
