/**
 * What is to be placed: jobs on a grid of slots, counted from 0, on hosts that are counted from 0 as well, and the resources
 * they share. Knows no clock and no names.
 *
 * The slots of all hosts lie end to end, so that where and when a job runs is one number, its place: `host × slots + slot`. On
 * one host a place is a slot.
 *
 * A placement costs, summed over its jobs,
 *
 *     weight × (mean load while the job runs + penalty per hour × hours behind the window's end + penalty for a move)
 *
 * where load is what its host does anyway, what runs there already, and all jobs placed there. A job that has no place costs
 * its weight times a penalty so high that no gain in load pays for it. Capacity is a law, not a cost: a job is never put where
 * any resource would be taken beyond it; nor beside one that it follows.
 */
export interface PlacementProblem {
  readonly slots: number;
  readonly slotHours: number;
  readonly hosts: number;
  /** What each host has of its own. */
  readonly resources: readonly HostResource[];
  /** What all hosts have together: counted on behind `resources`. */
  readonly shared?: readonly SharedResource[];
  /** What is added to the load of a slot for jobs that meet the load of another host than theirs. Absent: none does. */
  readonly elsewhere?: readonly ArrayLike<number>[];
  readonly jobs: readonly PlacementJob[];
  /** In load: a start one hour behind its window is as bad as a load that is so much higher. */
  readonly delayPenaltyPerHour: number;
  /** In load: what it costs not to run. */
  readonly unplacedPenalty: number;
  /** In load: what a job must gain to leave the place it had. */
  readonly movePenalty: number;
  /** By place: what the load of a slot counts to the runs that go on there, their weights over their durations. Absent: nothing. */
  readonly lent?: ArrayLike<number>;
}

export interface HostResource {
  /** What is taken already, by place. */
  readonly base: ArrayLike<number>;
  /** By host. */
  readonly capacity: ArrayLike<number>;
  /** What the resource counts in the load of a slot; 0 for one that is only scarce. */
  readonly loadWeight: number;
}

export interface SharedResource {
  /** What is taken already, by slot. */
  readonly base: ArrayLike<number>;
  readonly capacity: number;
}

export interface PlacementJob {
  /** The first and the last slot it may start in; `windowEnd` is the last that is not late. */
  readonly earliest: number;
  readonly windowEnd: number;
  readonly latest: number;
  /** The last slot that it may start in where none up to `latest` has room; absent: any. */
  readonly lastChance?: number;
  /** Absent: the penalty of the problem. */
  readonly delayPenaltyPerHour?: number | undefined;
  /** The job that is to be over before this one begins, wherever either runs. */
  readonly follows?: number | undefined;
  /** It has waited long behind its window: room is no reason to be much later still. */
  readonly isLate?: boolean;
  /** In slots, at least 1. */
  readonly duration: number;
  readonly weight: number;
  /** What it takes of each of its host's resources, in their order. */
  readonly needs: readonly number[];
  /** What it takes of those that hosts share. */
  readonly claims?: readonly Claim[] | undefined;
  /** Where it may run; absent: on the first. */
  readonly hosts?: readonly number[] | undefined;
  /** Which of `elsewhere` it meets on each of its hosts, in their order. Absent: none. */
  readonly elsewhere?: readonly (number | undefined)[] | undefined;
  /** The place it had in the plan before. */
  readonly previous?: number | undefined;
  /** It keeps that place as long as nothing else is in need of it. */
  readonly stays?: boolean;
}

export interface Claim {
  /** Which of `shared`. */
  readonly resource: number;
  readonly amount: number;
  /** On which of its hosts alone a job takes it; absent: on any. */
  readonly host?: number;
}
