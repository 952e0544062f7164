import type { EpochMs } from '../units/instant.ts';
import type { Run } from './catalog.ts';

/**
 * What is found out about a completed run after its end: what it took of the host, what was unusual about it, what load it
 * met, and what it could have met. A review becomes final once its window is over; until then it may be written again.
 */
export interface RunReviews {
  /** Files what a run took, as the process that made it has measured. Of a run that did not complete, nothing is kept. */
  recordUse(runId: string, use: RunUse): Promise<void>;
  /** Completed runs whose review is not final, the one begun first comes first. */
  open(limit: number): Promise<readonly Run[]>;
  /**
   * Files a review, in place of the one before. Appends `run:unusual` for each figure that was not known to be unusual, and
   * `run:reviewed` once it is final. Throws `not_found` for a run that has not completed, `run_ended` where it is final.
   */
  record(runId: string, review: NewReview, at: EpochMs): Promise<void>;
  /** By run; those of which nothing is known are left out. */
  of(runIds: readonly string[]): Promise<ReadonlyMap<string, RunReview>>;
  /** What the latest completed runs of a schedule took, the last one first; those that were not measured are left out. */
  uses(schedule: string, limit: number): Promise<readonly RunUse[]>;
  /** By schedule: what its last reviewed run met. From a summary: cheap at 100,000 runs. */
  latest(): Promise<Readonly<Record<string, LatestLoad>>>;
}

/** Shares of the host, 0 to 1: of the processors the mean, of memory the most. */
export interface RunUse {
  readonly cpu: number;
  readonly memory: number;
}

export interface NewReview {
  /** Empty where all was as usual, or too little is known to say. */
  readonly unusual: readonly UnusualFigure[];
  /** Absent where the load during the run is not known (yet). */
  readonly load?: ReviewedLoad;
  readonly isFinal: boolean;
}

export interface RunReview extends NewReview {
  readonly use?: RunUse;
}

export interface UnusualFigure {
  /** `duration` in seconds, `size` in bytes before compression. */
  readonly figure: 'duration' | 'size';
  readonly value: number;
  /** Between these it would have been usual. */
  readonly low: number;
  readonly high: number;
}

/** The host's load alone, 0 to 1: processors and memory as the planner weighs them. */
export interface ReviewedLoad {
  readonly load: number;
  /** Whether a resource was above its high-water mark meanwhile. */
  readonly metPeak: boolean;
  /** The lowest that a start in its window would have met, as far as the window is over. */
  readonly best?: { readonly start: EpochMs; readonly load: number };
  /** What a start at a fixed 02:00 would have met. */
  readonly fixed?: { readonly start: EpochMs; readonly load: number; readonly metPeak: boolean };
}

export interface LatestLoad {
  readonly load: number;
  readonly best?: number;
  readonly fixed?: number;
}
