import React from 'react';
import { Icon, Stack, type Column } from '@grafana/ui';
import type { Words } from '../words/useWords.ts';
import type { MayHaveHost, ShownHosts } from './hosts.ts';

/** Says of each row whose it is, behind the column that it is known by, where several hosts are shown. */
export function withHost<T extends MayHaveHost>(
  columns: readonly Column<T>[],
  { areSeveral, shown }: ShownHosts,
  { text }: Words,
): Column<T>[] {
  const [first, ...others] = columns;
  if (!areSeveral || first === undefined) return [...columns];
  const silent = new Set(shown.filter(({ state }) => state === 'silent').map(({ instance }) => instance));
  const column: Column<T> = {
    id: 'host',
    header: text('column.host'),
    sortType: (a, b) => (a.original.host ?? '').localeCompare(b.original.host ?? ''),
    cell: ({
      row: {
        original: { host = '' },
      },
    }) => (
      <Stack gap={0.5} alignItems="center">
        <span>{host}</span>
        {silent.has(host) && <Icon name="exclamation-triangle" size="sm" title={text('hosts.isSilent')} />}
      </Stack>
    ),
  };
  return [first, column, ...others];
}
