import type { Manifest } from '../store/manifest.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Place } from './catalog.ts';

/**
 * Rotations of keys, and how far each has come with each backup. Whoever works on one is its owner, as of a run; one whose
 * owner is gone was interrupted and can be resumed. At most one goes on at a time.
 *
 * A copy that is about to be sealed anew has that written down first (`begin`): from then on it may be sealed as it was or
 * as `Copy.next` says, until `settle` tells which.
 */
export interface RotationRecords {
  /** Records that a rotation began, and what it is to do. Throws `rotation_active` while another goes on. */
  start(rotation: NewRotation): Promise<Rotation>;
  /**
   * Takes one up again that has not been completed; backups that failed are to be tried once more.
   * Throws `rotation_active`, `rotation_ended` for one that is complete, `not_found`.
   */
  resume(id: string, at: EpochMs): Promise<Rotation>;
  /** Adds to what it is to do; a backup that it has already stays as it is. */
  add(id: string, backups: readonly NewRotationBackup[]): Promise<void>;
  /**
   * Says what it leaves alone for its age: there may be many, so these are only counted, among the skipped. Replaces what was
   * said before.
   */
  leaveOut(id: string, count: RotationCount): Promise<void>;
  /** The key that the backups are given to. */
  setKey(id: string, keyId: string): Promise<void>;
  /** Says how it ended. Throws `rotation_ended` unless it goes on. */
  finish(id: string, end: RotationEnd): Promise<Rotation>;
  /** Asks whoever works on it, perhaps another process, to stop. Throws `rotation_ended` unless it goes on. */
  requestCancel(id: string): Promise<Rotation>;
  /**
   * Marks as interrupted those that go on in no process: the owner is gone, or it is this catalog and they are not among `mine`.
   * Returns those.
   */
  interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Rotation[]>;

  rotation(id: string): Promise<Rotation | undefined>;
  /** The one begun last comes first. */
  list(filter: RotationFilter): Promise<readonly Rotation[]>;
  /** In the order in which they are worked on. */
  backups(id: string, filter: RotationBackupFilter): Promise<readonly RotationBackup[]>;

  /** Writes down what is about to be made of copies; answers for each whether the copy is there still. */
  begin(changes: readonly CopyChange[]): Promise<readonly boolean[]>;
  /** Records what became of backups, and of each copy that was begun, with one `rotation:backups` event. */
  settle(id: string, ends: readonly RotationBackupEnd[], at: EpochMs): Promise<void>;
  /** Settles one copy for a rotation that is gone. */
  settleCopy(backupId: string, store: string, outcome: CopyOutcome): Promise<void>;
  /** Copies that were begun and never settled. */
  unsettled(): Promise<readonly CopyChange[]>;
}

/**
 * `rotate`: new backups use a new key, stored ones stay as they are. `rewrap`: stored ones get a new header for the new key;
 * file key and payload stay. `reencrypt`: they get a new file key and a new payload.
 */
export type RotationMode = 'rotate' | 'rewrap' | 'reencrypt';
export type RotationStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';

export interface NewRotation {
  readonly id: string;
  readonly mode: RotationMode;
  readonly trigger: 'manual' | 'policy' | 'api';
  /** Who asked for it. */
  readonly by?: string;
  /** Older backups are left alone. */
  readonly daysBack?: number;
  /** Only backups that are sealed to one of these keys. */
  readonly fromKeys?: readonly string[];
  /** It waits while the host is busy. */
  readonly atLowTide?: boolean;
  /** At most so many are read, and written, when content is encrypted anew. */
  readonly bytesPerSecond?: number;
  readonly startedAt: EpochMs;
  readonly backups: readonly NewRotationBackup[];
}

export interface NewRotationBackup {
  readonly backupId: string;
  /** Of all copies. */
  readonly bytes: number;
  /** Why it is not to be touched. */
  readonly skipped?: string;
}

export interface Rotation extends Omit<NewRotation, 'backups'> {
  readonly status: RotationStatus;
  readonly keyId?: string;
  /** The last time; absent for one that went through in one go. */
  readonly resumedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly cancelRequested: boolean;
  readonly error?: RotationError;
  readonly pending: RotationCount;
  readonly done: RotationCount;
  readonly skipped: RotationCount;
  readonly failed: RotationCount;
}

export interface RotationCount {
  readonly backups: number;
  readonly bytes: number;
}

export interface RotationError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface RotationEnd {
  readonly status: Exclude<RotationStatus, 'running'>;
  readonly at: EpochMs;
  readonly error?: RotationError;
}

export interface RotationFilter {
  readonly status?: RotationStatus;
  /** Continues a list: only those that come after this one. Throws `not_found` for an unknown one. */
  readonly after?: string;
  /** By the time they began instead, those behind this place. */
  readonly behind?: Place;
  readonly limit: number;
}

export type RotationBackupStatus = 'pending' | 'done' | 'skipped' | 'failed';

export interface RotationBackup {
  /** Its place in the order. */
  readonly number: number;
  readonly backupId: string;
  readonly bytes: number;
  readonly status: RotationBackupStatus;
  /** Why it was skipped, or failed. */
  readonly reason?: string;
}

export interface RotationBackupFilter {
  readonly status?: RotationBackupStatus;
  readonly after?: number;
  readonly limit: number;
}

export interface CopyChange {
  readonly backupId: string;
  readonly store: string;
  /** What will describe the copy. */
  readonly manifest: Manifest;
}

/** `resealed`: it is as `next` says; `kept`: it is as it was. */
export type CopyOutcome = 'resealed' | 'kept';

export interface RotationBackupEnd {
  readonly backupId: string;
  readonly status: Exclude<RotationBackupStatus, 'pending'>;
  readonly reason?: string;
  /** That were sealed anew. */
  readonly bytes: number;
  readonly copies: readonly { readonly store: string; readonly outcome: CopyOutcome }[];
}
