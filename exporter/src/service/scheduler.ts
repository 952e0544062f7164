import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { mayStart } from '../run/admission.ts';
import type { DueJob } from './tide.ts';
import type { Occurrence } from '../schedule/recurrence.ts';
import { standing } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';

export interface SchedulerOptions {
  readonly schedules: readonly ScheduleConfig[];
  readonly catalog: Pick<Catalog, 'schedule' | 'settle' | 'recordMissed' | 'append'>;
  readonly clock: Clock;
  /** Runs a schedule for an occurrence; resolves when the run is over, and never rejects. */
  readonly start: (schedule: ScheduleConfig, dueAt: EpochMs) => Promise<void>;
  /**
   * When each of them is to start, by schedule: not before its window opens. One that is left out starts as it opens.
   * Absent: all do.
   */
  readonly plan?: (
    due: readonly DueJob[],
    running: readonly RunningSchedule[],
    now: EpochMs,
  ) => ReadonlyMap<string, EpochMs>;
  /** Why a start has to wait now, as the `reason` of the event; undefined where it need not. Absent: none has to. */
  readonly gate?: (due: DueJob, slot: EpochMs, now: EpochMs) => string | undefined;
  /** Hears of a look at the schedules that failed (the catalog cannot be read); another one follows. */
  readonly onError: (error: unknown) => void;
}

export interface RunningSchedule {
  readonly schedule: ScheduleConfig;
  readonly since: EpochMs;
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
 * Starts each schedule in its slot: critical ones first, as many at once as fit into the host's resources. One that does not
 * fit, or that the gate holds, waits until it does, at most to its deadline. Where a start is put off or missed, an event
 * says so.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #running = new Map<string, RunningSchedule>();
  readonly #slots = new Map<string, EpochMs>();
  /** The last deferral that was told, by schedule. */
  readonly #deferred = new Map<string, string>();
  #schedules: readonly ScheduleConfig[];
  #wake = new AbortController();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#schedules = options.schedules;
  }

  /** From now on these are run, and no others; runs that are going on go on. */
  replaceSchedules(schedules: readonly ScheduleConfig[]): void {
    this.#schedules = schedules;
    this.poke();
  }

  /** When a schedule is to run next; undefined while it is paused, runs, or has nothing to come. */
  nextRunAt(schedule: string): EpochMs | undefined {
    return this.#slots.get(schedule);
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
    const { plan } = this.#options;
    const coming = this.#schedules.flatMap((schedule): DueJob[] => {
      const occurrence = this.#nextOf(schedule, now);
      return occurrence === undefined ? [] : [{ schedule, occurrence }];
    });
    const starts = plan?.(coming, [...this.#running.values()], now);
    this.#slots.clear();
    const slots = coming.map((job) => {
      const start = starts?.get(job.schedule.id) ?? job.occurrence.windowStart;
      this.#slots.set(job.schedule.id, start);
      return { job, start };
    });
    this.#startDue(
      slots.filter(({ start }) => start <= now),
      now,
    );
    return Math.min(...slots.map(({ start }) => start).filter((start) => start > now));
  }

  #startDue(due: readonly { readonly job: DueJob; readonly start: EpochMs }[], now: EpochMs): void {
    let room = true;
    for (const { job, start } of due.toSorted((a, b) => byUrgency(a.job, b.job))) {
      const held = this.#options.gate?.(job, start, now);
      if (held !== undefined) {
        this.#defer(job, held, now);
        continue;
      }
      const running = [...this.#running.values()].map(({ schedule }) => schedule.resources);
      // Strictly in order: small runs that slip past would keep a large one waiting for ever.
      room &&= mayStart(job.schedule.resources, running);
      if (room) this.#start(job, now);
      else this.#defer(job, 'capacity', now);
    }
  }

  #nextOf(schedule: ScheduleConfig, now: EpochMs): Occurrence | undefined {
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
    return next;
  }

  #start({ schedule, occurrence }: DueJob, now: EpochMs): void {
    this.#slots.delete(schedule.id);
    this.#running.set(schedule.id, { schedule, since: now });
    void this.#options.start(schedule, occurrence.dueAt).finally(() => {
      this.#running.delete(schedule.id);
      this.poke();
    });
  }

  /** Told once for each occurrence and reason, not at every look. */
  #defer({ schedule, occurrence }: DueJob, reason: string, now: EpochMs): void {
    const deferral = `${occurrence.dueAt} ${reason}`;
    if (this.#deferred.get(schedule.id) === deferral) return;
    this.#deferred.set(schedule.id, deferral);
    this.#options.catalog.append({ name: 'run:deferred', schedule: schedule.id, reason }, now);
  }
}

function byUrgency(a: DueJob, b: DueJob): number {
  return (
    ranks[a.schedule.priority] - ranks[b.schedule.priority] ||
    a.occurrence.deadline - b.occurrence.deadline ||
    (a.schedule.id < b.schedule.id ? -1 : 1)
  );
}
