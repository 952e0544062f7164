import type { PlacementJob } from './placement-problem.ts';
import type { Placement } from './placement.ts';
import type { PlanJob, PlanRequest } from './planner.ts';
import type { HostLoad, SlotGrid } from './slot-grid.ts';

/** What a plan was made from and what came of it: all that its reasons need. */
export interface Planning {
  readonly request: PlanRequest;
  readonly grid: SlotGrid;
  /** The load of other hosts, in the same slots. */
  readonly hosts: ReadonlyMap<string, SlotGrid>;
  readonly jobs: readonly PlanJob[];
  readonly placement: Placement;
  /** What the jobs ask for, also where less than that is free at any time. */
  readonly wanted: readonly PlacementJob[];
  /** The stores whose streams are counted, in the order of the resources behind cpu and memory. */
  readonly stores: readonly string[];
}

/** What a job meets; a host that nothing is told of is taken for this one. */
export function loadOf({ load, hosts = {} }: PlanRequest, job: PlanJob | undefined): HostLoad {
  return hosts[job?.host ?? ''] ?? load;
}

/** Whether a job is planned with less than it asks for. */
export function makesDo({ placement, wanted }: Planning, index: number): boolean {
  const asked = wanted[index];
  if (asked === undefined || asked === placement.problem.jobs[index]) return false;
  return asked.needs.some((need, resource) => need > placement.need(index, resource));
}
