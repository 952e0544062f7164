import React, { useCallback, useMemo, useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, Stack } from '@grafana/ui';
import type { Schedule, Slot } from 'lowtide/api';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { byPriority, scheduleColumns } from './columns.tsx';
import { lookAtSchedules, type SchedulesSeen } from './look.ts';
import { TideSection } from './TideSection.tsx';
import { WhyDrawer } from './WhyDrawer.tsx';

const idOf = ({ id }: Schedule): string => id;

/** Sooner while something runs: its end changes what can be done. */
const intervalMs = (seen: SchedulesSeen | undefined): number =>
  seen?.schedules.some(({ runningRunId }) => runningRunId !== undefined) === true ? 3000 : 30_000;

export function Schedules(): React.JSX.Element {
  const { text } = useWords();
  const [hours, setHours] = useState(48);
  const ask = useCallback(() => lookAtSchedules(hours), [hours]);
  const polled = usePolling(ask, intervalMs);
  return (
    <PluginPage subTitle={text('schedules.subTitle')} actions={<DashboardLink uid="lowtide-schedules" />}>
      <Answered polled={polled}>
        {(seen) =>
          seen.schedules.length === 0 ? (
            <EmptyState variant="call-to-action" message={text('schedules.empty')}>
              {text('schedules.emptyHelp')}
            </EmptyState>
          ) : (
            <Stack direction="column" gap={3}>
              <TideSection asked={seen} hours={hours} onHoursChange={setHours} />
              <SchedulesTable seen={seen} refresh={polled.refresh} />
            </Stack>
          )
        }
      </Answered>
    </PluginPage>
  );
}

interface TableProps {
  readonly seen: SchedulesSeen;
  readonly refresh: () => void;
}

function SchedulesTable({ seen, refresh }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(seen.status);
  const operation = useOperation(refresh);
  const [why, setWhy] = useState<string>();
  const slots = useMemo(() => firstSlots(seen.plan?.slots ?? []), [seen.plan]);
  const schedules = useMemo(() => [...seen.schedules].sort(byPriority), [seen.schedules]);
  const explain = useCallback((schedule: Schedule) => setWhy(schedule.id), []);
  const columns = useMemo(
    () => scheduleColumns({ words, slots, objection, operation, explain }),
    [words, slots, objection, operation, explain],
  );
  const explained = schedules.find(({ id }) => id === why);
  return (
    <>
      <DataTable label={words.text('nav.schedules')} columns={columns} rows={schedules} idOf={idOf} />
      {explained !== undefined && (
        <WhyDrawer schedule={explained} slot={slots.get(explained.id)} onClose={() => setWhy(undefined)} />
      )}
    </>
  );
}

/** Of each schedule the slot that comes first. */
function firstSlots(slots: readonly Slot[]): ReadonlyMap<string, Slot> {
  const first = new Map<string, Slot>();
  for (const slot of slots) if (!first.has(slot.schedule)) first.set(slot.schedule, slot);
  return first;
}
