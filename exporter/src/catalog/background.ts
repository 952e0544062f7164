import type { EpochMs } from '../units/instant.ts';

/**
 * Verifications and restores that were asked for through the API, so that who asked can learn how they ended, also after a
 * restart. Whoever works on one is its owner, as of a run.
 */
export interface BackgroundRecords {
  /** Records that one began. Throws `not_found` where there is no such backup. */
  start(run: NewBackgroundRun): Promise<BackgroundRun>;
  /** Says how it ended. Throws `run_ended` unless it goes on, `not_found`. */
  finish(id: string, end: BackgroundEnd): Promise<BackgroundRun>;
  run(id: string): Promise<BackgroundRun | undefined>;
  /**
   * Marks as interrupted those that go on in no process: the owner is gone, or it is this catalog and they are not among
   * `mine`. Returns those.
   */
  interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly BackgroundRun[]>;
}

export interface NewBackgroundRun {
  readonly id: string;
  readonly kind: 'verification' | 'restore';
  readonly backupId: string;
  /** The name of the target; of restores. */
  readonly target?: string;
  readonly startedAt: EpochMs;
}

export interface BackgroundEnd {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'interrupted';
  readonly finishedAt: EpochMs;
  readonly error?: BackgroundError;
  readonly warnings: readonly string[];
  /** What was found out about each copy; of verifications. */
  readonly copies?: readonly VerifiedCopy[];
  /** Whose copy was taken; of restores. */
  readonly store?: string;
}

export interface BackgroundRun extends NewBackgroundRun {
  readonly status: 'running' | BackgroundEnd['status'];
  readonly finishedAt?: EpochMs;
  readonly error?: BackgroundError;
  readonly warnings: readonly string[];
  readonly copies?: readonly VerifiedCopy[];
  readonly store?: string;
}

export interface VerifiedCopy {
  readonly store: string;
  /** `unable`: nothing was learned about it. */
  readonly status: 'passed' | 'failed' | 'unable';
  readonly error?: BackgroundError;
  readonly warnings: readonly string[];
}

export interface BackgroundError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}
