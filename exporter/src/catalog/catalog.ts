import type { LowtideError } from '../errors/lowtide-error.ts';
import type { HostLoads, LoadHistory } from '../load/load.ts';
import type { AccessRecords } from './access.ts';
import type { BackgroundRecords } from './background.ts';
import type { CopyRecords } from './copies.ts';
import type { DrillRecords } from './drills.ts';
import type { EventBody, StoredEvent } from '../events/events.ts';
import type { BackupType } from '../source/source.ts';
import type { Manifest, SnapshotManifest } from '../store/manifest.ts';
import type { RunReviews } from './reviews.ts';
import type { RotationRecords } from './rotations.ts';
import type { RunLogs } from './run-logs.ts';
import type { SnapshotRecords, SnapshotState } from './snapshots.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * What Lowtide knows: runs, backups, copies, events, and what people decided about schedules. Rebuilt from the stores
 * where it is lost. Every method is one transaction: it happened whole and durably, or not at all.
 * Several processes may use one catalog at once; each run belongs to one of them (its owner).
 */
export interface Catalog extends AsyncDisposable {
  /** What the API keeps beside it. */
  readonly access: AccessRecords;
  /** Verifications and restores that were asked for through the API. */
  readonly background: BackgroundRecords;
  /** Copies that are made good from others. */
  readonly copies: CopyRecords;
  /** Restores made for practice. */
  readonly drills: DrillRecords;
  /** Rotations of keys, and how each copy is sealed. */
  readonly rotations: RotationRecords;
  /** How busy this host was. */
  readonly load: LoadHistory;
  /** How busy the hosts were whose load is looked at beside it. */
  readonly hostLoads: HostLoads;
  /** What was found out about completed runs after their end. */
  readonly reviews: RunReviews;
  /** What runs have told of themselves. */
  readonly runLogs: RunLogs;
  /** Backups that other tools keep. */
  readonly snapshots: SnapshotRecords;

  /**
   * Records that a run began and appends its `run:started` event. Throws `run_active` while another live run of the
   * schedule goes on; one whose owner is gone does not block (`orphanedRuns` names it until somebody ends it). With
   * `dueAt`, that occurrence is settled.
   */
  startRun(run: NewRun): Promise<Run>;
  /**
   * Ends a run and appends its `run:finished` event; with `backup`, files the backup and its copies as well.
   * Throws `run_ended` when the run is no longer running (somebody else has ended it), `run_active` when it belongs to
   * another process that is alive, `not_found`. One that other hosts have ended with `host_silent`, since they did not hear
   * of this one, may be ended once more.
   */
  finishRun(id: string, end: RunEnd): Promise<Run>;
  run(id: string): Promise<Run | undefined>;
  /** The one begun last comes first. */
  runs(filter: RunFilter): Promise<readonly Run[]>;
  /**
   * Runs still `running`, or ended by other hosts with `host_silent`, whose owner is gone (killed, power cut), and this catalog's own that are not among `mine` (their
   * end could not be recorded): to be ended.
   */
  orphanedRuns(mine: ReadonlySet<string>): Promise<readonly Run[]>;

  /**
   * Files a backup found in a store (rebuild), or adds a copy to one already known; the sealing that the found manifest
   * describes replaces the one on file for that copy. A copy that failed its last verification stays `damaged`.
   * Throws `manifest_invalid` when the id is known for other content.
   */
  adoptBackup(manifest: Manifest, copy: FoundCopy): Promise<void>;
  /** The same of many at once, durable together; for each the `manifest_invalid` that it was refused with, in their order. */
  adoptBackups(found: readonly FoundBackup[]): Promise<readonly (LowtideError | undefined)[]>;
  backup(id: string): Promise<Backup | undefined>;
  /** Newest first. */
  backups(filter: BackupFilter): Promise<readonly Backup[]>;
  /** Appends `backup:verified`; a copy that fails becomes `damaged`, one that passes `good` again. Throws `not_found`. */
  recordVerification(id: string, store: string, result: VerificationResult): Promise<void>;
  /** Appends `backup:restored`. Throws `not_found`. */
  recordRestore(id: string, status: 'completed' | 'failed', at: EpochMs): Promise<void>;
  /**
   * Marks one copy as gone; when it was the last, the backup as `pruned`, with a `backup:pruned` event. Doing it again
   * changes nothing. Throws `not_found`.
   */
  removeCopy(id: string, store: string, reason: string, at: EpochMs): Promise<void>;

