import { isDeepStrictEqual } from 'node:util';
import type { DueJob } from '../schedule/due-job.ts';
import type { PreviousSlot } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';
import type { PlanThread } from './plan-thread.ts';
import type { RunningSchedule } from './scheduler.ts';
import type { Tide } from './tide.ts';

/** A plan is made anew when what is due or running has changed, and with each step of the forecast. */
const planStepMs = 300_000;

/** What hosts that share a PostgreSQL have planned together, as far as it is this host's. */
export interface PlanOfAll {
  /** Another one each time that something of it has changed. */
  readonly planVersion: number;
  /** Undefined: it is not in that plan. Infinity: it is another's. */
  startOf(schedule: string, dueAt: EpochMs): EpochMs | undefined;
}

/** Keeps the plan that the scheduler follows. */
export class Planning {
  readonly #tide: Tide;
  readonly #thread: Pick<PlanThread, 'slots'>;
  #made: { readonly key: string; readonly starts: ReadonlyMap<string, EpochMs> } | undefined;
  #slots: readonly PreviousSlot[] = [];
  #version = 0;
  #ofAll: PlanOfAll | undefined;

  constructor(tide: Tide, thread: Pick<PlanThread, 'slots'>) {
    this.#tide = tide;
    this.#thread = thread;
  }

  /** From now on what the plan of all hosts says goes before. */
  follow(ofAll: PlanOfAll): void {
    this.#ofAll = ofAll;
  }

  /** Another one each time that something is to start at another time than before. */
  get version(): number {
    return this.#version;
  }

  /** When it is to start, as far as that is planned. Infinity: another host has it. */
  startOf(schedule: string, dueAt: EpochMs): EpochMs | undefined {
    const next = this.#slots.find((slot) => slot.schedule === schedule && slot.dueAt === dueAt);
    return this.#ofAll?.startOf(schedule, dueAt) ?? next?.start;
  }

  /** When each is to start; what the plan has no room for starts as its window opens, and waits its turn. */
  async starts(
    due: readonly DueJob[],
    running: readonly RunningSchedule[],
    now: EpochMs,
  ): Promise<ReadonlyMap<string, EpochMs>> {
    const key = JSON.stringify([
      Math.floor(now / planStepMs),
      this.#tide.renewals,
      due.map(({ schedule, occurrence }) => [schedule.id, occurrence.dueAt]),
      running.map(({ schedule }) => schedule.id),
      this.#ofAll?.planVersion,
    ]);
    if (this.#made?.key === key) return this.#made.starts;
    const slots = await this.#thread.slots({
      ...(await this.#tide.request(due, now)),
      previous: this.#slots,
      running: await this.#tide.running(running, now),
    });
    return this.#keep(
      key,
      slots.map((slot) => this.#asAllPlan(slot)),
    );
  }

  #asAllPlan(slot: PreviousSlot): PreviousSlot {
    const { schedule, dueAt } = slot;
    return { schedule, dueAt, start: this.#ofAll?.startOf(schedule, dueAt) ?? slot.start };
  }

  #keep(key: string, slots: readonly PreviousSlot[]): ReadonlyMap<string, EpochMs> {
    this.#slots = slots;
    const starts = new Map(slots.map(({ schedule, start }) => [schedule, start]));
    if (!isDeepStrictEqual(starts, this.#made?.starts)) this.#version += 1;
    this.#made = { key, starts };
    return starts;
  }
}
