import type { EpochMs } from '../units/instant.ts';
import type { KnownHost, Lease } from './fleet.ts';

/**
 * What several hosts were asked to do as one: each does the task that lies with it, with its own keys and in its own stores. A
 * host that is silent does its task once it is back. Everything throws what postgres/postgres.ts throws.
 */
export interface FleetCampaigns {
  /**
   * Asks hosts by name, or all that are known now. With the same `id` again it is the same campaign. Throws `not_found` for a
   * host that nobody knows, and where there is none.
   */
  begin(id: string, campaign: NewCampaign, hosts?: readonly string[]): Promise<Campaign>;
  /**
   * Asks those that have a task in it left to end that as it is: each does so itself, for it alone knows what it has begun. What is over
   * stays as it is. Undefined: there is none.
   */
  cancel(id: string, asking: Asking): Promise<Campaign | undefined>;
  /** Kept until three months after it was asked for, and as long as a task is open. */
  find(id: string): Promise<Campaign | undefined>;
  /** The one asked for last comes first. `after`: those behind that one; throws `not_found` where it is gone. */
  list(after: string | undefined, limit: number): Promise<readonly Campaign[]>;
  /** What is left to be done by a host, in the order in which it was asked. */
  open(instance: string): Promise<readonly OpenTask[]>;
  /** What has become of the task of a host so far; one that is over stays as it is. Throws `lease_lost`. */
  report(host: Lease, id: string, report: TaskReport): Promise<void>;
}

/** Who has asked for something. */
export interface Asking {
  /** The host at which. */
  readonly askedOf: string;
  /** The name of the token, or who it is on the command line; the login that came with the token. */
  readonly by: string;
  readonly grafanaUser?: string;
}

export interface NewCampaign extends Asking {
  readonly kind: 'rotation' | 'prune';
  /** Of a rotation: what the API takes of one host. */
  readonly wish: object;
}

export interface Campaign extends NewCampaign {
  readonly id: string;
  readonly askedAt: EpochMs;
  /** Who has cancelled it; absent: nobody has. */
  readonly cancelled?: Asking;
  /** By host. */
  readonly tasks: readonly CampaignTask[];
}

export interface CampaignTask extends TaskReport {
  readonly instance: string;
  /** Absent: the host was forgotten. */
  readonly hostState?: KnownHost['state'];
  /** The rotation that is the task, and so whether it has begun is on record where the rotation is. Absent for a prune. */
  readonly rotationId?: string;
  readonly updatedAt: EpochMs;
}

/** Of one host, which has yet to do it, or to end it. */
export interface OpenTask extends NewCampaign, TaskReport {
  readonly campaign: string;
  readonly rotationId?: string;
  readonly cancelled?: Asking;
}

/** `partial`: of what it was to do, some was done; `refused`: it could not be begun, and nothing was changed. */
export type TaskState = 'waiting' | 'running' | 'completed' | 'partial' | 'failed' | 'refused' | 'cancelled';

export interface TaskReport {
  readonly state: TaskState;
  readonly counts?: TaskCounts;
  /** Why it has failed; while it waits, what it waits for. */
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** A rotation counts backups, a prune the copies that it has removed. */
export interface TaskCounts {
  readonly pending?: Count;
  readonly done: Count;
  readonly skipped?: Count;
  readonly failed?: Count;
}

interface Count {
  readonly items: number;
  readonly bytes: number;
}
