import type { Transaction } from '../postgres/postgres.ts';
import type { Limits, Ways } from '../schedule/limits.ts';
import type { PlanJob, RunningJob } from '../schedule/planner.ts';
import type { HostLoad } from '../schedule/slot-grid.ts';
import type { EpochMs } from '../units/instant.ts';
import type { FleetCampaigns } from './campaign.ts';
import type { PoolSettings } from './pool-settings.ts';

/**
 * What hosts that share a PostgreSQL know of each other: who is there, who holds what, what is to run where. It lies in the
 * schema `lowtide`; what a host keeps for itself lies in a schema of its own.
 *
 * Whatever is early, late or silent is so by the database's clock alone: hosts disagree about the time, and none is asked.
 * Everything throws what postgres/postgres.ts throws.
 */
export interface Fleet {
  readonly leases: Leases;
  readonly plan: FleetPlan;
  readonly facts: FleetFacts;
  readonly views: FleetViews;
  readonly requests: FleetRequests;
  readonly campaigns: FleetCampaigns;
  readonly ways: FleetWays;
  /**
   * Makes this process the one that works under the name of a host, for `ttlMs` from each `renew` on. Throws `instance_taken`
   * while another one does; a process that takes the place of one of the same `home` need not wait for its silence.
   */
  enter(host: HostDetails, home: string, ttlMs: number): Promise<Lease>;
  /** Says again what others are told of the host: it has changed, or the host was forgotten while it was silent. */
  announce(host: HostDetails): Promise<void>;
  /** All that have ever entered and were not forgotten, by name. */
  hosts(): Promise<readonly KnownHost[]>;
  /**
   * Takes a host that is gone for good off the list, with its facts, its part of the plan, and its tasks in campaigns.
   * False: it is still there.
   */
  forget(instance: string): Promise<boolean>;
}

export interface HostDetails {
  readonly instance: string;
  readonly version: string;
  /** Where others reach its API: `https://db1:10210`. */
  readonly address: string;
  /** How the machine calls itself: to find one that has taken the name of another. */
  readonly machine?: string;
  /** Whose jobs it may run beside its own. */
  readonly pools: readonly string[];
  /** How far it may be taken, 0 to 1 of it. */
  readonly capacity?: { readonly cpu: number; readonly memory: number };
}

export interface KnownHost extends HostDetails {
  /** `silent`: it has not renewed in time, and may be dead, paused or cut off. `left`: it has said goodbye. */
  readonly state: 'alive' | 'silent' | 'left';
  readonly sinceEnteredMs: number;
  readonly sinceHeardMs: number;
  /** Whether the planner's lease is held from there. */
  readonly isPlanner: boolean;
}

/**
 * A right that one holder has for a time, with a token that is greater than that of every holder before. What is done under a
 * lease asserts it in the same transaction: a process that was paused and wakes up when its time is over, is refused.
 */
export interface Leases {
  /**
   * Undefined: another holds it. Who holds it already gets it anew, with a new token, and its old one is void: a holder is one
   * process, or one task of one.
   */
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;
  /**
   * Throws `lease_lost` where the time was over, whether or not another has it now: acquire it again. `isLateFine`: only where
   * another has acquired it since.
   */
  renew(lease: Lease, ttlMs: number, isLateFine?: boolean): Promise<Renewal>;
  /** So that the next need not wait. Does nothing where it is lost. */
  release(lease: Lease): Promise<void>;
  /**
   * In a transaction that writes: throws `lease_lost`, or keeps every other from acquiring the lease until the transaction is
   * over. Keep it short: what is paused in between is undone by the server after its `idleInTransaction`.
   */
  assertHeld(transaction: Transaction, lease: Lease): Promise<void>;
  /**
   * The same for who may be late: throws only where another has acquired the lease since. As long as nobody has, nobody can have
   * done what is undone by a late write, though the time is over.
   */
  assertNotTaken(transaction: Transaction, lease: Lease): Promise<void>;
}

export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly token: number;
}

export interface Renewal {
  /** The database's clock: what a host's own is off by shows beside it. */
  readonly databaseNow: EpochMs;
  /** Of the newest plan; 0 where there is none. A host that knows it has nothing to read. */
  readonly planVersion: number;
  /** Whether somebody plans: who holds `planner`, or has held it until a moment ago. */
  readonly isPlanned: boolean;
  /** Of a host: whether others have asked something of it (`FleetRequests.take` has what). */
  readonly hasRequests: boolean;
  /** False of a host that was taken off the list while it was silent: it has to be announced again. */
  readonly isKnown: boolean;
  /** Of a host: whether a task of a campaign is left to be done there (`FleetCampaigns.open` has which). */
  readonly hasTasks: boolean;
}

/** One plan for all, of which each host reads its own part. */
export interface FleetPlan {
  /**
   * Puts the plan in the place of the one before, all at once; answers its version. A host that is not named has no slots.
   * Throws `lease_lost` where the planner's lease is not held any more.
   */
  write(planner: Lease, slots: ReadonlyMap<string, readonly FleetSlot[]>): Promise<number>;
  /** What a host is to run. */
  read(instance: string): Promise<HostPlan>;
  /** Of all hosts: for the planner, and for those who look. */
  readAll(): Promise<ReadonlyMap<string, readonly FleetSlot[]>>;
}

