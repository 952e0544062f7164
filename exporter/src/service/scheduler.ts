import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { mayStart } from '../run/admission.ts';
import type { Occurrence } from '../schedule/recurrence.ts';
import { standing } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';

export interface SchedulerOptions {
  readonly schedules: readonly ScheduleConfig[];
  readonly catalog: Pick<Catalog, 'schedule' | 'settle' | 'recordMissed' | 'append'>;
  readonly clock: Clock;
  /** Runs a schedule for an occurrence; resolves when the run is over, and never rejects. */
  readonly start: (schedule: ScheduleConfig, dueAt: EpochMs) => Promise<void>;
  /** Hears of a look at the schedules that failed (the catalog cannot be read); another one follows. */
  readonly onError: (error: unknown) => void;
}

/** Other processes pause schedules, clocks are set, hosts sleep: nothing is relied on for longer than this. */
const longestSleepMs = 30_000;

const ranks: Readonly<Record<ScheduleConfig['priority'], number>> = {
  critical: 0,
  high: 1,
  medium: 2,
  low: 3,
};

/**
 * Runs each schedule as its window opens: critical ones first, as many at once as fit into the host's resources. One that
 * does not fit waits until it does, at most to its deadline. Where a start is put off or missed, an event says so.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #running = new Map<string, ScheduleConfig['resources']>();
  readonly #next = new Map<string, Occurrence>();
  /** The occurrence for which a deferral was told, by schedule. */
  readonly #deferred = new Map<string, EpochMs>();
  #wake = new AbortController();

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** When a schedule is to run next; undefined while it is paused, runs, or has nothing to come. */
  nextRunAt(schedule: string): EpochMs | undefined {
    return this.#next.get(schedule)?.windowStart;
  }

  /** Looks again at once: a schedule was paused, resumed, or run by hand. */
  poke(): void {
    this.#wake.abort();
  }

  /** Goes on until the signal is aborted; runs that are going on then are the caller's to wait for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let wakeAt = clock.now() + longestSleepMs;
      try {
        wakeAt = Math.min(wakeAt, this.#look(clock.now()));
      } catch (thrown) {
        onError(thrown);
      }
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await clock.wakeAt(wakeAt, either).catch(() => undefined);
    }
  }

  /** Starts what is due; returns when there will be something to do next. */
  #look(now: EpochMs): EpochMs {
    const due: { readonly schedule: ScheduleConfig; readonly occurrence: Occurrence }[] = [];
    let earliest = Infinity;
    for (const schedule of this.#options.schedules) {
      const next = this.#nextOf(schedule, now);
      if (next === undefined) continue;
      if (next.windowStart <= now) due.push({ schedule, occurrence: next });
      else earliest = Math.min(earliest, next.windowStart);
    }
    due.sort(
      (a, b) =>
        ranks[a.schedule.priority] - ranks[b.schedule.priority] ||
        a.occurrence.deadline - b.occurrence.deadline ||
        (a.schedule.id < b.schedule.id ? -1 : 1),
    );
    let room = true;
    for (const { schedule, occurrence } of due) {
      // Strictly in order: small runs that slip past would keep a large one waiting for ever.
      room &&= mayStart(schedule.resources, [...this.#running.values()]);
      if (room) this.#start(schedule, occurrence);
      else this.#defer(schedule, occurrence, now);
    }
    return earliest;
  }

  #nextOf(schedule: ScheduleConfig, now: EpochMs): Occurrence | undefined {
    this.#next.delete(schedule.id);
    if (this.#running.has(schedule.id)) return undefined;
    const { catalog } = this.#options;
    const { paused, settledUntil } = catalog.schedule(schedule.id);
    // A schedule that is new has missed nothing.
    if (settledUntil === undefined) catalog.settle(schedule.id, now);
    const { missed, next } = standing(schedule, settledUntil ?? now, now);
    if (paused) {
      if (missed !== undefined) catalog.settle(schedule.id, missed.dueAt);
      return undefined;
    }
    if (missed !== undefined) catalog.recordMissed(schedule.id, missed.dueAt, missed.occurrences, now);
    if (next !== undefined) this.#next.set(schedule.id, next);
    return next;
  }

  #start(schedule: ScheduleConfig, { dueAt }: Occurrence): void {
    this.#next.delete(schedule.id);
    this.#running.set(schedule.id, schedule.resources);
    void this.#options.start(schedule, dueAt).finally(() => {
      this.#running.delete(schedule.id);
      this.poke();
    });
  }

  #defer(schedule: ScheduleConfig, { dueAt }: Occurrence, now: EpochMs): void {
    if (this.#deferred.get(schedule.id) === dueAt) return;
    this.#deferred.set(schedule.id, dueAt);
    this.#options.catalog.append({ name: 'run:deferred', schedule: schedule.id, reason: 'capacity' }, now);
  }
}
