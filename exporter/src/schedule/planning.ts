import type { PlacementJob } from './placement-problem.ts';
import type { Placement } from './placement.ts';
import type { PlanJob, PlanRequest } from './planner.ts';
import type { SlotGrid } from './slot-grid.ts';

/** What a plan was made from and what came of it: all that its reasons need. */
export interface Planning {
  readonly request: PlanRequest;
  readonly grid: SlotGrid;
  readonly jobs: readonly PlanJob[];
  readonly placement: Placement;
  /** What the jobs ask for, also where less than that is free at any time. */
  readonly wanted: readonly PlacementJob[];
  /** The stores whose streams are counted, in the order of the resources behind cpu and memory. */
  readonly stores: readonly string[];
}

/** Whether a job is planned with less than it asks for. */
export function makesDo({ placement, wanted }: Planning, index: number): boolean {
  const asked = wanted[index];
  if (asked === undefined || asked === placement.problem.jobs[index]) return false;
  return asked.needs.some((need, resource) => need > placement.need(index, resource));
}
