import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { pause } from '../clock/pause.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { coarseStepMs } from '../load/load.ts';
import { Admission, type Occupant } from '../run/admission.ts';
import { comesAsDue } from '../schedule/as-they-come.ts';
import { planJobOf, waysOf, type DueJob, type ExpectedRun } from '../schedule/due-job.ts';
import type { Limits } from '../schedule/limits.ts';
import type { EpochMs } from '../units/instant.ts';
import { Coming } from './coming.ts';
import { Deferrals, isForRoom, outlastsDeadline, type Deferral, type Telling } from './deferrals.ts';
import { byTurn } from './start-order.ts';
import type { WhyAbsent } from './why-absent.ts';

export interface SchedulerOptions {
  readonly schedules: readonly ScheduleConfig[];
  readonly catalog: Pick<Catalog, 'schedules' | 'settleUpTo' | 'recordMissed' | 'append'>;
  readonly clock: Clock;
  /**
   * Runs a schedule for an occurrence; resolves when the run is over, and never rejects. Where what other hosts run leaves no room for it:
   * as soon as that is known, with what is full, as the `reason` of the event.
   */
  readonly start: (schedule: ScheduleConfig, dueAt: EpochMs) => Promise<string | undefined>;
  /**
   * When each of them is to start, by schedule: not before its window opens. Up to the last call one that is left out, for
   * which there is no room, leaves what there is to the others, and Infinity to another host. Absent: all start as their window opens.
   */
  readonly plan?: (
    due: readonly DueJob[],
    running: readonly RunningSchedule[],
    now: EpochMs,
  ) => Promise<ReadonlyMap<string, EpochMs>>;
  /** What a run is expected to take. Absent: what its config says, and nothing is known of its bytes. */
  readonly expectedOf?: (schedule: ScheduleConfig) => ExpectedRun;
  /** What runs share, as it is configured now. Absent: nothing that is counted. */
  readonly limits?: () => Limits;
  /** Why a start has to wait now, as the `reason` of the event; undefined where it need not. Absent: none has to. */
  readonly gate?: (due: DueJob, times: StartTimes) => string | undefined;
  /** Why nothing was run of what this process has not seen wait. Absent: nobody was there. */
  readonly whyAbsent?: WhyAbsent;
  /** Nothing is relied on for longer than this: other processes pause schedules, clocks are set, hosts sleep. Absent: 30 s. */
  readonly longestSleepMs?: number;
  /** Hears of a look at the schedules that failed (the catalog cannot be read); another one follows. */
  readonly onError: (error: unknown) => void;
}

export interface RunningSchedule {
  readonly schedule: ScheduleConfig;
  readonly since: EpochMs;
}

export interface StartTimes {
  readonly now: EpochMs;
  /** When it was first meant to start: a new plan does not give it all of its time again. */
  readonly slot: EpochMs;
  /** The last call: what is to start at all starts now. */
  readonly deadline: EpochMs;
}

/** Of an occurrence, what is the same at each look. */
interface Due {
  readonly dueAt: EpochMs;
  readonly lastCall: EpochMs;
  readonly comesAsDue: boolean;
}

interface Slot {
  readonly dueAt: EpochMs;
  /** As planned; absent: there is no room for it, or another host is to run it. */
  readonly start?: EpochMs;
}

/** Timers are late by a little, and a moment behind the deadline a start is missed. */
const lastCallMs = 5000;

const usualSleepMs = 30_000;

/** Before what other hosts had no room for is tried again: they are not heard of, so it is asked for. */
const askAgainMs = 10_000;

