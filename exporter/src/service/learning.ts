import type { Catalog } from '../catalog/catalog.ts';
import type { RunReviews } from '../catalog/reviews.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { expectedWork } from '../run/run-time.ts';
import { expectedFrom, expectedResources, runsLearnedFrom } from '../schedule/learned.ts';
import type { Resources } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';

export interface LearningSources {
  readonly runs: Catalog['runs'];
  readonly reviews: Pick<RunReviews, 'uses'>;
}

/** What the next run of a schedule is expected to take: learned, or the guesses of the config while there is too little. */
export interface LearnedRun {
  /** How many runs it was learned from, at most ten. */
  readonly runs: number;
  readonly durationMs: number;
  readonly resources: Resources;
  /** Before compression, and of one copy; absent below three runs. */
  readonly sizeBytes?: number;
  readonly storedBytes?: number;
}

/** Runs of other processes (`lowtide backup`) are taken notice of within the hour. */
const freshMs = 3_600_000;

/** What is expected of schedules, kept for a while: a plan asks for thousands of them. */
export class Learning {
  readonly #sources: LearningSources;
  readonly #known = new Map<string, { readonly at: EpochMs; readonly learned: LearnedRun }>();

  constructor(sources: LearningSources) {
    this.#sources = sources;
  }

  of(schedule: ScheduleConfig, now: EpochMs): LearnedRun {
    const known = this.#known.get(schedule.id);
    if (known !== undefined && Math.abs(now - known.at) < freshMs) return known.learned;
    const learned = this.#learn(schedule);
    this.#known.set(schedule.id, { at: now, learned });
    return learned;
  }

  /** A run of the schedule has ended, or its config has changed: next time it is learned anew. Absent: all of them. */
  forget(schedule?: string): void {
    if (schedule === undefined) this.#known.clear();
    else this.#known.delete(schedule);
  }

  #learn({ id, estimated_duration: guessMs, resources }: ScheduleConfig): LearnedRun {
    const { runs: list, reviews } = this.#sources;
    const runs = list({ schedule: id, status: 'completed', limit: runsLearnedFrom });
    const size = expectedFrom(runs.flatMap(({ sizeBytes }) => sizeBytes ?? []));
    const stored = expectedFrom(runs.flatMap(({ storedBytes }) => storedBytes ?? []));
    return {
      runs: runs.length,
      durationMs: expectedWork(runs, guessMs),
      resources: expectedResources(reviews.uses(id, runsLearnedFrom), resources),
      ...(size !== undefined && { sizeBytes: size }),
      ...(stored !== undefined && { storedBytes: stored }),
    };
  }
}