export interface HostPlan {
  readonly version: number;
  readonly slots: readonly FleetSlot[];
}

export interface FleetSlot {
  /** The host, or the pool, whose schedule it is. */
  readonly owner: string;
  readonly schedule: string;
  readonly dueAt: EpochMs;
  readonly start: EpochMs;
  readonly end: EpochMs;
}

/** What the planner has to know of each host, published by the host itself. */
export interface FleetFacts {
  /** Throws `lease_lost` where another process works under this name now. */
  publish(host: Lease, facts: HostFacts): Promise<void>;
  /** Those that are new since the revisions that are known, by host. */
  read(known: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, PublishedFacts>>;
}

export interface PublishedFacts {
  readonly revision: number;
  readonly facts: HostFacts;
}

export interface HostFacts {
  /** What is due, with what its runs are expected to take. */
  readonly jobs: readonly PlanJob[];
  readonly running: readonly RunningJob[];
  /** The forecast. To 0.4 % of the host. */
  readonly load: HostLoad;
  /** What its runs share that no other host has to do with. */
  readonly limits: Limits;
  /** What it says of what hosts share. */
  readonly shared: Limits;
  /** What it says of the schedules of its pools, by id; absent: it has none, or is older. */
  readonly pooled?: Readonly<Record<string, PoolSettings>>;
}

/** The stores, networks and servers that runs of all hosts have in use at this moment. */
export interface FleetWays {
  /**
   * Takes what a run has to do with, unless `full` answers what of it has no room beside the others: those that have it in use, and those that
   * wait for it and come before this one. Answers that; from then on it waits as well, as long as it asks again within 20 seconds. One after
   * the other for all who need the same. What a host has taken that is silent, or was begun anew, counts no more. The same `run` again takes
   * nothing more. Throws `lease_lost` where another process works under this name now.
   */
  take<Full>(host: Lease, wish: WaysWish<Full>): Promise<Full | undefined>;
  /** Does nothing where it has taken none. */
  release(host: Lease, run: string): Promise<void>;
  /** The runs of this host that have taken something. */
  taken(host: Lease): Promise<readonly string[]>;
}

export interface WaysWish<Full> {
  readonly run: string;
  readonly use: WaysInUse;
  /** The greater comes first, and among equals who has waited for longer. */
  readonly urgency: number;
  readonly full: (others: readonly WaysInUse[]) => Full | undefined;
  /** What is kept for it from those that come after: no more than what it waits for, which may be for hours. */
  readonly awaited: (full: Full) => WaysInUse;
}

export interface WaysInUse {
  readonly ways: Ways;
  /** What the host of the run says of them: hosts may say different things. */
  readonly limits: Limits;
}

/** What a host shows to those who look by way of another: its config, which nobody else has, in the words of the API. */
export interface FleetViews {
  /** Throws `lease_lost` where another process works under this name now. */
  publish(host: Lease, view: HostView): Promise<void>;
  /** By host; without those that have not published, or as a version that is not known here. */
  summaries(): Promise<ReadonlyMap<string, HostSummary>>;
  /** By host, of one or of all. */
  schedules(instance?: string): Promise<ReadonlyMap<string, Published>>;
}

export interface HostView {
  readonly summary: HostSummary;
  readonly schedules: readonly object[];
}

/** As it was written, which may have been by another version; `newer`: in a form that is not known here. */
export type Published = readonly unknown[] | 'newer';

export interface HostSummary {
  readonly schedules: number;
  readonly paused: number;
  readonly running: number;
  /** The last time that any of them completed. */
  readonly lastSuccessAt?: EpochMs;
}

/**
 * What one host is asked to do by way of another. Who asks has been found to be allowed to; it is done at most once, by the one
 * process that takes it, which looks for it as it renews its lease.
 */
export interface FleetRequests {
  /** With the same `id` again it is the same request. Throws `not_found`, `host_silent` unless the host is alive. */
  ask(id: string, instance: string, request: NewRequest): Promise<Relayed>;
  /** Kept for a day. */
  find(id: string): Promise<Relayed | undefined>;
  /** What waits for the host, in the order in which it was asked, is this process's to do. Throws `lease_lost`. */
  take(host: Lease): Promise<readonly WaitingRequest[]>;
  answer(host: Lease, id: string, answer: RelayedAnswer): Promise<void>;
}

export interface NewRequest {
  readonly action: 'run' | 'pause' | 'resume' | 'skip-next' | 'cancel';
  /** The schedule, or the run. */
  readonly subject: string;
  /** Where it was asked. */
  readonly askedOf: string;
  /** The name of the token; the login that came with it. */
  readonly by: string;
  readonly grafanaUser?: string;
}

export interface WaitingRequest extends NewRequest {
  readonly id: string;
}

export interface Relayed extends WaitingRequest {
  readonly instance: string;
  readonly askedAt: EpochMs;
  /**
   * `taken`: the host does it now. `expired`: it has not looked for two minutes, and will not do it any more. `unknown`: it has
   * taken it, and the process that did is gone.
   */
  readonly state: 'waiting' | 'taken' | 'answered' | 'expired' | 'unknown';
  readonly answer?: RelayedAnswer;
}

export interface RelayedAnswer {
  /** Of the run that was begun, or is cancelled. */
  readonly runId?: string;
  /** Why it was not done. */
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}