  schedule(id: string): Promise<ScheduleState>;
  /** The same of all of which anything is known, by schedule, at one moment. */
  schedules(): Promise<ReadonlyMap<string, ScheduleState>>;
  setPaused(id: string, paused: boolean): Promise<void>;
  /** Says up to when the schedule's occurrences are settled; an earlier time than before offers them again. */
  settle(schedule: string, until: EpochMs): Promise<void>;
  /** The same where they are not settled further already: for whoever has looked a while ago. */
  settleUpTo(schedule: string, until: EpochMs): Promise<void>;
  /** Settles up to occurrences that no run was begun for, as `settleUpTo` does, with one `run:missed` event. */
  recordMissed(schedule: string, missed: Missed, at: EpochMs): Promise<void>;

  append(event: EventBody, at: EpochMs): Promise<StoredEvent>;
  /** Events with a greater sequence, oldest first, at most `limit`. */
  eventsAfter(sequence: number, limit: number): Promise<readonly StoredEvent[]>;
  /** That of the newest event; 0 where there is none. */
  latestSequence(): Promise<number>;

  /** What was pruned of the backups that were sealed to a key at their end: reads them all. */
  prunedOf(keyId: string): Promise<PrunedBackups>;
  /** Whether the backups of each schedule can be restored, as far as is known; of those that have backups. */
  proofs(): Promise<readonly ScheduleProof[]>;

  /** What gauges are made of, from summaries: cheap at 100,000 backups. */
  totals(): Promise<CatalogTotals>;

  /** What stands in the way of the next write, as sentences; empty when all is well. Cheap: reads no table through. */
  check(): Promise<readonly string[]>;
}

/** What can be looked at from another host. */
export interface CatalogReader extends Pick<
  Catalog,
  'run' | 'runs' | 'backup' | 'backups' | 'schedule' | 'schedules' | 'totals'
> {
  readonly background: Pick<BackgroundRecords, 'run'>;
  readonly drills: Pick<DrillRecords, 'drill' | 'list' | 'latest'>;
  readonly rotations: Pick<RotationRecords, 'rotation' | 'list'>;
  readonly reviews: Pick<RunReviews, 'of'>;
  readonly runLogs: Pick<RunLogs, 'of'>;
  readonly load: Pick<LoadHistory, 'records'>;
}

export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';

export interface NewRun {
  readonly id: string;
  readonly schedule: string;
  readonly type: BackupType;
  readonly trigger: 'schedule' | 'manual' | 'api';
  readonly startedAt: EpochMs;
  /** The occurrence this run is for; absent for one asked for by hand. */
  readonly dueAt?: EpochMs;
  /** Object names the run may leave behind, so that a crash can be cleaned up: name prefix in every store. */
  readonly objectPrefix: string;
  readonly stores: readonly string[];
}

export interface Run extends NewRun {
  readonly status: RunStatus;
  readonly finishedAt?: EpochMs;
  readonly backupId?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly warnings: readonly string[];
  /** How long it was stopped for a busy host; 0 until it has ended. */
  readonly pausedSeconds: number;
  readonly sizeBytes?: number;
  readonly storedBytes?: number;
}

export interface RunEnd {
  readonly status: Exclude<RunStatus, 'running'>;
  readonly finishedAt: EpochMs;
  readonly warnings: readonly string[];
  /** Absent: it was never stopped. */
  readonly pausedSeconds?: number;
  readonly error?: Run['error'];
  readonly backup?:
    | { readonly manifest: Manifest; readonly copies: readonly NewCopy[] }
    | { readonly manifest: SnapshotManifest };
  readonly event: EventBody & { readonly name: 'run:finished' };
}

export interface NewCopy {
  readonly store: string;
  /** Where a person finds the main part. */
  readonly path: string;
  readonly status: 'good' | 'failed';
  readonly error?: string;
}

/** A copy as it was found lying in a store: `damaged` when a part is missing or has the wrong size. */
export interface FoundBackup {
  readonly manifest: Manifest;
  readonly copy: FoundCopy;
}

export interface FoundCopy {
  readonly store: string;
  readonly path: string;
  readonly status: 'good' | 'damaged';
  readonly error?: string;
}

export interface RunFilter {
  readonly schedule?: string;
  readonly status?: RunStatus;
  /** Only those for this occurrence. */
  readonly dueAt?: EpochMs;
  /** Continues a list: only runs that come after the one with this id. Throws `not_found` for an unknown one. */
  readonly after?: string;
  /** By the time they began instead, those behind this place. */
  readonly behind?: Place;
  readonly limit: number;
}

/**
 * A place in a list by time, newest first, and by id, the greatest first, where times are the same: so lists of several hosts can be
 * merged, and gone on with in each of them at what the last page ended with, wherever that was from.
 */
export interface Place {
  readonly at: EpochMs;
  readonly id: string;
}

export type BackupStatus = 'completed' | 'pruned';
export type CopyStatus = 'good' | 'failed' | 'damaged' | 'pruned';

