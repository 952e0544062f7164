import type { Rotation, RotationBackup, RotationCount, RotationError } from '../../rotations.ts';
import type { Row } from '../transaction.ts';

/** As `../rows.ts`: the schema holds the types that the casts claim. */
interface RotationRow {
  readonly id: string;
  readonly mode: Rotation['mode'];
  readonly status: Rotation['status'];
  readonly started_by: Rotation['trigger'];
  readonly by_whom: string | null;
  readonly days_back: number | null;
  readonly from_keys: string | null;
  readonly key_id: string | null;
  readonly at_low_tide: number;
  readonly bytes_per_second: number | null;
  readonly left_backups: number;
  readonly left_bytes: number;
  readonly started_at: number;
  readonly resumed_at: number | null;
  readonly finished_at: number | null;
  readonly cancel_requested: number;
  readonly error: string | null;
}

const none: RotationCount = { backups: 0, bytes: 0 };

/** `counts`: rows of status, backups, bytes. */
export function toRotation(row: Row, counts: readonly Row[]): Rotation {
  const rotation = row as unknown as RotationRow;
  const byStatus = new Map(
    counts.map((count): [string, RotationCount] => [
      String(count['status']),
      { backups: Number(count['backups']), bytes: Number(count['bytes']) },
    ]),
  );
  const skipped = byStatus.get('skipped') ?? none;
  return {
    id: rotation.id,
    mode: rotation.mode,
    status: rotation.status,
    trigger: rotation.started_by,
    ...(rotation.by_whom !== null && { by: rotation.by_whom }),
    ...(rotation.days_back !== null && { daysBack: rotation.days_back }),
    ...(rotation.from_keys !== null && { fromKeys: JSON.parse(rotation.from_keys) as string[] }),
    ...(rotation.key_id !== null && { keyId: rotation.key_id }),
    ...(rotation.at_low_tide === 1 && { atLowTide: true }),
    ...(rotation.bytes_per_second !== null && { bytesPerSecond: rotation.bytes_per_second }),
    startedAt: rotation.started_at,
    ...(rotation.resumed_at !== null && { resumedAt: rotation.resumed_at }),
    ...(rotation.finished_at !== null && { finishedAt: rotation.finished_at }),
    cancelRequested: rotation.cancel_requested === 1,
    ...(rotation.error !== null && { error: JSON.parse(rotation.error) as RotationError }),
    pending: byStatus.get('pending') ?? none,
    done: byStatus.get('done') ?? none,
    skipped: { backups: skipped.backups + rotation.left_backups, bytes: skipped.bytes + rotation.left_bytes },
    failed: byStatus.get('failed') ?? none,
  };
}

interface RotationBackupRow {
  readonly number: number;
  readonly backup_id: string;
  readonly bytes: number;
  readonly status: RotationBackup['status'];
  readonly reason: string | null;
}

export function toRotationBackup(row: Row): RotationBackup {
  const backup = row as unknown as RotationBackupRow;
  return {
    number: backup.number,
    backupId: backup.backup_id,
    bytes: backup.bytes,
    status: backup.status,
    ...(backup.reason !== null && { reason: backup.reason }),
  };
}
