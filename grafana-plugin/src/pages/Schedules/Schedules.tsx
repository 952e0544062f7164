import React, { useCallback, useMemo, useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, Stack } from '@grafana/ui';
import type { Schedule, Slot } from '../../api/answers.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { withHost } from '../../hosts/host-column.tsx';
import { keyOf, type ShownHosts } from '../../hosts/hosts.ts';
import { OfHosts } from '../../hosts/HostsKnown.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { byPriority, scheduleColumns } from './columns.tsx';
import { lookAtSchedules, type SchedulesSeen } from './look.ts';
import { TideSection } from './TideSection.tsx';
import { WhyDrawer } from './WhyDrawer.tsx';

/** Sooner while something runs: its end changes what can be done. */
const intervalMs = (seen: SchedulesSeen | undefined): number =>
  seen?.schedules.some(({ runningRunId }) => runningRunId !== undefined) === true ? 3000 : 30_000;

export function Schedules(): React.JSX.Element {
  const { text } = useWords();
  return (
    <PluginPage subTitle={text('schedules.subTitle')} actions={<DashboardLink uid="lowtide-schedules" />}>
      <OfHosts>{(hosts) => <SchedulesOf hosts={hosts} />}</OfHosts>
    </PluginPage>
  );
}

function SchedulesOf({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const { text } = useWords();
  const [hours, setHours] = useState(48);
  const { asked } = hosts;
  const ask = useCallback(() => lookAtSchedules(hours, asked), [hours, asked]);
  const polled = usePolling(ask, intervalMs);
  return (
    <Answered polled={polled}>
      {(seen) =>
        seen.schedules.length === 0 ? (
          <EmptyState variant="call-to-action" message={text('schedules.empty')}>
            {text('schedules.emptyHelp')}
          </EmptyState>
        ) : (
          <Stack direction="column" gap={3}>
            <TideSection asked={seen} hours={hours} onHoursChange={setHours} />
            <SchedulesTable seen={seen} hosts={hosts} refresh={polled.refresh} />
          </Stack>
        )
      }
    </Answered>
  );
}

interface TableProps {
  readonly seen: SchedulesSeen;
  readonly hosts: ShownHosts;
  readonly refresh: () => void;
}

function SchedulesTable({ seen, hosts, refresh }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(seen.status, hosts.all);
  const operation = useOperation(refresh);
  const [why, setWhy] = useState<string>();
  const slots = useMemo(() => firstSlots(seen.plan?.slots ?? []), [seen.plan]);
  const schedules = useMemo(() => [...seen.schedules].sort(byPriority), [seen.schedules]);
  const explain = useCallback((schedule: Schedule) => setWhy(keyOf(schedule)), []);
  const columns = useMemo(
    () => withHost(scheduleColumns({ words, slots, objection, operation, explain }), hosts, words),
    [words, slots, objection, operation, explain, hosts],
  );
  const explained = schedules.find((schedule) => keyOf(schedule) === why);
  return (
    <>
      <DataTable label={words.text('nav.schedules')} columns={columns} rows={schedules} idOf={keyOf} />
      {explained !== undefined && (
        <WhyDrawer
          schedule={explained}
          slot={slots.get(keyOf(explained))}
          onClose={() => setWhy(undefined)}
        />
      )}
    </>
  );
}

/** Of each schedule the slot that comes first, by its key. */
function firstSlots(slots: readonly Slot[]): ReadonlyMap<string, Slot> {
  const first = new Map<string, Slot>();
  for (const slot of slots) {
    const key = keyOf({ id: slot.schedule, host: slot.host });
    if (!first.has(key)) first.set(key, slot);
  }
  return first;
}
