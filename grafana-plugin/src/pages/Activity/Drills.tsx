import React, { useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { EmptyState, useStyles2 } from '@grafana/ui';
import type { Drill, Status } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { drillColumns } from './drill-columns.tsx';
import { DrillDrawer } from './DrillDrawer.tsx';

interface DrillsSeen {
  readonly status: Status;
  /** The one begun last first. */
  readonly drills: readonly Drill[];
  readonly hasMore: boolean;
}

async function ask(): Promise<DrillsSeen> {
  const [status, drills] = await Promise.all([exporter.status(), exporter.drills({ limit: 200 })]);
  return { status, drills: drills.items, hasMore: drills.nextCursor !== undefined };
}

const intervalMs = (seen: DrillsSeen | undefined): number =>
  seen?.drills.some(({ status }) => status === 'running') === true ? 2000 : 30_000;

const idOf = ({ id }: Drill): string => id;

/** Restores for practice, the one begun last first. */
export function Drills(): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const polled = usePolling(ask, intervalMs);
  return (
    <div className={styles.body}>
      <Answered polled={polled}>
        {(seen) =>
          seen.drills.length === 0 ? (
            <EmptyState variant="not-found" message={text('drills.empty')}>
              {text('drills.emptyHelp')}
            </EmptyState>
          ) : (
            <DrillsTable seen={seen} refresh={polled.refresh} />
          )
        }
      </Answered>
    </div>
  );
}

interface TableProps {
  readonly seen: DrillsSeen;
  readonly refresh: () => void;
}

function DrillsTable({ seen: { status, drills, hasMore }, refresh }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(status);
  const operation = useOperation(refresh);
  const [open, setOpen] = useState<string>();
  const columns = useMemo(
    () => drillColumns({ words, objection, operation, open: setOpen }),
    [words, objection, operation],
  );
  const opened = drills.find(({ id }) => id === open);
  return (
    <>
      <DataTable
        label={words.text('activity.drills')}
        columns={columns}
        rows={drills}
        idOf={idOf}
        hasMore={hasMore}
      />
      {opened !== undefined && <DrillDrawer drill={opened} onClose={() => setOpen(undefined)} />}
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({ body: css({ marginTop: theme.spacing(2) }) });
