import type { Missed } from '../catalog/catalog.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { ScheduleRecords } from './fleet/pools.ts';
import { holdReason } from './hold-reason.ts';
import type { Logger } from './log.ts';

/** A backup that was not made leaves no other trace in the log: who reads nothing else is to hear of it. */
export function warnOfMissed(
  log: Pick<Logger, 'warn'>,
  schedule: string,
  { dueAt, occurrences, reason }: Missed,
): void {
  const what = occurrences === 1 ? 'a backup was missed' : `${occurrences} backups were missed`;
  const why = reason === undefined ? '' : `: ${holdReason(reason).text}`;
  log.warn({ schedule, due: toRfc3339(dueAt), ...(reason !== undefined && { reason }) }, `${what}${why}`);
}

/** The same records, and of what was missed the log has a line as well. */
export function withMissedInLog(records: ScheduleRecords, log: Pick<Logger, 'warn'>): ScheduleRecords {
  return {
    schedules: () => records.schedules(),
    settleUpTo: (id, until) => records.settleUpTo(id, until),
    async recordMissed(id, missed, at) {
      await records.recordMissed(id, missed, at);
      warnOfMissed(log, id, missed);
    },
    append: (event, at) => records.append(event, at),
  };
}
