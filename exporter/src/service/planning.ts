import { isDeepStrictEqual } from 'node:util';
import type { ScheduleConfig } from '../config/schema.ts';
import { following, type DueJob } from '../schedule/due-job.ts';
import type { PreviousSlot } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';
import { atStep, planStepMs } from './plan-step.ts';
import type { PlanThread } from './plan-thread.ts';
import type { RunningSchedule } from './scheduler.ts';
import type { Tide } from './tide.ts';

/** What hosts that share a PostgreSQL have planned together, as far as it is this host's. */
export interface PlanOfAll {
  /** Another one each time that something of it has changed. */
  readonly planVersion: number;
  /** Undefined: it is not in that plan. Infinity: it is another's. */
  startOf(schedule: string, dueAt: EpochMs): EpochMs | undefined;
}

/** Keeps the plan that the scheduler follows: made anew when what is due, running or configured has changed, and with each step of the forecast. */
export class Planning {
  readonly #tide: Tide;
  readonly #thread: Pick<PlanThread, 'slots'>;
  #made: { readonly key: string; readonly starts: ReadonlyMap<string, EpochMs> } | undefined;
  /** What comes later is among them. */
  #slots: ReadonlyMap<string, PreviousSlot> = new Map();
  #version = 0;
  #renewals = 0;
  #ofAll: PlanOfAll | undefined;

  constructor(tide: Tide, thread: Pick<PlanThread, 'slots'>) {
    this.#tide = tide;
    this.#thread = thread;
  }

  /** From now on what the plan of all hosts says goes before. */
  follow(ofAll: PlanOfAll): void {
    this.#ofAll = ofAll;
  }

  /** What is planned was changed by a reload, and is planned anew. */
  renew(): void {
    this.#renewals += 1;
  }

  /** Another one each time that something is to start at another time than before. */
  get version(): number {
    return this.#version;
  }

  /** When it is to start, as far as that is planned. Infinity: another host has it. */
  startOf(schedule: string, dueAt: EpochMs): EpochMs | undefined {
    return this.#ofAll?.startOf(schedule, dueAt) ?? this.#slots.get(keyOf(schedule, dueAt))?.start;
  }

  /** When each is to start; what the plan has no room for is left out. */
  async starts(
    due: readonly DueJob[],
    running: readonly RunningSchedule[],
    now: EpochMs,
  ): Promise<ReadonlyMap<string, EpochMs>> {
    const key = JSON.stringify([
      Math.floor(now / planStepMs),
      this.#tide.renewals,
      this.#renewals,
      due.map(({ schedule, occurrence }) => [schedule.id, occurrence.dueAt]),
      running.map(({ schedule }) => schedule.id),
      this.#ofAll?.planVersion,
    ]);
    if (this.#made?.key === key) return this.#made.starts;
    const busy = running.map(({ schedule }) => schedule);
    const from = atStep(now);
    const durationOf = (schedule: ScheduleConfig): number => this.#tide.learning.of(schedule).durationMs;
    const slots = await this.#thread.slots({
      ...(await this.#tide.request([...due, ...following(due, busy, { now, durationOf })], from)),
      previous: [...this.#slots.values()],
      running: await this.#tide.running(running, from),
    });
    this.#slots = new Map(
      slots.map((slot) => [keyOf(slot.schedule, slot.dueAt), this.#asAllPlan(slot)] as const),
    );
    return this.#keep(key, due);
  }

  #asAllPlan(slot: PreviousSlot): PreviousSlot {
    const { schedule, dueAt } = slot;
    return { schedule, dueAt, start: this.#ofAll?.startOf(schedule, dueAt) ?? slot.start };
  }

  #keep(key: string, due: readonly DueJob[]): ReadonlyMap<string, EpochMs> {
    const starts = new Map<string, EpochMs>();
    for (const { schedule, occurrence } of due) {
      const start = this.startOf(schedule.id, occurrence.dueAt);
      if (start !== undefined) starts.set(schedule.id, start);
    }
    if (!isDeepStrictEqual(starts, this.#made?.starts)) this.#version += 1;
    this.#made = { key, starts };
    return starts;
  }
}

function keyOf(schedule: string, dueAt: EpochMs): string {
  return `${dueAt} ${schedule}`;
}
