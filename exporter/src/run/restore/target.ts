import type { Manifest, ManifestPart } from '../../store/manifest.ts';

/** One copy of the backup, to be read from. What is damaged shows as `verification_failed`. */
export interface CopyReader {
  readonly manifest: Manifest;
  /** The content; only an iteration that ends well has seen the whole of it. */
  open(part: ManifestPart): AsyncIterable<Uint8Array>;
  /** Reads all of it once, for targets that cannot take back what they were given. Returns warnings. */
  verify(): Promise<readonly string[]>;
}

/**
 * A place that a backup is restored into. Whatever ends a restore (a damaged copy, a full disk, a server that goes away, a
 * kill), the place then holds what it held before, or the whole backup.
 */
export interface RestoreTarget {
  /**
   * Looks whether the backup can go there, and touches nothing. Throws `restore_target_exists` for what would have to be
   * overwritten and may not, `usage` for a place of the wrong kind, `restore_failed` for one that cannot be reached.
   */
  check(): Promise<void>;
  /**
   * Throws `verification_failed` for a damaged copy, before the target was touched: another copy may be tried then.
   * Whatever else it throws is about the target, or about the store.
   */
  restore(copy: CopyReader): Promise<Restored>;
}

export interface Restored {
  /** Paths, the main one first, or the database without its password. */
  readonly restored: readonly [string, ...string[]];
  readonly warnings: readonly string[];
}

export interface TargetOptions {
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  /** A private folder of this restore alone. */
  readonly scratch: string;
  /** Where the old content of a MySQL database is kept until the new one is in its place. */
  readonly safetyFolder: string;
  readonly signal: AbortSignal;
  /** What a server that is not the backup's own does not have: nothing of it is asked for. Absent: all is as it was. */
  readonly leaveOut?: readonly ('owners' | 'tablespaces')[];
}
