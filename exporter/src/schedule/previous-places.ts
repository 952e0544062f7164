import type { FleetRequest } from './fleet.ts';
import { unplaced } from './placement.ts';
import type { PlanJob } from './planner.ts';
import { slotAt, type SlotGrid } from './slot-grid.ts';

/** Due times, and behind each its place: thousands of objects less. */
export type PreviousPlaces = number[];

/** By owner and schedule. */
export function placesBefore(
  { previous }: FleetRequest,
  instances: readonly string[],
  grid: SlotGrid,
): ReadonlyMap<string, ReadonlyMap<string, PreviousPlaces>> {
  const places = new Map<string, Map<string, PreviousPlaces>>();
  for (const [host, instance] of instances.entries()) {
    for (const { owner = instance, schedule, dueAt, start } of previous?.get(instance) ?? []) {
      const slot = slotAt(grid, start);
      if (slot < 0 || slot >= grid.slots) continue;
      let ofOwner = places.get(owner);
      if (ofOwner === undefined) places.set(owner, (ofOwner = new Map<string, PreviousPlaces>()));
      const ofSchedule = ofOwner.get(schedule);
      if (ofSchedule === undefined) ofOwner.set(schedule, [dueAt, host * grid.slots + slot]);
      else ofSchedule.push(dueAt, host * grid.slots + slot);
    }
  }
  return places;
}

export function placeBefore(places: PreviousPlaces | undefined, { occurrence }: PlanJob): number {
  for (let index = 0; places !== undefined && index < places.length; index += 2) {
    if (places[index] === occurrence.dueAt) return places[index + 1] ?? unplaced;
  }
  return unplaced;
}