export interface Copy {
  readonly store: string;
  readonly path: string;
  readonly status: CopyStatus;
  readonly error?: string;
  /** The last verification, whatever it found: `status` tells. */
  readonly verifiedAt?: EpochMs;
  /** When it was last read in full in its turn, and was what had been stored. */
  readonly readAt?: EpochMs;
  /** When it was last made good from another copy; absent where it never was. */
  readonly healedAt?: EpochMs;
  /** Somebody makes it good just now, or was killed over that: something of it may lie in the store. */
  readonly isHealing?: true;
  readonly prunedAt?: EpochMs;
  readonly pruneReason?: string;
  /** How this copy is sealed, where that is otherwise than `Backup.manifest` says. */
  readonly manifest?: Manifest;
  /** A rotation is sealing it anew: it is still as it was, or already as this says. */
  readonly next?: Manifest;
}

export interface Backup {
  readonly id: string;
  readonly schedule: string;
  readonly type: BackupType;
  readonly status: BackupStatus;
  readonly createdAt: EpochMs;
  readonly sizeBytes: number;
  /** Bytes of one copy, headers included, all parts; of a snapshot, what was new to its repository. */
  readonly storedBytes: number;
  /** Empty for a snapshot. */
  readonly keyId: string;
  readonly manifest: Manifest | SnapshotManifest;
  /** In the order they were filed; none of a snapshot. */
  readonly copies: readonly Copy[];
  /** Of a backup that another tool keeps. */
  readonly snapshot?: SnapshotState;
}

export interface BackupFilter {
  readonly schedule?: string;
  readonly status?: BackupStatus;
  /** Only those of which a copy that is there, or the last that was, is sealed to this key. */
  readonly keyId?: string;
  /** Continues a list: only backups that come after the one with this id. Throws `not_found` for an unknown one. */
  readonly after?: string;
  /** The same for any place. */
  readonly behind?: Place;
  readonly limit: number;
}

export interface VerificationResult {
  readonly status: 'passed' | 'failed';
  readonly at: EpochMs;
  readonly error?: string;
}

export interface ScheduleState {
  readonly paused: boolean;
  /** Occurrences due up to here have been run, missed, or passed over; absent for a schedule that is new. */
  readonly settledUntil?: EpochMs;
  /** The last time that it was missed; absent where it never was. */
  readonly lastMissed?: { readonly dueAt: EpochMs; readonly at: EpochMs; readonly reason?: string };
}

export interface Missed {
  /** Of the last one. */
  readonly dueAt: EpochMs;
  /** How many in a row. */
  readonly occurrences: number;
  /** What it waited for to the end, as `run:deferred` has it; absent where it is not known. */
  readonly reason?: string;
}

export interface PrunedBackups {
  readonly backups: number;
  readonly bytes: number;
  /** When the first and the last of them were made; absent where there is none. */
  readonly from?: EpochMs;
  readonly until?: EpochMs;
  /** In order. */
  readonly schedules: readonly string[];
}

export interface ScheduleProof {
  readonly schedule: string;
  /** When the oldest backup that is there was made. */
  readonly since: EpochMs;
  /** The newest backup that is there, and how many of its copies are good. */
  readonly newest: { readonly id: string; readonly goodCopies: number };
  /** When a copy last passed a verification. */
  readonly verifiedAt?: EpochMs;
  /** When a restore last succeeded, drills among them. */
  readonly restoredAt?: EpochMs;
}

/** A store, type or key stays listed with 0 once its last backup has gone. */
export interface CatalogTotals {
  /** Good copies' bytes, per store. */
  readonly bytesByStore: Readonly<Record<string, number>>;
  /** Stored bytes of backups that have a good copy, per type. */
  readonly bytesByType: Readonly<Partial<Record<BackupType, number>>>;
  /**
   * Completed over completed and failed, of each type's last 100 finished runs. Cancelled ones do not count,
   * interrupted ones count as failed: no backup came of them.
   */
  readonly successRateByType: Readonly<Partial<Record<BackupType, number>>>;
  /** When each schedule last completed; after a rebuild, when its newest backup was made. */
  readonly lastSuccessBySchedule: Readonly<Record<string, EpochMs>>;
  readonly runningBySchedule: Readonly<Record<string, number>>;
  /**
   * Backups not pruned, by the key they are sealed to, and the bytes of one copy of each. One whose copies are sealed to
   * different keys counts for each of these.
   */
  readonly backupsByKey: Readonly<Record<string, number>>;
  readonly bytesByKey: Readonly<Record<string, number>>;
  /** Copies that are there, by the key they are sealed to. */
  readonly copiesByKey: Readonly<Record<string, number>>;
  /** Share of its backups that the latest rotation has dealt with, 0 to 1; absent before the first. */
  readonly rotationProgress?: number;
}
