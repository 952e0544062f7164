import type { EpochMs } from '../units/instant.ts';
import type { PastLoad, PastMoment } from './past-load.ts';

/** A run that is over, and when else it might have started. */
export interface PastRun {
  readonly startedAt: EpochMs;
  readonly finishedAt: EpochMs;
  /** The starts that its window allowed, and when a backup at a fixed time would have started; none for a run by hand. */
  readonly choice?: { readonly from: EpochMs; readonly until: EpochMs; readonly fixedStart: EpochMs };
}

/** What load a run met, and what it could have met; the host's alone, 0 to 1. */
export interface Hindsight {
  readonly load: number;
  /** Some resource was above its high-water mark meanwhile. */
  readonly metPeak: boolean;
  /** The lowest that any start of its choice would have met, as far as that is known; never above `load`. */
  readonly best?: PastMoment;
  /** What a start at the fixed time would have met. */
  readonly fixed?: PastMoment & { readonly metPeak: boolean };
}

/** Undefined where the load during the run is not known. What came after the end of `past` cannot be known yet. */
export function lookBack(past: PastLoad, { startedAt, finishedAt, choice }: PastRun): Hindsight | undefined {
  const load = past.mean(startedAt, finishedAt);
  if (Number.isNaN(load)) return undefined;
  const met = { load, metPeak: past.meetsPeak(startedAt, finishedAt) };
  if (choice === undefined) return met;
  const durationMs = finishedAt - startedAt;
  const { from, until, fixedStart } = choice;
  const lowest = past.lowest({ from, until, durationMs });
  const fixedLoad = past.mean(fixedStart, fixedStart + durationMs);
  return {
    ...met,
    best: lowest !== undefined && lowest.load < load ? lowest : { start: startedAt, load },
    ...(!Number.isNaN(fixedLoad) && {
      fixed: {
        start: fixedStart,
        load: fixedLoad,
        metPeak: past.meetsPeak(fixedStart, fixedStart + durationMs),
      },
    }),
  };
}
