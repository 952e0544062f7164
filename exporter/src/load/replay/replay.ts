import { planJobOf, startsOf, type DueJob, type ExpectedRun } from '../../schedule/due-job.ts';
import { fixedStart } from '../../schedule/fixed-start.ts';
import type { PlanJob } from '../../schedule/planner.ts';
import { nextOccurrences } from '../../schedule/recurrence.ts';
import { dayMs } from '../../schedule/zone.ts';
import type { EpochMs } from '../../units/instant.ts';
import { coarseStepMs, type LoadRecord } from '../load.ts';
import { PastLoad, type HighWater } from '../past-load.ts';
import { followPlan } from './follow-plan.ts';
import { outlooks, type OutlookAt } from './outlooks.ts';
import { crowdedSteps, tallyOf, type Started, type Starts, type Tally } from './tally.ts';

/**
 * What would have been, had Lowtide planned the past days: the planner is led through the load as it came, and knows at each
 * moment what was on record by then. Beside it the same planner with yesterday's curve as its forecast, and a fixed 02:00.
 *
 * Replayed is the choice of the starts. The gate, which holds a start back while the host is busy, and the pauses of a run are
 * not; and each run takes what the next one is expected to take.
 */
export interface ReplayRequest {
  readonly jobs: readonly ReplaySchedule[];
  /** In steps of five minutes, oldest first: all that is known. */
  readonly records: readonly LoadRecord[];
  readonly from: EpochMs;
  readonly until: EpochMs;
  /** Where the host's day goes by. */
  readonly timezone: string;
  readonly highWater: HighWater;
  /** Hears after each step how much is done, 0 to 1; waited for. What it throws ends the replay. */
  readonly onStep?: (done: number) => Promise<void>;
}

export interface ReplaySchedule {
  readonly schedule: DueJob['schedule'];
  readonly expected: ExpectedRun;
}

/** An occurrence of the past. */
export interface ReplayJob {
  readonly due: DueJob;
  readonly job: PlanJob;
  /** The starts that its window allows. */
  readonly starts: { readonly from: EpochMs; readonly until: EpochMs };
}

export interface Replay {
  /** From when on there was enough history to plan by; not before the request's. */
  readonly from: EpochMs;
  readonly until: EpochMs;
  /** The oldest record; undefined where there is none. */
  readonly historyFrom: EpochMs | undefined;
  readonly total: Tally;
  /** Those without a run are left out. */
  readonly schedules: readonly (Tally & { readonly schedule: string })[];
  readonly leftOut: {
    /** Occurrences with less than a day of history before. */
    readonly tooEarly: number;
    /** Those in whose window the load is not known throughout. */
    readonly unknown: number;
  };
}

export async function replay(request: ReplayRequest): Promise<Replay> {
  const { records, timezone, highWater, onStep } = request;
  const historyFrom = records[0]?.at;
  // With less the forecast tells no hour from another, and there is nothing to compare.
  const from = Math.max(request.from, (historyFrom ?? Infinity) + dayMs);
  const all = request.jobs.flatMap((each) => occurrencesOf(each, request));
  const jobs = all.filter(({ starts }) => starts.from >= from);
  const past = new PastLoad(records, coarseStepMs, highWater);
  const known = jobs.filter(({ starts, job }) =>
    past.knows(starts.from, job.occurrence.deadline + job.durationMs),
  );
  const planned = jobs.length === 0 ? undefined : outlooks(records, timezone);
  const follow = async (outlookAt: OutlookAt | undefined, [begun, whole]: Part): Promise<Starts> => {
    if (outlookAt === undefined) return new Map();
    return await followPlan(jobs, outlookAt, async (now) => {
      const gone = (now - from) / (request.until - from);
      await onStep?.(begun + (whole - begun) * Math.min(1, Math.max(0, gone)));
    });
  };
  const started: Started = {
    lowtide: await follow(planned?.champion, [0, championPart]),
    yesterday: await follow(planned?.yesterday, [championPart, 1]),
    fixed: fixedStarts(jobs),
  };
  const facts = {
    past,
    crowded: {
      lowtide: crowdedSteps(started.lowtide, records),
      yesterday: crowdedSteps(started.yesterday, records),
      fixed: crowdedSteps(started.fixed, records),
    },
  };
  return {
    from: Math.min(from, request.until),
    until: request.until,
    historyFrom,
    total: tallyOf(known, started, facts),
    schedules: [...Map.groupBy(known, ({ job }) => job.schedule)].map(([schedule, ofSchedule]) => ({
      schedule,
      ...tallyOf(ofSchedule, started, facts),
    })),
    leftOut: { tooEarly: all.length - jobs.length, unknown: jobs.length - known.length },
  };
}

/** Those that find the run before over: nobody starts a second one of a schedule beside it. */
function fixedStarts(jobs: readonly ReplayJob[]): Starts {
  const started = new Map<ReplayJob, EpochMs>();
  const over = new Map<string, EpochMs>();
  for (const each of jobs.toSorted((a, b) => a.starts.from - b.starts.from)) {
    const { schedule, durationMs } = each.job;
    const start = fixedStart({ ...each.starts, timezone: each.due.schedule.timezone });
    if (start < (over.get(schedule) ?? -Infinity)) continue;
    started.set(each, start);
    over.set(schedule, start + durationMs);
  }
  return started;
}

/** From which share of all to which. */
type Part = readonly [from: number, to: number];

/** What was learned takes most of the time. */
const championPart = 0.8;

/** Those whose last possible run was over by the end of the request. */
function occurrencesOf({ schedule, expected }: ReplaySchedule, { from, until }: ReplayRequest): ReplayJob[] {
  return nextOccurrences(schedule, from - 1, until).flatMap((occurrence) => {
    const due = { schedule, occurrence };
    const job = planJobOf(due, expected);
    const isOver = job.occurrence.deadline + job.durationMs <= until;
    return isOver ? [{ due, job, starts: startsOf(due) }] : [];
  });
}
