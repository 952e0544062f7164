import type { Own, OwnSlot, Schedule } from '../../api/contract.ts';
import { windowOfDay } from '../../config/scalars.ts';
import type { FleetSlot } from '../../fleet/fleet.ts';
import { nextOccurrences, type Occurrence, type Recurring } from '../../schedule/recurrence.ts';
import { toRfc3339 } from '../../units/instant.ts';

/** What one host is to run by the plan of all. Slots of schedules that it has not published are left out: it would not run them. */
export function plannedSlots(
  slots: readonly FleetSlot[],
  schedules: ReadonlyMap<string, Own<Schedule>>,
): readonly OwnSlot[] {
  return slots.flatMap((slot) => {
    const schedule = schedules.get(slot.schedule);
    return schedule === undefined ? [] : [slotView(slot, schedule)];
  });
}

function slotView({ dueAt, start, end }: FleetSlot, schedule: Own<Schedule>): OwnSlot {
  const { windowStart, windowEnd, deadline } = occurrenceAt(dueAt, schedule);
  return {
    schedule: schedule.id,
    dueAt: toRfc3339(dueAt),
    start: toRfc3339(start),
    end: toRfc3339(end),
    window: { start: toRfc3339(windowStart), end: toRfc3339(windowEnd) },
    deadline: toRfc3339(deadline),
    priority: schedule.priority,
    ...(schedule.loadHost !== undefined && { loadHost: schedule.loadHost }),
    alternatives: [],
    reason: { code: 'planned', text: 'by the plan of all hosts; ask that host for its reasons' },
  };
}

/** Where the schedule was changed since it was planned, there may be none. */
function occurrenceAt(dueAt: number, schedule: Own<Schedule>): Omit<Occurrence, 'dueAt'> {
  const [found] = nextOccurrences(recurringOf(schedule), dueAt - 1, dueAt);
  return found ?? { windowStart: dueAt, windowEnd: dueAt, deadline: dueAt + schedule.maxDelaySeconds * 1000 };
}

function recurringOf({ everySeconds, cron, window, timezone, maxDelaySeconds }: Own<Schedule>): Recurring {
  return {
    ...(everySeconds !== undefined && { every: everySeconds * 1000 }),
    ...(cron !== undefined && { cron }),
    ...(window !== undefined && { window: windowOfDay.parse(`${window.start}-${window.end}`) }),
    timezone,
    max_delay: maxDelaySeconds * 1000,
  };
}
