import type { AuditEntry as StoredAuditEntry } from '../catalog/access.ts';
import type { Backup as StoredBackup, Run } from '../catalog/catalog.ts';
import type { Rotation as StoredRotation } from '../catalog/rotations.ts';
import type { StoredEvent as CatalogEvent } from '../events/events.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import type { AuditEntry, Backup, BackupRun, Progress, Rotation, StoredEvent } from './contract.ts';

/** What the catalog knows, in the words of the API. */
export function runView(run: Run, progress: Progress | undefined): BackupRun {
  const { id, schedule, type, trigger, status, startedAt, dueAt, finishedAt, error } = run;
  return {
    kind: 'backup',
    id,
    schedule,
    type,
    trigger,
    status,
    startedAt: toRfc3339(startedAt),
    ...timeOf('dueAt', dueAt),
    ...timeOf('finishedAt', finishedAt),
    ...(run.backupId !== undefined && { backupId: run.backupId }),
    ...(run.sizeBytes !== undefined && { sizeBytes: run.sizeBytes }),
    ...(run.storedBytes !== undefined && { storedBytes: run.storedBytes }),
    ...(error !== undefined && { error }),
    warnings: [...run.warnings],
    ...(progress !== undefined && status === 'running' && { progress }),
  };
}

export function backupView(backup: StoredBackup): Backup {
  const { id, schedule, type, status, createdAt, sizeBytes, storedBytes, keyId, manifest, copies } = backup;
  return {
    id,
    schedule,
    type,
    status,
    createdAt: toRfc3339(createdAt),
    sizeBytes,
    storedBytes,
    keyId,
    source: manifest.source,
    warnings: manifest.warnings,
    copies: copies.map((copy) => ({
      store: copy.store,
      path: copy.path,
      status: copy.status,
      ...(copy.error !== undefined && { error: copy.error }),
      ...timeOf('verifiedAt', copy.verifiedAt),
      ...timeOf('prunedAt', copy.prunedAt),
      ...(copy.pruneReason !== undefined && { pruneReason: copy.pruneReason }),
    })),
  };
}

export function auditView({ sequence, at, body, hash }: StoredAuditEntry): AuditEntry {
  return { sequence, at: toRfc3339(at), ...body, hash };
}

/** Rate and time left are those of the rotation as a whole, whichever process works on it. */
export function rotationView(rotation: StoredRotation, now: EpochMs): Rotation {
  const { id, mode, status, trigger, by, keyId, daysBack, startedAt, finishedAt, error, cancelRequested } =
    rotation;
  const { pending, done, skipped, failed } = rotation;
  return {
    id,
    mode,
    status,
    trigger,
    ...(by !== undefined && { by }),
    ...(keyId !== undefined && { keyId }),
    ...(daysBack !== undefined && { daysBack }),
    startedAt: toRfc3339(startedAt),
    ...timeOf('finishedAt', finishedAt),
    cancelRequested,
    pending,
    done,
    skipped,
    failed,
    ...(error !== undefined && { error }),
    ...(status === 'running' && { progress: rotationProgress(rotation, now) }),
  };
}

function rotationProgress(
  { pending, done, skipped, failed, startedAt }: StoredRotation,
  now: EpochMs,
): Progress {
  const bytes = done.bytes + skipped.bytes + failed.bytes;
  const expectedBytes = bytes + pending.bytes;
  const bytesPerSecond = done.bytes / Math.max(1, (now - startedAt) / 1000);
  return {
    bytes,
    expectedBytes,
    ...(expectedBytes > 0 && { ratio: bytes / expectedBytes }),
    bytesPerSecond,
    ...(bytesPerSecond > 0 && { etaSeconds: pending.bytes / bytesPerSecond }),
  };
}

export function eventView({ at, body }: CatalogEvent): StoredEvent {
  const { dueAt, ...rest } = body as typeof body & { readonly dueAt?: EpochMs };
  return { ...rest, at: toRfc3339(at), ...timeOf('dueAt', dueAt) };
}

function timeOf<K extends string>(name: K, at: EpochMs | undefined): Partial<Record<K, string>> {
  return at === undefined ? {} : ({ [name]: toRfc3339(at) } as Record<K, string>);
}
