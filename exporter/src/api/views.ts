import type { AuditEntry as StoredAuditEntry } from '../catalog/access.ts';
import type { BackgroundError, BackgroundRun, VerifiedCopy } from '../catalog/background.ts';
import type { Backup as StoredBackup, Copy, Run } from '../catalog/catalog.ts';
import type { RunReview } from '../catalog/reviews.ts';
import type { Rotation as StoredRotation } from '../catalog/rotations.ts';
import type { SnapshotState } from '../catalog/snapshots.ts';
import type { LowtideError } from '../errors/lowtide-error.ts';
import type { StoredEvent as CatalogEvent } from '../events/events.ts';
import type { KeyCensus, LostKey as StoredLostKey } from '../rotation/census.ts';
import type { SnapshotManifest } from '../store/manifest.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { reviewView } from './review-view.ts';
import type {
  AuditEntry,
  Backup,
  BackupRun,
  Key,
  LostKey,
  Own,
  Progress,
  RestoreRun,
  Rotation,
  StoredEvent,
  VerificationRun,
} from './contract.ts';

/**
 * What the catalog and the keystore know, in the words of the API; the `--json` of the command line is made of the same.
 */
export function runView(
  run: Run,
  progress: Progress | undefined,
  review: RunReview | undefined,
): Own<BackupRun> {
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
    ...(error !== undefined && { error: toldFailure(error) }),
    warnings: [...run.warnings],
    pausedSeconds: run.pausedSeconds,
    ...reviewView(review),
    ...(progress !== undefined && status === 'running' && { progress }),
  };
}

/** A verification or a restore. */
export function backgroundRunView(
  run: BackgroundRun,
  progress: Progress | undefined,
): Own<VerificationRun | RestoreRun> {
  const { id, kind, backupId, status, startedAt, finishedAt, error, warnings, copies, store, target } = run;
  const common = {
    id,
    backupId,
    status,
    startedAt: toRfc3339(startedAt),
    ...timeOf('finishedAt', finishedAt),
    ...(error !== undefined && { error }),
    warnings: [...warnings],
    ...(progress !== undefined && status === 'running' && { progress }),
  };
  if (kind === 'restore') {
    return { kind, ...common, target: target ?? '', ...(store !== undefined && { store }) };
  }
  const verdicts = copies?.map((copy) => ({ ...copy, warnings: [...copy.warnings] }));
  return { kind, ...common, ...(verdicts !== undefined && { copies: verdicts }) };
}

/** What a verification found out about one copy. */
export function verdictView({ store, status, error, warnings }: CopyVerdict): VerifiedCopy {
  return {
    store,
    status,
    ...(error !== undefined && { error: failureView(error) }),
    warnings,
  };
}

interface CopyVerdict {
  readonly store: string;
  readonly status: VerifiedCopy['status'];
  readonly error?: LowtideError;
  readonly warnings: readonly string[];
}

export function failureView({ code, message, hint }: LowtideError): BackgroundError {
  return toldFailure({ code, message, ...(hint !== undefined && { hint }) });
}

/** What may be told of it: an unforeseen error's message was written for the log. */
export function toldFailure(failure: BackgroundError): BackgroundError {
  if (failure.code !== 'internal') return failure;
  return { code: failure.code, message: 'something went wrong here; the log has the details' };
}

/** Where an object of a store lies; undefined for a store that the config does not have any more. */
export type Locate = (store: string, name: string) => string | undefined;

/** Paths are those of the stores as they are now: what is on file was true when the backup was made, and folders are moved. */
export function backupView(backup: StoredBackup, locate: Locate): Own<Backup> {
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
    warnings: [...manifest.warnings],
    ...('parts' in manifest
      ? {
          copies: copies.map((copy) => ({
            store: copy.store,
            path: locate(copy.store, manifest.parts[0].name) ?? copy.path,
            keyId: copy.manifest?.keyId ?? keyId,
            ...copyState(copy),
            ...timeOf('readAt', copy.readAt),
            ...timeOf('healedAt', copy.healedAt),
          })),
        }
      : snapshotView(backup, manifest)),
  };
}

/** What another tool keeps is shown as the one copy there is. */
function snapshotView(
  { snapshot }: StoredBackup,
  { source, snapshot: { repository, id, restoreBy } }: SnapshotManifest,
): Pick<Backup, 'copies' | 'snapshot'> {
  const path = `${repository} ${id}`;
  return {
    copies: snapshot === undefined ? [] : [{ store: source.type, path, keyId: '', ...copyState(snapshot) }],
    snapshot: { tool: source.type, repository, id, restoreBy },
  };
}

function copyState({ status, error, verifiedAt, prunedAt, pruneReason }: Copy | SnapshotState) {
  return {
    status,
    ...(error !== undefined && { error }),
    ...timeOf('verifiedAt', verifiedAt),
    ...timeOf('prunedAt', prunedAt),
    ...(pruneReason !== undefined && { pruneReason }),
  };
}

export function keyView({ key, backups, copies, bytes }: KeyCensus): Key {
  const { id, recipient, state, createdAt, origin, purpose, parentId, rotationId } = key;
  return {
    id,
    recipient,
    state,
    createdAt: toRfc3339(createdAt),
    origin,
    purpose,
    ...(parentId !== undefined && { parentId }),
    ...(rotationId !== undefined && { rotationId }),
    backups,
    copies,
    bytes,
  };
}

export function lostKeyView({ id, backups, copies, bytes, openedBy }: StoredLostKey): LostKey {
  return { id, backups, copies, bytes, openedBy: [...openedBy] };
}

export function auditView({ sequence, at, body, hash }: StoredAuditEntry): AuditEntry {
  return { sequence, at: toRfc3339(at), ...body, hash };
}

/** What the process that works on a rotation knows beside the catalog. */
export interface RotationLive {
  readonly waitsFor?: string | undefined;
  readonly progress?: Progress | undefined;
}

/** Where no more is known, rate and time left are those of the rotation as a whole. */
export function rotationView(
  rotation: StoredRotation,
  now: EpochMs,
  { waitsFor, progress }: RotationLive,
): Own<Rotation> {
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
    atLowTide: rotation.atLowTide ?? false,
    ...(rotation.bytesPerSecond !== undefined && { bytesPerSecond: rotation.bytesPerSecond }),
    startedAt: toRfc3339(startedAt),
    ...timeOf('resumedAt', rotation.resumedAt),
    ...timeOf('finishedAt', finishedAt),
    cancelRequested,
    ...(waitsFor !== undefined && { waitsFor }),
    pending,
    done,
    skipped,
    failed,
    ...(error !== undefined && { error: toldFailure(error) }),
    ...(status === 'running' && { progress: progress ?? rotationProgress(rotation, now) }),
  };
}

function rotationProgress(
  { pending, done, skipped, failed, startedAt, resumedAt }: StoredRotation,
  now: EpochMs,
): Progress {
  const bytes = done.bytes + skipped.bytes + failed.bytes;
  const expectedBytes = bytes + pending.bytes;
  // How much had been done before it was resumed is known to the process that works on it alone.
  const bytesPerSecond = resumedAt === undefined ? done.bytes / Math.max(1, (now - startedAt) / 1000) : 0;
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
