import type { Catalog, Run } from '../catalog/catalog.ts';
import type { NewReview, UnusualFigure } from '../catalog/reviews.ts';
import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { coarseStepMs } from '../load/load.ts';
import { recordsOf } from '../load/of-host.ts';
import { PastLoad, type HighWater } from '../load/past-load.ts';
import { runsLearnedFrom } from '../schedule/learned.ts';
import type { EpochMs } from '../units/instant.ts';
import { choiceOf, reviewRun } from './review.ts';

export interface ReviewerOptions {
  readonly catalog: Pick<Catalog, 'runs' | 'reviews' | 'load' | 'hostLoads'>;
  readonly clock: Clock;
  /** As they are now: a reload changes them. */
  readonly schedules: () => readonly ScheduleConfig[];
  /** Of the host that a schedule names; undefined: of this one. */
  readonly highWater: (host: string | undefined) => HighWater;
  /** Told once of each figure. */
  readonly onUnusual: (run: Run, figure: UnusualFigure) => void;
  /** Hears of a look that failed; another one follows. */
  readonly onError: (error: unknown) => void;
}

const lookEveryMs = 60_000;
/** More at once would hold up what else goes on; the rest comes soon after. */
const mostAtOnce = 20;
const restAfterMs = 250;
/** A review is open for as long as its window: thousands of schedules stay below. */
const openLimit = 100_000;

/**
 * Looks back at completed runs: at once, whether they were unusual; when the load is on record, what they met; and when their
 * window is over, what they could have met. It starts from what the catalog has: a restart forgets none.
 */
export class Reviewer {
  readonly #options: ReviewerOptions;
  /** By run: when there will be more to say, and what was last said. */
  readonly #seen = new Map<string, { readonly againAt: EpochMs; readonly said: string }>();
  #wake = new AbortController();

  constructor(options: ReviewerOptions) {
    this.#options = options;
  }

  /** Looks at once: a run has ended. */
  poke(): void {
    this.#wake.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let left = 0;
      try {
        left = await this.look(clock.now());
      } catch (thrown) {
        onError(thrown);
      }
      const either = AbortSignal.any([signal, this.#wake.signal]);
      const pauseMs = left > 0 ? restAfterMs : lookEveryMs;
      await clock.wakeAt(clock.now() + pauseMs, either).catch(() => undefined);
    }
  }

  /** Reviews some of what there is to say something new about; returns how many are left. */
  async look(now: EpochMs): Promise<number> {
    const open = await this.#options.catalog.reviews.open(openLimit);
    const ids = new Set(open.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    const due = open.filter(({ id }) => (this.#seen.get(id)?.againAt ?? 0) <= now);
    for (const run of due.slice(0, mostAtOnce)) await this.review(run, now);
    return Math.max(0, due.length - mostAtOnce);
  }

  /** Says of one completed run what can be said now. */
  async review(run: Run, now: EpochMs): Promise<void> {
    const { catalog, schedules, highWater, onUnusual } = this.#options;
    const { startedAt, finishedAt = startedAt } = run;
    const earlier = await catalog.runs({
      schedule: run.schedule,
      status: 'completed',
      after: run.id,
      limit: runsLearnedFrom,
    });
    const schedule = schedules().find(({ id }) => id === run.schedule);
    const choice = choiceOf(run, schedule);
    const from = Math.min(startedAt, choice?.from ?? startedAt) - coarseStepMs;
    const until = Math.max(finishedAt, (choice?.until ?? 0) + finishedAt - startedAt) + coarseStepMs;
    const records = await recordsOf(catalog, schedule?.host, from, Math.min(until, now));
    const past = new PastLoad(records, coarseStepMs, highWater(schedule?.host));
    const { review, againAt = Infinity } = reviewRun({ run, earlier, choice, past, now });
    const said = JSON.stringify(review);
    if (this.#seen.get(run.id)?.said !== said) await this.#record(run, review, now, onUnusual);
    this.#seen.set(run.id, { againAt, said });
  }

  async #record(
    run: Run,
    review: NewReview,
    now: EpochMs,
    onUnusual: ReviewerOptions['onUnusual'],
  ): Promise<void> {
    const { reviews } = this.#options.catalog;
    const known = (await reviews.of([run.id])).get(run.id)?.unusual ?? [];
    await reviews.record(run.id, review, now);
    for (const each of review.unusual) {
      if (!known.some(({ figure }) => figure === each.figure)) onUnusual(run, each);
    }
  }
}
