import React, { useCallback, useMemo } from 'react';
import { EmptyState, Stack } from '@grafana/ui';
import type { Rotation } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { rotationColumns } from '../../components/rotation-columns.tsx';
import { gathered, type Gathered } from '../../hosts/ask-hosts.ts';
import { withHost } from '../../hosts/host-column.tsx';
import { keyOf, type ShownHosts } from '../../hosts/hosts.ts';
import { ProblemNote } from '../../hosts/SilentNote.tsx';
import { useWords } from '../../words/useWords.ts';

const intervalMs = (seen: Gathered<Rotation> | undefined): number =>
  seen?.items.some(({ status }) => status === 'running') === true ? 5000 : 60_000;

/** The rotations there were, the one begun last first. */
export function History({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const words = useWords();
  const { text } = words;
  const { asked } = hosts;
  const ask = useCallback(
    () =>
      gathered(
        asked,
        (host) => exporter.rotations({ limit: 50, host }),
        ({ startedAt }) => startedAt,
      ),
    [asked],
  );
  const polled = usePolling(ask, intervalMs);
  const columns = useMemo(() => withHost(rotationColumns(words), hosts, words), [words, hosts]);
  return (
    <Answered polled={polled}>
      {({ items, problems }) => (
        <Stack direction="column" gap={1}>
          <ProblemNote problems={problems} />
          {items.length === 0 ? (
            <EmptyState variant="not-found" hideImage message={text('keys.noHistory')} />
          ) : (
            <DataTable
              label={text('keys.history')}
              columns={columns}
              rows={items}
              idOf={keyOf}
              pageSize={10}
            />
          )}
        </Stack>
      )}
    </Answered>
  );
}