/**
 * Starts each schedule in its slot: critical ones first, as many at once as fit into the host's resources. One that does not
 * fit waits until it does, behind its deadline as well as long as the next one has not come; one that the gate holds, at
 * most to its deadline, and is passed over where it is held even then. Where a start is put off or missed, an event says so.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #running = new Map<string, RunningSchedule>();
  /** When the last run of a schedule was over. */
  readonly #endedAt = new Map<string, EpochMs>();
  readonly #slots = new Map<string, Slot>();
  readonly #deferrals: Deferrals;
  /** When other hosts last had no room for it. */
  readonly #refusedAt = new Map<string, EpochMs>();
  /** By schedule as it was then: one that is changed is another. */
  readonly #due = new WeakMap<ScheduleConfig, Due>();
  readonly #coming: Coming;
  readonly #longestSleepMs: number;
  #lookedAt: EpochMs = -Infinity;
  #wake = new AbortController();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#longestSleepMs = options.longestSleepMs ?? usualSleepMs;
    this.#deferrals = new Deferrals(options.catalog);
    this.#coming = new Coming({
      ...options,
      deferrals: this.#deferrals,
      longestSleepMs: this.#longestSleepMs,
      running: this.#running,
      endedAt: this.#endedAt,
    });
  }

  /** From now on these are run, and no others; runs that are going on go on. */
  replaceSchedules(schedules: readonly ScheduleConfig[]): void {
    this.#coming.replaceSchedules(schedules, this.#options.clock.now());
    this.poke();
  }

  /**
   * When a schedule is planned to run next; undefined while it is paused, runs, has no room or is planned for another host, or
   * has nothing to come.
   */
  nextRunAt(schedule: string): EpochMs | undefined {
    return this.#slots.get(schedule)?.start;
  }

  /** Whether the last look has found it paused. */
  isPaused(schedule: string): boolean {
    return this.#coming.isPaused(schedule);
  }

  /** What the schedule's occurrence that is due now waits for; undefined where none does. */
  deferral(schedule: string): Deferral | undefined {
    return this.#deferrals.of(schedule, this.#slots.get(schedule)?.dueAt);
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
      let wakeAt = clock.now() + this.#longestSleepMs;
      try {
        wakeAt = Math.min(wakeAt, await this.#look(clock.now(), signal));
      } catch (thrown) {
        onError(thrown);
      }
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await pause(clock, Math.max(0, wakeAt - clock.now()), either);
    }
  }

  /** Starts what is due, unless the signal is aborted meanwhile; returns when there will be something to do next. */
  async #look(now: EpochMs, signal: AbortSignal): Promise<EpochMs> {
    const { plan, clock } = this.#options;
    const coming = await this.#coming.at({ now, lookedAt: this.#lookedAt });
    if (plan === undefined) return await this.#follow(coming, undefined, now, signal);
    const starts = await plan(coming, [...this.#running.values()], now);
    // What was in time before is in time, however long the plan took: else what has a second would be missed at each step. No longer
    // than a look may take: behind that the host slept, or its clock was set.
    const took = clock.now() - now;
    const at = took >= 0 && took <= this.#longestSleepMs ? now : clock.now();
    // Meanwhile one may have been paused, and another have come: that one is planned by the next look, which follows at once.
    const asked = new Map(coming.map(({ schedule, occurrence }) => [schedule.id, occurrence.dueAt]));
    const still = await this.#coming.at({ now: at, lookedAt: this.#lookedAt });
    const known = still.filter(({ schedule, occurrence }) => asked.get(schedule.id) === occurrence.dueAt);
    const next = await this.#follow(known, starts, at, signal);
    return known.length === still.length ? next : at;
  }

  /** Decides at one moment who starts; what there is to tell of the others is put on record behind that. */
  async #follow(
    coming: readonly DueJob[],
    starts: ReadonlyMap<string, EpochMs> | undefined,
    now: EpochMs,
    signal: AbortSignal,
  ): Promise<EpochMs> {
    if (signal.aborted) return now;
    this.#slots.clear();
    const slots = coming.map((job) => {
      const { id } = job.schedule;
      const { dueAt, windowStart } = job.occurrence;
      const planned = starts === undefined ? windowStart : (starts.get(id) ?? Infinity);
      this.#slots.set(id, { dueAt, ...(planned < Infinity && { start: planned }) });
      const lastCall = this.#lastCall(job);
      // At the last call all hosts of a pool reach for it: who was given it comes before.
      const isGiven = job.schedule.pool !== undefined && planned < Infinity;
      const call = isGiven ? Math.max(windowStart, lastCall - lastCallMs) : lastCall;
      const start = this.#isNext(job, planned, now) ? now : Math.min(planned, call);
      // Where its window was changed, or a clock set back, the plan is one of before.
      return { job, start: Math.max(windowStart, start) };
    });
    const told = this.#startDue(
      slots.filter(({ start }) => start <= now),
      now,
    );
    this.#lookedAt = now;
    for (const put of told) await put();
    const calls = slots.flatMap(({ job, start }) => [
      ...[start, this.#lastCall(job)],
      // Where that is late, the next one is waited for as well.
      ...(job.nextOpensAt === undefined ? [] : [job.nextOpensAt]),
      this.#asksAgainAt(job, now) ?? start,
    ]);
    return Math.min(...calls.filter((at) => at > now));
  }

  /**
   * Whether it waits for room, and is planned for as soon as there is some: plans begin in steps, behind what is about to be over, and
   * by then something else might have begun.
   */
  #isNext({ schedule, occurrence }: DueJob, planned: EpochMs, now: EpochMs): boolean {
    const waitsFor = this.#deferrals.of(schedule.id, occurrence.dueAt)?.reason;
    return waitsFor !== undefined && isForRoom(waitsFor) && planned > now && planned <= now + coarseStepMs;
  }

  /** Gives what is to be put on record. */
  #startDue(
    due: readonly { readonly job: DueJob; readonly start: EpochMs }[],
    now: EpochMs,
  ): readonly Telling[] {
    const told: Telling[] = [];
    const limits = this.#options.limits?.() ?? {};
    const running = [...this.#running.values()].map((run) => this.#occupant(run));
    const admission = new Admission(running, limits);
    const candidates = due.map(({ job, start }) => ({
      ...{ job, start },
      ...this.#dueOf(job),
      endedAt: this.#endedAt.get(job.schedule.id) ?? -Infinity,
    }));
    for (const { job, start } of candidates.sort(byTurn)) {
      const { windowEnd } = job.occurrence;
      // A plan that has put it behind its window has used up some of its time already.
      const slot =
        this.#deferrals.of(job.schedule.id, job.occurrence.dueAt)?.since ?? Math.min(start, windowEnd);
      const deadline = this.#lastCall(job);
      const held = this.#options.gate?.(job, { now, slot, deadline });
      if (held !== undefined) {
        told.push(...this.#deferrals.defer(job, held, { now, slot }));
        if (now >= deadline && !outlastsDeadline(held)) told.push(this.#passOver(job, now));
        continue;
      }
      if ((this.#asksAgainAt(job, now) ?? now) > now) continue;
      const full = admission.ask(this.#occupant({ schedule: job.schedule, since: now }));
      if (full === undefined) void this.#start(job, { now, slot });
      else told.push(...this.#deferrals.defer(job, full, { now, slot }));
    }
    return told;
  }

  async #start(job: DueJob, times: Pick<StartTimes, 'now' | 'slot'>): Promise<void> {
    const { schedule, occurrence } = job;
    const { start, clock, onError } = this.#options;
    this.#slots.delete(schedule.id);
    this.#running.set(schedule.id, { schedule, since: times.now });
    const full = await start(schedule, occurrence.dueAt);
    this.#running.delete(schedule.id);
    const now = clock.now();
    if (full === undefined) this.#endedAt.set(schedule.id, now);
    else {
      this.#refusedAt.set(schedule.id, now);
      for (const put of this.#deferrals.defer(job, full, { ...times, now })) await put().catch(onError);
    }
    this.poke();
  }

  #passOver(job: DueJob, now: EpochMs): Telling {
    const { schedule, occurrence } = job;
    const reason = this.#deferrals.of(schedule.id, occurrence.dueAt)?.reason;
    const missed = { dueAt: occurrence.dueAt, occurrences: 1, ...(reason !== undefined && { reason }) };
    this.#slots.delete(schedule.id);
    return async () => {
      await this.#options.catalog.recordMissed(schedule.id, missed, now);
      this.poke();
    };
  }

  /** A clock that was set back meanwhile tells nothing of when that was. At the last call in any case: there may be no later one. */
  #asksAgainAt(job: DueJob, now: EpochMs): EpochMs | undefined {
    const refusedAt = this.#refusedAt.get(job.schedule.id);
    if (refusedAt === undefined || refusedAt > now) return undefined;
    const lastCall = this.#lastCall(job);
    return refusedAt < lastCall ? Math.min(refusedAt + askAgainMs, lastCall) : refusedAt + askAgainMs;
  }

  #lastCall(job: DueJob): EpochMs {
    return this.#dueOf(job).lastCall;
  }

  /** Worked out once for each occurrence: there may be thousands. */
  #dueOf(job: DueJob): Due {
    const { dueAt, windowStart } = job.occurrence;
    const known = this.#due.get(job.schedule);
    if (known?.dueAt === dueAt) return known;
    const planned = planJobOf(job, this.#expectedOf(job.schedule));
    const due = {
      dueAt,
      lastCall: Math.max(windowStart, planned.occurrence.deadline - lastCallMs),
      comesAsDue: comesAsDue(planned, coarseStepMs),
    };
    this.#due.set(job.schedule, due);
    return due;
  }

  #expectedOf(schedule: ScheduleConfig): ExpectedRun {
    return (this.#options.expectedOf ?? configured)(schedule);
  }

  #occupant({ schedule, since }: RunningSchedule): Occupant {
    const expected = this.#expectedOf(schedule);
    const { resources, durationMs } = expected;
    return { resources, ways: waysOf(schedule, expected), until: since + durationMs };
  }
}

function configured({ estimated_duration: durationMs, resources }: ScheduleConfig): ExpectedRun {
  return { durationMs, resources };
}
