import { unlessAway } from '../errors/away.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { RunReviews } from '../catalog/reviews.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { expectedWork } from '../run/run-time.ts';
import { expectedFrom, expectedResources, runsLearnedFrom } from '../schedule/learned.ts';
import type { Resources } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';

export interface LearningSources extends Pick<Catalog, 'runs'> {
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
  /** How often. */
  #forgotten = 0;
  readonly #known = new Map<string, { readonly at: EpochMs; readonly learned: LearnedRun }>();

  constructor(sources: LearningSources) {
    this.#sources = sources;
  }

  /** Reads the past of those that are not known, or not of late; while the state is away what is known stands. */
  async learn(schedules: readonly ScheduleConfig[], now: EpochMs): Promise<void> {
    for (const schedule of schedules) {
      const known = this.#known.get(schedule.id);
      if (known !== undefined && Math.abs(now - known.at) < freshMs) continue;
      const forgotten = this.#forgotten;
      const learned = await unlessAway(this.#learn(schedule));
      if (learned === undefined) continue;
      // What has ended while the past was read may be missing in it.
      this.#known.set(schedule.id, { at: forgotten === this.#forgotten ? now : -Infinity, learned });
    }
  }

  /** As it was last learned; of one that never was, what its config guesses. */
  of({ id, estimated_duration: durationMs, resources }: ScheduleConfig): LearnedRun {
    return this.#known.get(id)?.learned ?? { runs: 0, durationMs, resources };
  }

  /** A run of the schedule has ended, or its config has changed: next time it is learned anew. Absent: all of them. */
  forget(schedule?: string): void {
    this.#forgotten += 1;
    for (const [id, { learned }] of this.#known) {
      if (schedule === undefined || id === schedule) this.#known.set(id, { at: -Infinity, learned });
    }
  }

  async #learn({ id, estimated_duration: guessMs, resources }: ScheduleConfig): Promise<LearnedRun> {
    const { reviews } = this.#sources;
    const runs = await this.#sources.runs({ schedule: id, status: 'completed', limit: runsLearnedFrom });
    const size = expectedFrom(runs.flatMap(({ sizeBytes }) => sizeBytes ?? []));
    const stored = expectedFrom(runs.flatMap(({ storedBytes }) => storedBytes ?? []));
    const durationMs = expectedWork(runs, guessMs);
    return {
      runs: runs.length,
      durationMs,
      resources: expectedResources(await reviews.uses(id, runsLearnedFrom), resources, durationMs),
      ...(size !== undefined && { sizeBytes: size }),
      ...(stored !== undefined && { storedBytes: stored }),
    };
  }
}
