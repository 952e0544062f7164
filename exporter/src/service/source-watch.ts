import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { WatchedSource } from '../health/facts.ts';
import { openScratch } from '../run/scratch.ts';
import { createSource } from '../source/create.ts';

/** Databases are connected to for it: often enough to know before the night, seldom enough not to be in the way. */
const checkEveryMs = 10 * 60_000;
const checkTimeoutMs = 30_000;

/** Looks now and then whether each source could be dumped, one after the other, in the background. */
export class SourceWatch {
  readonly #scratchRoot: string;
  readonly #clock: Clock;
  readonly #found = new Map<string, WatchedSource>();
  #schedules: readonly ScheduleConfig[];
  #wake = new AbortController();

  constructor(schedules: readonly ScheduleConfig[], scratchRoot: string, clock: Clock) {
    this.#schedules = schedules;
    this.#scratchRoot = scratchRoot;
    this.#clock = clock;
  }

  replaceSchedules(schedules: readonly ScheduleConfig[]): void {
    this.#schedules = schedules;
    this.#wake.abort();
  }

  watched(): readonly WatchedSource[] {
    return this.#schedules.flatMap(({ id }) => this.#found.get(id) ?? []);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      for (const schedule of this.#schedules) await this.#check(schedule, signal);
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await this.#clock.wakeAt(this.#clock.now() + checkEveryMs, either).catch(() => undefined);
    }
  }

  async #check({ id, source }: ScheduleConfig, signal: AbortSignal): Promise<void> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(checkTimeoutMs)]);
    try {
      await using scratch = await openScratch(this.#scratchRoot);
      await createSource(source).check({ scratch: scratch.path, signal: within });
      this.#found.set(id, { schedule: id });
    } catch (thrown) {
      if (signal.aborted) return;
      const error = within.aborted
        ? new LowtideError('source_unreachable', 'the source does not answer')
        : LowtideError.from(thrown);
      this.#found.set(id, {
        schedule: id,
        trouble: { message: error.message, ...(error.hint !== undefined && { hint: error.hint }) },
      });
    }
  }
}
