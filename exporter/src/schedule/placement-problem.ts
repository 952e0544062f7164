/**
 * What is to be placed: jobs on a grid of slots, counted from 0, and the resources they share. Knows no clock and no names.
 *
 * A placement costs, summed over its jobs,
 *
 *     weight × (mean load while the job runs + penalty per hour × hours behind the window's end + penalty for a move)
 *
 * where load is what the host does anyway, what runs already, and all jobs placed. A job that has no slot costs its weight
 * times a penalty so high that no gain in load pays for it. Capacity is a law, not a cost: a job is never put where any
 * resource would be taken beyond it.
 */
export interface PlacementProblem {
  readonly slots: number;
  readonly slotHours: number;
  readonly resources: readonly PlacementResource[];
  /** What is added to the load of a slot for jobs that meet the load of another host than this one. Absent: none does. */
  readonly elsewhere?: readonly ArrayLike<number>[];
  readonly jobs: readonly PlacementJob[];
  /** In load: a start one hour behind its window is as bad as a load that is so much higher. */
  readonly delayPenaltyPerHour: number;
  /** In load: what it costs not to run. */
  readonly unplacedPenalty: number;
  /** In load: what a job must gain to leave the slot it had. */
  readonly movePenalty: number;
}

export interface PlacementResource {
  /** What is taken already in each slot. */
  readonly base: ArrayLike<number>;
  readonly capacity: number;
  /** What the resource counts in the load of a slot; 0 for one that is only scarce. */
  readonly loadWeight: number;
}

export interface PlacementJob {
  /** The first and the last slot it may start in; `windowEnd` is the last that is not late. */
  readonly earliest: number;
  readonly windowEnd: number;
  readonly latest: number;
  /** It has waited long behind its window: room is no reason to be much later still. */
  readonly isLate?: boolean;
  /** In slots, at least 1. */
  readonly duration: number;
  readonly weight: number;
  /** What it takes of each resource, in the order of `resources`. */
  readonly needs: readonly number[];
  /** Which of `elsewhere` it meets. */
  readonly elsewhere?: number | undefined;
  /** The slot it had in the plan before. */
  readonly previous?: number | undefined;
}
