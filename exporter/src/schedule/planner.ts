import type { ScheduleConfig } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import type { MisfitReason } from './explain-misfit.ts';
import type { Explanation } from './explain.ts';
import type { Limits, Ways } from './limits.ts';
import type { Effort } from './optimise.ts';
import { byStart, explainer, slotOf, tellOutcome } from './outcome.ts';
import { makePlanning } from './planning.ts';
import type { Occurrence } from './recurrence.ts';
import type { HostLoad } from './slot-grid.ts';

/**
 * Which occurrence runs when. Laws, in this order:
 *
 * 1. Nothing starts before its window opens, or before now.
 * 2. What runs at one time never takes more than the host has beside its own load, nor more of a store, a network or a
 *    database server than that allows. A job for which even the idle hours of its window have no room runs where most is free: the forecast may be wrong, a
 *    missing backup is certain.
 * 3. Runs of one schedule come one behind the other, in their order. One that the run before holds up for too long is listed among
 *    the misfits, and not run.
 * 4. Everything starts by its deadline. What the others leave no room for starts as soon behind it as there is some, and
 *    is listed among the misfits with the reason and the delay; so is what finds none at all.
 *
 * Within them, jobs share the quiet hours: the sum of the load that each meets (the host's and that of the other jobs), by
 * weight of its priority, is made as small as the effort allows. The same request gives the same plan, unless a budget
 * ends first. Pure: times, load and what runs are arguments.
 */
export interface PlanRequest {
  readonly now: EpochMs;
  readonly jobs: readonly PlanJob[];
  /** What comes later: it is planned as well, and not told of. Where it were not known, the time behind the jobs would look free. */
  readonly beside?: readonly PlanJob[];
  readonly load: HostLoad;
  /** That of other hosts, by name, in the same steps: of those that jobs name. */
  readonly hosts?: Readonly<Record<string, HostLoad>>;
  readonly running?: readonly RunningJob[];
  /** What its runs share beside it. */
  readonly limits?: Limits;
  /** The plan before: a job leaves its slot only for a gain that is worth it. */
  readonly previous?: readonly PreviousSlot[];
  /** That plan is the one by which backups start: what has a slot in it keeps that wherever it can. */
  readonly isFollowed?: true;
  /** Absent: `settled` where there is a plan before, else `improved`. */
  readonly effort?: Effort;
}

export interface PlanJob extends Ways {
  readonly schedule: string;
  readonly occurrence: Occurrence;
  readonly durationMs: number;
  readonly resources: Resources;
  readonly priority: Priority;
  /** When the window of the next one opens, which takes its place; absent: none comes, or it is not known. */
  readonly supersededAt?: EpochMs;
  /** It is passed over at its deadline (`on_deadline: skip`). Absent: it is run as soon behind it as there is room. */
  readonly isSkipped?: true;
  /** The host whose load it is to meet, one of the request's; absent: this one. It takes its resources of this one. */
  readonly host?: string;
  /** The pool whose job it is: one for all hosts that tell of it, each of which may run it. Absent: it is this host's. */
  readonly pool?: string;
}

export interface RunningJob extends Ways {
  /** Whose next run it holds up meanwhile; absent: it was told by an older version. */
  readonly schedule?: string;
  /** The pool whose schedule that is; absent: it is the host's. */
  readonly pool?: string;
  /** When it is expected to be over. */
  readonly until: EpochMs;
  /** What it counts that others run beside it, and how long it takes in all; absent: it was told by an older version, and counts nothing. */
  readonly priority?: Priority;
  readonly durationMs?: number;
  readonly resources: Resources;
}

export interface PreviousSlot {
  readonly schedule: string;
  readonly dueAt: EpochMs;
  readonly start: EpochMs;
}

export interface Plan {
  /** In the order of their starts. */
  readonly slots: readonly PlannedSlot[];
  /** What could not be placed as it should be. One that starts late has a slot as well. */
  readonly misfits: readonly Misfit[];
  /** Why a slot of this plan lies where it lies. Worked out when asked for: most slots are never looked at. */
  readonly explain: (slot: PlannedSlot) => Explanation;
}

export interface PlannedSlot extends PreviousSlot {
  readonly end: EpochMs;
  readonly job: PlanJob;
}

export interface Misfit {
  readonly job: PlanJob;
  /** When it is to start all the same; undefined where no time has room for it. */
  readonly start: EpochMs | undefined;
  /**
   * How far that lies behind the deadline; 0 for one that is in time but makes do with less than it asks for; undefined also for one
   * that finds the host too busy then, or taken by others.
   */
  readonly lateMs: number | undefined;
  readonly reason: MisfitReason;
}

export type Priority = ScheduleConfig['priority'];
export type Resources = ScheduleConfig['resources'];

/** The one host of such a plan. */
const here = '';

export function planSlots({ now, previous = [], isFollowed, effort, ...host }: PlanRequest): Plan {
  const planning = makePlanning({
    now,
    hosts: new Map([[here, host]]),
    previous: new Map([[here, previous]]),
    ...(isFollowed === true && { changed: new Set() }),
    ...(effort !== undefined && { effort }),
  });
  const slots: PlannedSlot[] = [];
  const misfits: Misfit[] = [];
  tellOutcome(planning, {
    slotOf: ({ job }, _, start) => slotOf(job, start),
    slot: (slot) => slots.push(slot),
    misfit: (misfit) => misfits.push(misfit),
  });
  return { slots: slots.sort(byStart), misfits, explain: explainer(planning) };
}
