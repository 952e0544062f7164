import type { ScheduleConfig } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Ways } from './limits.ts';
import type { PlanJob, Resources } from './planner.ts';
import { nextOccurrences, type Occurrence } from './recurrence.ts';
import { firstAfter, standing } from './standing.ts';

/** An occurrence of a schedule that is to be run. */
export interface DueJob {
  readonly schedule: ScheduleConfig;
  readonly occurrence: Occurrence;
}

/**
 * What of a schedule is to be run by `until`: what is due now and has not been settled, and what comes. `settledUntil` is what
 * `Catalog.schedule` keeps.
 */
export function dueUntil(
  schedule: ScheduleConfig,
  settledUntil: EpochMs,
  now: EpochMs,
  until: EpochMs,
): DueJob[] {
  const { next } = standing(schedule, settledUntil, now);
  if (next === undefined || next.dueAt > until) return [];
  return [next, ...nextOccurrences(schedule, Math.max(next.dueAt, now), until)].map((occurrence) => ({
    schedule,
    occurrence,
  }));
}

/** Its deadline; or before, as the next one's window opens: that one would take its place. */
export function latestStart({ schedule, occurrence }: DueJob): EpochMs {
  const next = firstAfter(schedule, occurrence.dueAt);
  return Math.min(occurrence.deadline, next?.windowStart ?? Infinity);
}

/** The starts that its window allows; without a window, those up to the latest. */
export function startsOf(due: DueJob): { readonly from: EpochMs; readonly until: EpochMs } {
  const { windowStart, windowEnd } = due.occurrence;
  return { from: windowStart, until: windowEnd > windowStart ? windowEnd : latestStart(due) };
}

/** What the planner is given of it, with what its run is expected to take. */
export function planJobOf(due: DueJob, expected: ExpectedRun): PlanJob {
  const { schedule, occurrence } = due;
  const supersededAt = firstAfter(schedule, occurrence.dueAt)?.windowStart;
  const deadline = Math.min(occurrence.deadline, supersededAt ?? Infinity);
  return {
    schedule: schedule.id,
    occurrence: { ...occurrence, windowEnd: Math.min(occurrence.windowEnd, deadline), deadline },
    durationMs: expected.durationMs,
    resources: expected.resources,
    ...waysOf(schedule, expected),
    priority: schedule.priority,
    ...(supersededAt !== undefined && { supersededAt }),
    ...(schedule.on_deadline === 'skip' && { isSkipped: true }),
    ...(schedule.host !== undefined && { host: schedule.host }),
    ...(schedule.pool !== undefined && { pool: schedule.pool }),
  };
}

/** What a run has to do with beside its host. */
export function waysOf(
  { stores, network, server }: Pick<ScheduleConfig, 'stores' | 'network' | 'server'>,
  { durationMs, storedBytes }: Pick<ExpectedRun, 'durationMs' | 'storedBytes'>,
): Ways {
  const bytesPerSecond = storedBytes === undefined ? 0 : storedBytes / (durationMs / 1000);
  return {
    stores,
    ...(network !== undefined && { network }),
    ...(server !== undefined && { server }),
    ...(bytesPerSecond > 0 && { bytesPerSecond }),
  };
}

export interface ExpectedRun {
  readonly durationMs: number;
  readonly resources: Resources;
  /** Of one copy; absent while too little is known. */
  readonly storedBytes?: number;
}
