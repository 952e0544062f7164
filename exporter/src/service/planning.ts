import type { PreviousSlot } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';
import type { RunningSchedule } from './scheduler.ts';
import type { DueJob, Tide } from './tide.ts';

/** A plan is made anew when what is due or running has changed, and with each step of the forecast. */
const planStepMs = 300_000;

/** Keeps the plan that the scheduler follows. */
export class Planning {
  readonly #tide: Tide;
  #made: { readonly key: string; readonly starts: ReadonlyMap<string, EpochMs> } | undefined;
  #slots: readonly PreviousSlot[] = [];

  constructor(tide: Tide) {
    this.#tide = tide;
  }

  /** When each is to start; what the plan has no room for starts as its window opens, and waits its turn. */
  starts(
    due: readonly DueJob[],
    running: readonly RunningSchedule[],
    now: EpochMs,
  ): ReadonlyMap<string, EpochMs> {
    const key = JSON.stringify([
      Math.floor(now / planStepMs),
      due.map(({ schedule, occurrence }) => [schedule.id, occurrence.dueAt]),
      running.map(({ schedule }) => schedule.id),
    ]);
    if (this.#made?.key === key) return this.#made.starts;
    const plan = this.#tide.plan(due, now, {
      previous: this.#slots,
      running: running.map(({ schedule, since }) => ({
        until: Math.max(now, since + this.#tide.durationOf(schedule)),
        resources: schedule.resources,
        stores: schedule.stores,
      })),
    });
    this.#slots = plan.slots;
    this.#made = { key, starts: new Map(plan.slots.map(({ schedule, start }) => [schedule, start])) };
    return this.#made.starts;
  }
}
