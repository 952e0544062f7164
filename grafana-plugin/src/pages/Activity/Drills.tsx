import React, { useCallback, useMemo, useState } from 'react';
import { EmptyState } from '@grafana/ui';
import type { HostProblem, Status } from 'lowtide/api';
import type { Drill } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { gathered } from '../../hosts/ask-hosts.ts';
import { withHost } from '../../hosts/host-column.tsx';
import { keyOf, type ShownHosts, type Whose } from '../../hosts/hosts.ts';
import { ProblemNote } from '../../hosts/SilentNote.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { drillColumns } from './drill-columns.tsx';
import { DrillDrawer } from './DrillDrawer.tsx';

interface DrillsSeen {
  readonly status: Status;
  /** The one begun last first. */
  readonly drills: readonly Drill[];
  readonly hasMore: boolean;
  readonly problems: readonly HostProblem[];
}

async function lookAtDrills(asked: readonly Whose[]): Promise<DrillsSeen> {
  const [status, { items, ...more }] = await Promise.all([
    exporter.status(),
    gathered(
      asked,
      (host) => exporter.drills({ limit: 200, host }),
      ({ startedAt }) => startedAt,
    ),
  ]);
  return { status, drills: items, ...more };
}

const intervalMs = (seen: DrillsSeen | undefined): number =>
  seen?.drills.some(({ status }) => status === 'running') === true ? 2000 : 30_000;

/** Restores for practice, the one begun last first. */
export function Drills({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const { text } = useWords();
  const { asked } = hosts;
  const ask = useCallback(() => lookAtDrills(asked), [asked]);
  const polled = usePolling(ask, intervalMs);
  return (
    <Answered polled={polled}>
      {(seen) => (
        <>
          <ProblemNote problems={seen.problems} />
          {seen.drills.length === 0 ? (
            <EmptyState variant="not-found" message={text('drills.empty')}>
              {text('drills.emptyHelp')}
            </EmptyState>
          ) : (
            <DrillsTable seen={seen} hosts={hosts} refresh={polled.refresh} />
          )}
        </>
      )}
    </Answered>
  );
}

interface TableProps {
  readonly seen: DrillsSeen;
  readonly hosts: ShownHosts;
  readonly refresh: () => void;
}

function DrillsTable({ seen, hosts, refresh }: TableProps): React.JSX.Element {
  const { status, drills, hasMore } = seen;
  const words = useWords();
  const objection = useObjection(status, hosts.all);
  const operation = useOperation(refresh);
  const [open, setOpen] = useState<string>();
  const columns = useMemo(
    () => withHost(drillColumns({ words, objection, operation, open: setOpen }), hosts, words),
    [words, objection, operation, hosts],
  );
  const opened = drills.find((drill) => keyOf(drill) === open);
  return (
    <>
      <DataTable
        label={words.text('activity.drills')}
        columns={columns}
        rows={drills}
        idOf={keyOf}
        hasMore={hasMore}
      />
      {opened !== undefined && <DrillDrawer drill={opened} onClose={() => setOpen(undefined)} />}
    </>
  );
}
