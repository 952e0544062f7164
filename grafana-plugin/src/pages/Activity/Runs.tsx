import React, { useCallback, useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { EmptyState, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import type { HostProblem, Status } from 'lowtide/api';
import type { BackupRun } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { gathered } from '../../hosts/ask-hosts.ts';
import { withHost } from '../../hosts/host-column.tsx';
import { keyOf, type ShownHosts } from '../../hosts/hosts.ts';
import { ProblemNote } from '../../hosts/SilentNote.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { runColumns } from './columns.tsx';
import { RunDrawer } from './RunDrawer.tsx';

interface RunsSeen {
  readonly status: Status;
  /** The one begun last first. */
  readonly runs: readonly BackupRun[];
  readonly hasMore: boolean;
  readonly problems: readonly HostProblem[];
}

type Shown = 'all' | 'running' | 'failed';

const intervalMs = (seen: RunsSeen | undefined): number =>
  seen?.runs.some(({ status }) => status === 'running') === true ? 2000 : 15_000;

export function Runs({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const [shown, setShown] = useState<Shown>('all');
  // A run stays open when it ends, and is none of those that run any more.
  const [open, setOpen] = useState<BackupRun>();
  const { asked } = hosts;
  const ask = useCallback(async (): Promise<RunsSeen> => {
    const only = shown === 'all' ? {} : { status: shown };
    const [status, { items, ...more }] = await Promise.all([
      exporter.status(),
      gathered(
        asked,
        (host) => exporter.runs({ limit: 200, host, ...only }),
        ({ startedAt }) => startedAt,
      ),
    ]);
    return { status, runs: items, ...more };
  }, [shown, asked]);
  const polled = usePolling(ask, intervalMs);
  return (
    <>
      <div className={styles.filter}>
        <RadioButtonGroup<Shown>
          aria-label={text('column.status')}
          options={[
            { value: 'all', label: text('runs.all') },
            { value: 'running', label: text('run.running') },
            { value: 'failed', label: text('run.failed') },
          ]}
          value={shown}
          onChange={setShown}
        />
      </div>
      <Answered polled={polled}>
        {(seen) => (
          <>
            <ProblemNote problems={seen.problems} />
            {seen.runs.length === 0 ? (
              <EmptyState variant="not-found" message={text('runs.empty')} />
            ) : (
              <RunsTable {...seen} hosts={hosts} refresh={polled.refresh} onOpen={setOpen} />
            )}
          </>
        )}
      </Answered>
      {open !== undefined && <RunDrawer opened={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

interface TableProps extends RunsSeen {
  readonly hosts: ShownHosts;
  readonly refresh: () => void;
  readonly onOpen: (run: BackupRun) => void;
}

function RunsTable({ status, runs, hasMore, hosts, refresh, onOpen }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(status, hosts.all);
  const operation = useOperation(refresh);
  const columns = useMemo(
    () => withHost(runColumns({ words, objection, operation, open: onOpen }), hosts, words),
    [words, objection, operation, onOpen, hosts],
  );
  return (
    <DataTable
      label={words.text('activity.runs')}
      columns={columns}
      rows={runs}
      idOf={keyOf}
      hasMore={hasMore}
    />
  );
}

const getStyles = (theme: GrafanaTheme2) => ({ filter: css({ marginBottom: theme.spacing(2) }) });
