import type { EpochMs } from '../units/instant.ts';
import type { VerificationResult } from './catalog.ts';

/** What became of a snapshot. */
export interface SnapshotState {
  readonly status: 'good' | 'damaged' | 'pruned';
  readonly error?: string;
  /** The last check of its repository, whatever it found. */
  readonly verifiedAt?: EpochMs;
  readonly prunedAt?: EpochMs;
  readonly pruneReason?: string;
}

export interface SnapshotRecords {
  /** Of a schedule, those that are not pruned. */
  present(schedule: string): Promise<readonly PresentSnapshot[]>;
  /**
   * A check looks at the repository as a whole: what it found holds for every snapshot of the schedule that is present.
   * Appends `backup:verified` for the one it was asked for. Throws `not_found`.
   */
  recordCheck(backupId: string, result: VerificationResult): Promise<void>;
  /** The tool has forgotten it: the backup is `pruned`, with a `backup:pruned` event. Doing it again changes nothing. */
  remove(backupId: string, reason: string, at: EpochMs): Promise<void>;
  /** When the room of forgotten snapshots was last given back for a schedule. */
  reclaimedAt(schedule: string): Promise<EpochMs | undefined>;
  setReclaimed(schedule: string, at: EpochMs): Promise<void>;
}

export interface PresentSnapshot {
  readonly backupId: string;
  /** As the tool calls it. */
  readonly snapshot: string;
  readonly createdAt: EpochMs;
  readonly isDamaged: boolean;
  readonly addedBytes: number;
}
