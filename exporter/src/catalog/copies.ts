import type { Manifest } from '../store/manifest.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * Copies that are read in full in their turn, and those that are to be made good from another copy of their backup. Whoever makes
 * one good is its owner, as of a run: until it is `healed` or `release`d nobody else begins, and no rotation seals it anew. One
 * whose owner is gone is `abandoned`: something of it may lie in its store.
 */
export interface CopyRecords {
  /** Backups of a schedule that have a good copy, but not in each of these stores; newest first. */
  lacking(schedule: string, stores: readonly string[]): Promise<readonly LackingCopy[]>;
  /** All backups of a schedule that have a good copy, wherever it lies. */
  restorable(schedule: string): Promise<readonly RestorableBackup[]>;
  /** Backups of a schedule that are on file with copies none of which is good. */
  lost(schedule: string): Promise<readonly string[]>;

  /** The good copies of a schedule's backups. */
  good(schedule: string): Promise<readonly GoodCopy[]>;
  /** Files that a good copy was read in full, and found to be what was stored, with a `backup:read` event. */
  recordRead(
    backupId: string,
    store: string,
    read: { readonly at: EpochMs; readonly bytes: number },
  ): Promise<void>;

  /**
   * Begins to make a copy good; one that is not on file, or was pruned, is on file as `failed` from here on. False where that is not
   * to be: it is good, somebody works on it, a rotation seals it anew, the backup was pruned.
   */
  claim(backupId: string, store: string, path: string): Promise<boolean>;
  /**
   * Files a claimed copy as good, sealed as the manifest says, with a `backup:healed` event. False, and nothing is filed, where that
   * no longer holds: the copy was pruned, or the one it was made from is not good or not sealed so any more.
   */
  healed(backupId: string, store: string, made: HealedCopy): Promise<boolean>;
  /** Gives a claim up; with a failure that is filed, and appended as `backup:healed`. */
  release(backupId: string, store: string, failure?: HealFailure): Promise<void>;
  /** Claims whose owner is gone, and those of this catalog that are not among `mine` (`BACKUP STORE`). */
  abandoned(mine: ReadonlySet<string>): Promise<readonly AbandonedCopy[]>;
}

/** `missing`: nothing is on file of it. */
type LackingStatus = 'failed' | 'damaged' | 'pruned' | 'missing';

export interface LackingCopy extends RestorableBackup {
  readonly store: string;
  readonly status: LackingStatus;
  readonly storedBytes: number;
  /** Of one that was. */
  readonly prunedAt?: EpochMs;
}

export interface RestorableBackup {
  readonly backupId: string;
  readonly createdAt: EpochMs;
}

export interface GoodCopy {
  readonly backupId: string;
  readonly store: string;
  readonly bytes: number;
  /** When it was last known to be what was stored: read, verified, made good, or made. */
  readonly knownAt: EpochMs;
  /** When it was last read in its turn; absent where it never was. */
  readonly readAt?: EpochMs;
}

export interface HealedCopy {
  /** The store of the copy it was made from. */
  readonly from: string;
  readonly manifest: Manifest;
  readonly at: EpochMs;
  /** That were written. */
  readonly bytes: number;
}

export interface HealFailure {
  readonly error: string;
  readonly errorType: string;
  readonly at: EpochMs;
}

export interface AbandonedCopy {
  readonly backupId: string;
  readonly store: string;
}
