import React, { useCallback, useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { EmptyState, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import type { BackupRun, Status } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { runColumns } from './columns.tsx';
import { RunDrawer } from './RunDrawer.tsx';

const idOf = ({ id }: BackupRun): string => id;

interface RunsSeen {
  readonly status: Status;
  /** The one begun last first. */
  readonly runs: readonly BackupRun[];
  readonly hasMore: boolean;
}

type Shown = 'all' | 'running' | 'failed';

const intervalMs = (seen: RunsSeen | undefined): number =>
  seen?.runs.some(({ status }) => status === 'running') === true ? 2000 : 15_000;

export function Runs(): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const [shown, setShown] = useState<Shown>('all');
  // A run stays open when it ends, and is none of those that run any more.
  const [open, setOpen] = useState<BackupRun>();
  const ask = useCallback(async (): Promise<RunsSeen> => {
    const [status, runs] = await Promise.all([
      exporter.status(),
      exporter.runs({ limit: 200, ...(shown !== 'all' && { status: shown }) }),
    ]);
    return { status, runs: runs.items, hasMore: runs.nextCursor !== undefined };
  }, [shown]);
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
        {(seen) =>
          seen.runs.length === 0 ? (
            <EmptyState variant="not-found" message={text('runs.empty')} />
          ) : (
            <RunsTable {...seen} refresh={polled.refresh} onOpen={setOpen} />
          )
        }
      </Answered>
      {open !== undefined && <RunDrawer opened={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

interface TableProps extends RunsSeen {
  readonly refresh: () => void;
  readonly onOpen: (run: BackupRun) => void;
}

function RunsTable({ status, runs, hasMore, refresh, onOpen }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(status);
  const operation = useOperation(refresh);
  const columns = useMemo(
    () => runColumns({ words, objection, operation, open: onOpen }),
    [words, objection, operation, onOpen],
  );
  return (
    <DataTable
      label={words.text('activity.runs')}
      columns={columns}
      rows={runs}
      idOf={idOf}
      hasMore={hasMore}
    />
  );
}

const getStyles = (theme: GrafanaTheme2) => ({ filter: css({ margin: theme.spacing(2, 0) }) });
