import type { ScheduleConfig } from '../../config/schema.ts';
import type { Pools, ScheduleRecords } from './pools.ts';

export interface ScheduleRecordsOptions {
  readonly catalog: ScheduleRecords;
  /** Undefined as long as this host is no member. */
  readonly pools: () => Pools | undefined;
  /** What a pool has missed is not known by then. */
  readonly isCutOff: () => boolean;
  readonly schedules: () => readonly ScheduleConfig[];
}

/** The records that the scheduler works on: by the pools, as soon as there are any. */
export function scheduleRecords({
  catalog,
  pools,
  isCutOff,
  schedules,
}: ScheduleRecordsOptions): ScheduleRecords {
  const records = (): ScheduleRecords => pools() ?? catalog;
  return {
    schedules: () => records().schedules(),
    settleUpTo: (id, until) => records().settleUpTo(id, until),
    async recordMissed(id, missed, at) {
      const isPooled = schedules().some((schedule) => schedule.id === id && schedule.pool !== undefined);
      if (!isPooled || !isCutOff()) await records().recordMissed(id, missed, at);
    },
    append: (event, at) => records().append(event, at),
  };
}
