import type { EpochMs } from '../units/instant.ts';
import type { Explanation } from './explain.ts';
import type { Limits } from './limits.ts';
import type { Effort } from './optimise.ts';
import { byStart, explainer, slotOf, tellOutcome } from './outcome.ts';
import { makePlanning } from './planning.ts';
import type { Misfit, PlanJob, PlannedSlot, PreviousSlot, Resources, RunningJob } from './planner.ts';
import type { HostLoad } from './slot-grid.ts';

/**
 * One plan for many hosts, by the laws of planner.ts, which is the same for one: each runs what is its own, beside what it has
 * to do itself, and all together never take more of a store, a network or a database server than that allows. What belongs
 * to a pool is given a host with its slot. A host that is left out is not reckoned with: its share of a pool's jobs is the
 * others'.
 */
export interface FleetRequest {
  readonly now: EpochMs;
  /** By instance. */
  readonly hosts: ReadonlyMap<string, FleetHost>;
  /** What hosts have together: a store, a network or a server of this name is the same for all. */
  readonly shared?: Limits;
  /** The plan before, by the host on which each was to run. A job leaves its host and slot only for a gain that is worth it. */
  readonly previous?: ReadonlyMap<string, readonly PreviousRun[]>;
  /**
   * Hosts of which something is told that was not told when that plan was made: what the others have keeps its slot wherever it
   * can. Absent: it may be any of them.
   */
  readonly changed?: ReadonlySet<string>;
  /** Absent: `settled` where there is a plan before, else `improved`. */
  readonly effort?: Effort;
}

export interface FleetHost {
  /** What it has to run; what belongs to a pool, it is one of those that may. */
  readonly jobs: readonly PlanJob[];
  readonly running?: readonly RunningJob[];
  readonly load: HostLoad;
  /** That of further hosts, by name: of those that its jobs name. */
  readonly hosts?: Readonly<Record<string, HostLoad>>;
  /** How far it may be taken; absent: all of it. */
  readonly capacity?: Resources;
  /** What it has for itself, as a store in a folder: in its plan, these names mean nothing else. */
  readonly limits?: Limits;
}

/** A job is told from every other by its owner, its schedule and its time. */
export interface PreviousRun extends PreviousSlot {
  /** The host, or the pool, whose schedule it is; absent: the host that was to run it. */
  readonly owner?: string;
}

export interface PlannedFleet {
  /** By the host they run on, in the order of their starts; each host of the request has its list. */
  readonly slots: ReadonlyMap<string, readonly FleetRun[]>;
  /** What could not be placed as it should be. One that starts late has a slot as well. */
  readonly misfits: readonly FleetMisfit[];
  /** Why a slot of this plan lies where it lies. Worked out when asked for: most slots are never looked at. */
  readonly explain: (slot: FleetRun) => Explanation;
}

export interface FleetRun extends PlannedSlot {
  readonly owner: string;
  /** The host that is to run it. */
  readonly runsOn: string;
}

export interface FleetMisfit extends Misfit {
  readonly owner: string;
  /** Absent where it has no slot. */
  readonly runsOn?: string;
}

export function planFleet(request: FleetRequest): PlannedFleet {
  const planning = makePlanning(request);
  const slots = planning.hosts.map((): FleetRun[] => []);
  const misfits: FleetMisfit[] = [];
  const nameOf = (host: number): string => planning.hosts[host]?.instance ?? '';
  tellOutcome(planning, {
    slotOf: ({ job, owner }, host, start): FleetRun => ({
      ...slotOf(job, start),
      owner,
      runsOn: nameOf(host),
    }),
    slot: (slot, host) => slots[host]?.push(slot),
    misfit: (misfit, { owner }, host) => {
      misfits.push({ ...misfit, owner, ...(host !== undefined && { runsOn: nameOf(host) }) });
    },
  });
  return {
    slots: new Map(
      planning.hosts.map(({ instance }, index) => [instance, slots[index]?.sort(byStart) ?? []]),
    ),
    misfits,
    explain: explainer(planning),
  };
}
