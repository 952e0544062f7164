import type { EpochMs } from '../units/instant.ts';
import type { Place } from './catalog.ts';

/**
 * Restore drills: what was restored for practice, how long that took, and what was found. Whoever works on one is its owner, as
 * of a run. What a drill has put somewhere is on record before it is made, so that it can be removed whatever happens.
 */
export interface DrillRecords {
  /**
   * Records that one began, with a `drill:started` event. Throws `run_active` while another drill of the schedule goes on,
   * `not_found` where there is no such backup.
   */
  start(drill: NewDrill): Promise<Drill>;
  /** Says how it ended, with a `drill:finished` event. Throws `run_ended` unless it goes on, `not_found`. */
  finish(id: string, end: DrillEnd): Promise<Drill>;
  drill(id: string): Promise<Drill | undefined>;
  /** The one begun last comes first. */
  list(filter: DrillFilter): Promise<readonly Drill[]>;
  /** Of each schedule, the last that ended by itself, and the last that passed. */
  latest(): Promise<Readonly<Record<string, LatestDrills>>>;
  /**
   * Marks as interrupted those that go on in no process: the owner is gone, or it is this catalog and they are not among
   * `mine`. Returns those.
   */
  interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Drill[]>;
  /** Those that have ended, and whose scratch is not known to be gone. */
  withScratch(): Promise<readonly Drill[]>;
  /** What the drill had put somewhere is gone. */
  scratchRemoved(id: string): Promise<void>;
}

export type DrillStatus = 'running' | 'passed' | 'failed' | 'cancelled' | 'interrupted';

export interface NewDrill {
  readonly id: string;
  readonly schedule: string;
  readonly backupId: string;
  readonly trigger: 'schedule' | 'manual' | 'api';
  readonly startedAt: EpochMs;
  /** How old the data was: from when the backup began to when the drill did. */
  readonly dataAgeSeconds: number;
  readonly scratch: DrillScratch;
}

/** Where the restored data lies while the drill goes on. */
export interface DrillScratch {
  readonly folder: string;
  /** The name of a database on the server that the config names; absent where the data lies in the folder. */
  readonly database?: string;
}

export interface DrillEnd {
  readonly status: Exclude<DrillStatus, 'running'>;
  readonly finishedAt: EpochMs;
  /** From the first byte read to data that can be used; absent where that was not reached. */
  readonly restoreSeconds?: number;
  /** Whose copy was taken. */
  readonly store?: string;
  readonly contents?: DrillContents;
  readonly checks: readonly DrillCheck[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly warnings: readonly string[];
  /** Label of `backup_errors_total`; of those that failed. */
  readonly errorType?: string;
}

/** How much was there after the restore, as far as its kind can be counted. */
export interface DrillContents {
  readonly tables?: number;
  readonly rows?: number;
  readonly files?: number;
  readonly bytes?: number;
}

export interface DrillCheck {
  readonly name: 'rows' | 'amcheck' | 'command' | 'max_restore_time' | 'max_data_age';
  readonly status: 'passed' | 'failed';
  /** A sentence. */
  readonly message: string;
}

export interface Drill extends NewDrill {
  readonly status: DrillStatus;
  readonly finishedAt?: EpochMs;
  readonly restoreSeconds?: number;
  readonly store?: string;
  readonly contents?: DrillContents;
  readonly checks: readonly DrillCheck[];
  readonly error?: DrillEnd['error'];
  readonly warnings: readonly string[];
}

export interface DrillFilter {
  readonly schedule?: string;
  readonly status?: DrillStatus;
  /** Continues a list: only those that come after the one with this id. Throws `not_found` for an unknown one. */
  readonly after?: string;
  /** By the time they began instead, those behind this place. */
  readonly behind?: Place;
  readonly limit: number;
}

export interface LatestDrills {
  readonly last: Drill;
  readonly passed?: Drill;
}
