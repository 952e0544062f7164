import React from 'react';
import { Icon, Stack, type Column } from '@grafana/ui';
import type { Words } from '../words/useWords.ts';
import type { OfHost, ShownHosts } from './hosts.ts';

/** Says of each row whose it is, behind the column that it is known by, where several hosts are shown. */
export function withHost<T extends object>(
  columns: readonly Column<OfHost<T>>[],
  { areSeveral, shown }: ShownHosts,
  { text }: Words,
): Column<OfHost<T>>[] {
  const [first, ...others] = columns;
  if (!areSeveral || first === undefined) return [...columns];
  const silent = new Set(shown.filter(({ state }) => state === 'silent').map(({ instance }) => instance));
  const column: Column<OfHost<T>> = {
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
