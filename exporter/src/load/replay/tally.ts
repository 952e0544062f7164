import type { EpochMs } from '../../units/instant.ts';
import { coarseStepMs, type LoadRecord } from '../load.ts';
import type { PastLoad } from '../past-load.ts';
import type { ReplayJob } from './replay.ts';

/** By whom a start was chosen. */
export const choosers = ['lowtide', 'yesterday', 'fixed'] as const;
export type Chooser = (typeof choosers)[number];

/** When each job started; one that is missing never did. */
export type Starts = ReadonlyMap<ReplayJob, EpochMs>;
export type Started = Readonly<Record<Chooser, Starts>>;

/** Means and counts over runs; loads are the host's alone, 0 to 1. */
export interface Tally extends Readonly<Record<Chooser, ChosenTally>> {
  readonly runs: number;
  /** What starts at random would have met, and the lowest there was; NaN without a run. */
  readonly random: number;
  readonly best: number;
}

export interface ChosenTally {
  /** One that never started counts as started at its deadline. */
  readonly load: number;
  /** Of the way from random starts to the best ones, the share that was made; undefined where all starts are as good. */
  readonly gapClosed: number | undefined;
  /** Runs during which a resource of the host was above its high-water mark. */
  readonly peaks: number;
  /** Runs during which the host and all backups together took more than there is. */
  readonly collisions: number;
  /** Started behind the window, in time; and those that never did. */
  readonly late: number;
  readonly missed: number;
}

/** Below, the difference between a random start and the best is rounding. */
const leastGap = 1e-6;

/** Counts jobs among all that started: they meet each other. */
export function tallyOf(jobs: readonly ReplayJob[], started: Started, { past, crowded }: TallyFacts): Tally {
  const means = meansOf(jobs, past);
  const chosen = (chooser: Chooser): ChosenTally =>
    chosenTally(jobs, started[chooser], { past, means, crowded: crowded[chooser] });
  return {
    runs: jobs.length,
    ...means,
    lowtide: chosen('lowtide'),
    yesterday: chosen('yesterday'),
    fixed: chosen('fixed'),
  };
}

export interface TallyFacts {
  readonly past: PastLoad;
  readonly crowded: Readonly<Record<Chooser, ReadonlySet<number>>>;
}

interface Means {
  readonly random: number;
  readonly best: number;
}

function meansOf(jobs: readonly ReplayJob[], past: PastLoad): Means {
  const startsOf = ({ starts, job }: ReplayJob) => ({ ...starts, durationMs: job.durationMs });
  return {
    random: meanOver(jobs, (each) => past.random(startsOf(each))),
    best: meanOver(jobs, (each) => past.lowest(startsOf(each))?.load ?? NaN),
  };
}

function chosenTally(
  jobs: readonly ReplayJob[],
  started: ReadonlyMap<ReplayJob, EpochMs>,
  {
    past,
    means,
    crowded,
  }: { readonly past: PastLoad; readonly means: Means; readonly crowded: ReadonlySet<number> },
): ChosenTally {
  const runs = jobs.map((each) => {
    const start = started.get(each) ?? each.job.occurrence.deadline;
    return { each, start, end: start + each.job.durationMs };
  });
  const count = (is: (run: (typeof runs)[number]) => boolean): number => runs.filter(is).length;
  const load = meanOver(runs, ({ start, end }) => past.mean(start, end));
  const gap = means.random - means.best;
  return {
    load,
    gapClosed: gap > leastGap ? (means.random - load) / gap : undefined,
    peaks: count(({ start, end }) => past.meetsPeak(start, end)),
    collisions: count(({ start, end }) => stepsOf(start, end).some((step) => crowded.has(step))),
    late: count(({ each, start }) => started.has(each) && start > each.starts.until),
    missed: count(({ each }) => !started.has(each)),
  };
}

function meanOver<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0) / items.length;
}

/** Sums of shares are not exact. */
const tolerance = 1e-9;

/** The steps in which the host and the backups that ran took more of the processors, or of memory, than there is. */
export function crowdedSteps(
  started: ReadonlyMap<ReplayJob, EpochMs>,
  records: readonly LoadRecord[],
): ReadonlySet<number> {
  const taken = new Map<number, { cpu: number; memory: number }>();
  for (const [{ job }, start] of started) {
    for (const step of stepsOf(start, start + job.durationMs)) {
      const before = taken.get(step) ?? { cpu: 0, memory: 0 };
      taken.set(step, { cpu: before.cpu + job.resources.cpu, memory: before.memory + job.resources.memory });
    }
  }
  const isFull = (host: number, own: number): boolean => host + own > 1 + tolerance;
  return new Set(
    records.flatMap(({ at, cpu, memory }) => {
      const step = Math.floor(at / coarseStepMs);
      const own = taken.get(step);
      return own !== undefined && (isFull(cpu, own.cpu) || isFull(memory, own.memory)) ? [step] : [];
    }),
  );
}

function stepsOf(start: EpochMs, end: EpochMs): number[] {
  const first = Math.floor(start / coarseStepMs);
  return Array.from(
    { length: Math.max(1, Math.ceil(end / coarseStepMs) - first) },
    (_, index) => first + index,
  );
}
