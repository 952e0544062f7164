import type { FleetRequest } from './fleet.ts';
import { unplaced } from './placement.ts';
import type { PlanJob } from './planner.ts';
import { slotAt, type SlotGrid } from './slot-grid.ts';

/** Which place each job had in the plan before. Those of a schedule are linked through one array: thousands of lists less. */
export class PreviousPlaces {
  /** By owner and schedule, the first of its runs. */
  readonly #first = new Map<string, Map<string, number>>();
  readonly #next: Int32Array;
  readonly #dueAt: Float64Array;
  readonly #place: Int32Array;

  constructor({ previous }: FleetRequest, instances: readonly string[], grid: SlotGrid) {
    const told = instances.map((instance) => previous?.get(instance) ?? []);
    const count = told.reduce((sum, slots) => sum + slots.length, 0);
    this.#next = new Int32Array(count);
    this.#dueAt = new Float64Array(count);
    this.#place = new Int32Array(count);
    let run = count;
    // From behind, for of two that tell of one run the first counts.
    for (let host = instances.length - 1; host >= 0; host -= 1) {
      const slots = told[host] ?? [];
      for (let index = slots.length - 1; index >= 0; index -= 1) {
        const slot = slots[index];
        run -= 1;
        if (slot === undefined) continue;
        const at = slotAt(grid, slot.start);
        if (at < 0 || at >= grid.slots) continue;
        const owner = slot.owner ?? instances[host] ?? '';
        let ofOwner = this.#first.get(owner);
        if (ofOwner === undefined) this.#first.set(owner, (ofOwner = new Map<string, number>()));
        this.#next[run] = ofOwner.get(slot.schedule) ?? none;
        this.#dueAt[run] = slot.dueAt;
        this.#place[run] = host * grid.slots + at;
        ofOwner.set(slot.schedule, run);
      }
    }
  }

  /** `unplaced` where it had none. */
  of(owner: string, { schedule, occurrence }: PlanJob): number {
    let run = this.#first.get(owner)?.get(schedule) ?? none;
    while (run !== none && this.#dueAt[run] !== occurrence.dueAt) run = this.#next[run] ?? none;
    return this.#place[run] ?? unplaced;
  }
}

const none = -1;
