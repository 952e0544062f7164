import { longestFollowingMs } from '../../schedule/due-job.ts';
import { planDue } from '../../schedule/plan-due.ts';
import type { PlannedSlot } from '../../schedule/planner.ts';
import type { HostLoad } from '../../schedule/slot-grid.ts';
import type { EpochMs } from '../../units/instant.ts';
import { coarseStepMs } from '../load.ts';
import type { OutlookAt } from './outlooks.ts';
import type { ReplayJob } from './replay.ts';
import type { Starts } from './tally.ts';

interface Running {
  readonly each: ReplayJob;
  readonly until: EpochMs;
}

/**
 * Starts each job when the plan has its slot, as the service does: planned anew every five minutes while a window is open, and
 * meanwhile where a run is over and its schedule due again, with what comes until all that is next may be over, and no later than the
 * deadline. One whose deadline passes while its schedule runs is missing in the answer.
 */
export async function followPlan(
  jobs: readonly ReplayJob[],
  outlookAt: OutlookAt,
  onStep: (now: EpochMs) => Promise<void>,
): Promise<Starts> {
  const inOrder = jobs.toSorted((a, b) => a.starts.from - b.starts.from);
  const waiting = Map.groupBy(inOrder, ({ job }) => job.schedule);
  const started = new Map<ReplayJob, EpochMs>();
  let running: readonly Running[] = [];
  let previous: readonly PlannedSlot[] = [];
  let expected: { readonly nextStep: EpochMs; readonly load: HostLoad } | undefined;
  for (let now = -Infinity; ;) {
    for (const queue of waiting.values()) dropMissed(queue, now);
    running = running.filter(({ until }) => until > now);
    const coming = nextOf(waiting, running);
    const nextStep = Math.floor(now / coarseStepMs) * coarseStepMs + coarseStepMs;
    if (!coming.some(({ starts }) => starts.from < nextStep)) {
      const next = Math.min(...coming.map(({ starts }) => starts.from), backAt(waiting, running));
      if (next === Infinity) return started;
      now = next < nextStep ? next : Math.floor(next / coarseStepMs) * coarseStepMs;
      continue;
    }
    // Within a step nothing new is known.
    if (expected?.nextStep !== nextStep) expected = { nextStep, load: outlookAt(now) };
    const { slots } = planDue({
      now,
      jobs: [...coming, ...followingOf(coming, waiting, now)].map(({ job }) => job),
      load: expected.load,
      previous,
      running: running.map(({ each: { job }, until }) => ({ ...job, until })),
    });
    previous = slots;
    const starts = new Map(slots.map(({ job, start }) => [job, start]));
    for (const each of coming) {
      const { occurrence, durationMs, schedule } = each.job;
      const start = Math.min(starts.get(each.job) ?? occurrence.deadline, occurrence.deadline);
      if (start >= nextStep) continue;
      waiting.get(schedule)?.shift();
      started.set(each, start);
      running = [...running, { each, until: start + durationMs }];
    }
    now = Math.min(nextStep, backAt(waiting, running));
    await onStep(now);
  }
}

function dropMissed(queue: ReplayJob[], now: EpochMs): void {
  while (queue[0] !== undefined && queue[0].job.occurrence.deadline < now) queue.shift();
}

/** When the first of those that run is over and may start again. */
function backAt(waiting: ReadonlyMap<string, readonly ReplayJob[]>, running: readonly Running[]): EpochMs {
  return running.reduce((first, { each, until }) => {
    const [next] = waiting.get(each.job.schedule) ?? [];
    return Math.min(first, Math.max(until, next?.starts.from ?? Infinity));
  }, Infinity);
}

/** What comes behind the next ones: what `following` finds for the service is at hand here. */
function followingOf(
  coming: readonly ReplayJob[],
  waiting: ReadonlyMap<string, readonly ReplayJob[]>,
  now: EpochMs,
): readonly ReplayJob[] {
  const over = coming.reduce(
    (last, { job }) => Math.max(last, job.occurrence.deadline + job.durationMs),
    now,
  );
  const until = Math.min(over, now + longestFollowingMs);
  const next = new Set(coming);
  return [...waiting.values()].flatMap((queue) => {
    const beyond = queue.findIndex(({ starts }) => starts.from >= until);
    return queue.slice(0, beyond === -1 ? queue.length : beyond).filter((each) => !next.has(each));
  });
}

function nextOf(
  waiting: ReadonlyMap<string, readonly ReplayJob[]>,
  running: readonly Running[],
): ReplayJob[] {
  const busy = new Set(running.map(({ each }) => each.job.schedule));
  return [...waiting].flatMap(([schedule, [next]]) =>
    next === undefined || busy.has(schedule) ? [] : [next],
  );
}
