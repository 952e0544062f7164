import type { TimeRange } from '@grafana/data';
import { EmptyState, Stack, Text } from '@grafana/ui';
import type { Rotation } from '../../api/answers.ts';
import React, { useCallback, useMemo } from 'react';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { DataTable } from '../../components/DataTable.tsx';
import { rotationColumns } from '../../components/rotation-columns.tsx';
import { keyOf } from '../../hosts/hosts.ts';
import { useWords } from '../../words/useWords.ts';
import { PanelState } from '../PanelState.tsx';
import { useDashboardRefresh } from '../useDashboardRefresh.ts';

interface Props {
  readonly host: string;
  readonly timeRange: TimeRange;
  readonly timeZone: string;
  /** What is shown where the host is the one that answers. */
  readonly own: React.ReactElement;
}

interface Seen {
  readonly isOwn: boolean;
  /** The one begun last first. */
  readonly rotations: readonly Rotation[];
}

const intervalMs = (seen: Seen | undefined): number =>
  seen?.rotations[0]?.status === 'running' ? 5000 : 60_000;

/** How the rotations of another host went. Its keys are its own: there alone they are looked at, and rotated. */
export function RotationsOfHost({ host, timeRange, timeZone, own }: Props): React.ReactElement {
  const words = useWords(timeZone);
  const ask = useCallback(async (): Promise<Seen> => {
    const [{ instance }, { items }] = await Promise.all([
      exporter.status(),
      exporter.rotations({ limit: 20, host }),
    ]);
    return { isOwn: instance === host, rotations: items };
  }, [host]);
  const polled = usePolling(ask, intervalMs);
  useDashboardRefresh(timeRange, polled.refresh);
  const columns = useMemo(() => rotationColumns(words), [words]);
  if (polled.data?.isOwn === true) return own;
  return (
    <PanelState polled={polled} words={words}>
      {({ rotations }) => (
        <Stack direction="column" gap={1}>
          <Text color="secondary" variant="bodySmall">
            {words.say({ key: 'rotation.elsewhere', values: { host } })}
          </Text>
          {rotations.length === 0 ? (
            <EmptyState variant="not-found" hideImage message={words.text('keys.noHistory')} />
          ) : (
            <DataTable
              label={words.text('keys.history')}
              columns={columns}
              rows={rotations}
              idOf={keyOf}
              pageSize={10}
            />
          )}
        </Stack>
      )}
    </PanelState>
  );
}
