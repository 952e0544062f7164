import type { ScheduleConfig } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Ways } from './limits.ts';
import type { PlanJob, Resources } from './planner.ts';
import { nextOccurrences, type Occurrence } from './recurrence.ts';
import { firstAfter, standing } from './standing.ts';
import { dayMs } from './zone.ts';

/** An occurrence of a schedule that is to be run. */
export interface DueJob {
  readonly schedule: ScheduleConfig;
  readonly occurrence: Occurrence;
  /** When the window of the next one opens; absent: that is not known yet. */
  readonly nextOpensAt?: EpochMs;
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
  return [{ schedule, occurrence: next }, ...dueBetween(schedule, Math.max(next.dueAt, now), until)];
}

function dueBetween(schedule: ScheduleConfig, after: EpochMs, until: EpochMs): DueJob[] {
  return nextOccurrences(schedule, after, until).map((occurrence, index, all) => {
    const nextOpensAt = all[index + 1]?.windowStart;
    return { schedule, occurrence, ...(nextOpensAt !== undefined && { nextOpensAt }) };
  });
}

/** So far ahead what comes later is reckoned with. */
export const longestFollowingMs = 1.5 * dayMs;
/** Of more, a plan would be no better, and take long: the time that is looked at is shorter then, for all of them. */
const mostFollowing = 5000;

/**
 * What comes behind what is `due` next, until all of that is over at the latest. Where the next run of each were all that
 * is known, the time behind it would look free of what comes every few minutes, at each look anew, and a backup with a window be
 * put off to its end. What belongs to a pool may be another host's. `running` have no next run that is due.
 */
export function following(
  due: readonly DueJob[],
  running: readonly ScheduleConfig[],
  { now, durationOf }: { readonly now: EpochMs; readonly durationOf: (schedule: ScheduleConfig) => number },
): readonly DueJob[] {
  const end = due.reduce((last, each) => Math.max(last, latestStart(each) + durationOf(each.schedule)), now);
  const span = Math.min(longestFollowingMs, end - now);
  const behind = [
    ...running.map((schedule) => ({ schedule, after: now })),
    ...due.map(({ schedule, occurrence }) => ({ schedule, after: Math.max(now, occurrence.dueAt) })),
  ].filter(({ schedule, after }) => schedule.pool === undefined && after < now + span);
  const expected = behind.reduce((sum, { schedule, after }) => sum + span / gapBehind(schedule, after), 0);
  const until = now + span * Math.min(1, mostFollowing / expected);
  return behind.flatMap(({ schedule, after }) => dueBetween(schedule, after, until));
}

/** The time between the next two. */
function gapBehind(schedule: ScheduleConfig, after: EpochMs): number {
  const first = firstAfter(schedule, after);
  const second = first && firstAfter(schedule, first.dueAt);
  return first === undefined || second === undefined ? Infinity : second.dueAt - first.dueAt;
}

/** Its deadline; or before, as the next one's window opens: that one would take its place. */
export function latestStart(due: DueJob): EpochMs {
  return Math.min(due.occurrence.deadline, opensNext(due) ?? Infinity);
}

function opensNext({ schedule, occurrence, nextOpensAt }: DueJob): EpochMs | undefined {
  return nextOpensAt ?? firstAfter(schedule, occurrence.dueAt)?.windowStart;
}

/** The starts that its window allows; without a window, those up to the latest. */
export function startsOf(due: DueJob): { readonly from: EpochMs; readonly until: EpochMs } {
  const { windowStart, windowEnd } = due.occurrence;
  return { from: windowStart, until: windowEnd > windowStart ? windowEnd : latestStart(due) };
}

/** What the planner is given of it, with what its run is expected to take. */
export function planJobOf(due: DueJob, expected: ExpectedRun): PlanJob {
  const { schedule, occurrence } = due;
  const supersededAt = opensNext(due);
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
