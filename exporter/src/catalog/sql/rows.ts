import type { EventBody, StoredEvent } from '../../events/events.ts';
import type { BackupType } from '../../source/source.ts';
import type { Manifest } from '../../store/manifest.ts';
import type { Backup, BackupStatus, Copy, CopyStatus, NewRun, Run, RunStatus } from '../catalog.ts';
import type { SnapshotState } from '../snapshots.ts';
import type { Row } from './transaction.ts';

/**
 * Rows as the schema makes them: STRICT tables and CHECK constraints hold the types that the casts here claim, and
 * JSON columns hold what this adapter has written from typed values.
 */
interface RunRow {
  readonly id: string;
  readonly schedule: string;
  readonly type: BackupType;
  readonly started_by: NewRun['trigger'];
  readonly status: RunStatus;
  readonly started_at: number;
  readonly due_at: number | null;
  readonly object_prefix: string;
  readonly stores: string;
  readonly finished_at: number | null;
  readonly backup_id: string | null;
  readonly error: string | null;
  readonly warnings: string;
  readonly paused_seconds: number;
  readonly size_bytes: number | null;
  readonly stored_bytes: number | null;
}

export function toRun(row: Row): Run {
  const run = row as unknown as RunRow;
  return {
    id: run.id,
    schedule: run.schedule,
    type: run.type,
    trigger: run.started_by,
    status: run.status,
    startedAt: run.started_at,
    ...(run.due_at !== null && { dueAt: run.due_at }),
    objectPrefix: run.object_prefix,
    stores: JSON.parse(run.stores) as string[],
    ...(run.finished_at !== null && { finishedAt: run.finished_at }),
    ...(run.backup_id !== null && { backupId: run.backup_id }),
    ...(run.error !== null && { error: JSON.parse(run.error) as NonNullable<Run['error']> }),
    warnings: JSON.parse(run.warnings) as string[],
    pausedSeconds: run.paused_seconds,
    ...(run.size_bytes !== null && { sizeBytes: run.size_bytes }),
    ...(run.stored_bytes !== null && { storedBytes: run.stored_bytes }),
  };
}

interface BackupRow {
  readonly id: string;
  readonly schedule: string;
  readonly type: BackupType;
  readonly status: BackupStatus;
  readonly created_at: number;
  readonly size_bytes: number;
  readonly stored_bytes: number;
  readonly key_id: string;
  readonly manifest: string;
}

export function toBackup(row: Row, copies: readonly Copy[], snapshot: SnapshotState | undefined): Backup {
  const backup = row as unknown as BackupRow;
  return {
    id: backup.id,
    schedule: backup.schedule,
    type: backup.type,
    status: backup.status,
    createdAt: backup.created_at,
    sizeBytes: backup.size_bytes,
    storedBytes: backup.stored_bytes,
    keyId: backup.key_id,
    manifest: JSON.parse(backup.manifest) as Backup['manifest'],
    copies,
    ...(snapshot !== undefined && { snapshot }),
  };
}

interface SnapshotRow {
  readonly status: SnapshotState['status'];
  readonly error: string | null;
  readonly verified_at: number | null;
  readonly pruned_at: number | null;
  readonly prune_reason: string | null;
}

export function toSnapshot(row: Row): SnapshotState {
  const snapshot = row as unknown as SnapshotRow;
  return {
    status: snapshot.status,
    ...(snapshot.error !== null && { error: snapshot.error }),
    ...(snapshot.verified_at !== null && { verifiedAt: snapshot.verified_at }),
    ...(snapshot.pruned_at !== null && { prunedAt: snapshot.pruned_at }),
    ...(snapshot.prune_reason !== null && { pruneReason: snapshot.prune_reason }),
  };
}

interface CopyRow {
  readonly store: string;
  readonly path: string;
  readonly status: CopyStatus;
  readonly error: string | null;
  readonly verified_at: number | null;
  readonly healed_at: number | null;
  readonly read_at: number | null;
  readonly healing: string | null;
  readonly pruned_at: number | null;
  readonly prune_reason: string | null;
  readonly manifest: string | null;
  readonly next_manifest: string | null;
}

export function toCopy(row: Row): Copy {
  const copy = row as unknown as CopyRow;
  return {
    store: copy.store,
    path: copy.path,
    status: copy.status,
    ...(copy.error !== null && { error: copy.error }),
    ...(copy.verified_at !== null && { verifiedAt: copy.verified_at }),
    ...(copy.read_at !== null && { readAt: copy.read_at }),
    ...(copy.healed_at !== null && { healedAt: copy.healed_at }),
    ...(copy.healing !== null && { isHealing: true as const }),
    ...(copy.pruned_at !== null && { prunedAt: copy.pruned_at }),
    ...(copy.prune_reason !== null && { pruneReason: copy.prune_reason }),
    ...(copy.manifest !== null && { manifest: JSON.parse(copy.manifest) as Manifest }),
    ...(copy.next_manifest !== null && { next: JSON.parse(copy.next_manifest) as Manifest }),
  };
}

export function toEvent(row: Row): StoredEvent {
  const event = row as unknown as { readonly sequence: number; readonly at: number; readonly body: string };
  return { sequence: event.sequence, at: event.at, body: JSON.parse(event.body) as EventBody };
}
