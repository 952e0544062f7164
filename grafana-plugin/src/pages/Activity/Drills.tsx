import React, { useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { EmptyState, InteractiveTable, useStyles2 } from '@grafana/ui';
import type { Drill } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { WideTable } from '../../components/WideTable.tsx';
import { useWords } from '../../words/useWords.ts';
import { drillColumns } from './drill-columns.tsx';
import { DrillDrawer } from './DrillDrawer.tsx';

const ask = async (): Promise<readonly Drill[]> => (await exporter.drills({ limit: 200 })).items;

const intervalMs = (drills: readonly Drill[] | undefined): number =>
  drills?.some(({ status }) => status === 'running') === true ? 2000 : 30_000;

/** Restores for practice, the one begun last first. */
export function Drills(): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  const polled = usePolling(ask, intervalMs);
  return (
    <div className={styles.body}>
      <Answered polled={polled}>
        {(drills) =>
          drills.length === 0 ? (
            <EmptyState variant="not-found" message={text('drills.empty')}>
              {text('drills.emptyHelp')}
            </EmptyState>
          ) : (
            <DrillsTable drills={drills} />
          )
        }
      </Answered>
    </div>
  );
}

function DrillsTable({ drills }: { readonly drills: readonly Drill[] }): React.JSX.Element {
  const words = useWords();
  const [open, setOpen] = useState<string>();
  const columns = useMemo(() => drillColumns(words, setOpen), [words]);
  const opened = drills.find(({ id }) => id === open);
  return (
    <>
      <WideTable label={words.text('activity.drills')}>
        <InteractiveTable
          columns={columns}
          data={[...drills]}
          getRowId={({ id }: Drill) => id}
          pageSize={25}
        />
      </WideTable>
      {opened !== undefined && <DrillDrawer drill={opened} onClose={() => setOpen(undefined)} />}
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({ body: css({ marginTop: theme.spacing(2) }) });
