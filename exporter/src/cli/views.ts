import type { Backup, Run } from '../catalog/catalog.ts';
import type { Rotation } from '../catalog/rotations.ts';
import type { Key } from '../keys/keystore.ts';
import type { BackupVerification } from '../run/verify.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';

/** The JSON of `--json`: names as in the API, times in RFC 3339, sizes in bytes. */
export function backupView(backup: Backup): Record<string, unknown> {
  const { id, schedule, type, status, createdAt, sizeBytes, storedBytes, keyId, copies } = backup;
  return {
    id,
    schedule,
    type,
    status,
    createdAt: toRfc3339(createdAt),
    sizeBytes,
    storedBytes,
    keyId,
    copies: copies.map((copy) => ({
      store: copy.store,
      path: copy.path,
      status: copy.status,
      ...(copy.error !== undefined && { error: copy.error }),
      ...(copy.verifiedAt !== undefined && { verifiedAt: toRfc3339(copy.verifiedAt) }),
      ...(copy.pruneReason !== undefined && { pruneReason: copy.pruneReason }),
    })),
  };
}

export function runView(run: Run): Record<string, unknown> {
  const { id, schedule, type, trigger, status, startedAt, dueAt, finishedAt, ...rest } = run;
  return {
    id,
    schedule,
    type,
    trigger,
    status,
    startedAt: toRfc3339(startedAt),
    ...timeOf('dueAt', dueAt),
    ...timeOf('finishedAt', finishedAt),
    ...(rest.backupId !== undefined && { backupId: rest.backupId }),
    ...(rest.sizeBytes !== undefined && { sizeBytes: rest.sizeBytes }),
    ...(rest.storedBytes !== undefined && { storedBytes: rest.storedBytes }),
    ...(rest.error !== undefined && { error: rest.error }),
    warnings: rest.warnings,
  };
}

export function keyView(key: Key, backups: number, bytes: number): Record<string, unknown> {
  const { id, recipient, state, createdAt, origin, parentId } = key;
  return {
    id,
    recipient,
    state,
    createdAt: toRfc3339(createdAt),
    origin,
    ...(parentId !== undefined && { parentId }),
    backups,
    bytes,
  };
}

export function verificationView({ copies }: BackupVerification): readonly Record<string, unknown>[] {
  return copies.map(({ store, status, error, warnings }) => ({
    store,
    status,
    ...(error !== undefined && { code: error.code, error: error.message }),
    warnings,
  }));
}

export function rotationView(rotation: Rotation): Record<string, unknown> {
  const { id, mode, status, trigger, by, keyId, daysBack, startedAt, finishedAt, error } = rotation;
  const { done, skipped, failed, pending } = rotation;
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
    backupsRewrapped: mode === 'rewrap' ? done.backups : 0,
    backupsReencrypted: mode === 'reencrypt' ? done.backups : 0,
    backupsSkipped: skipped.backups,
    backupsFailed: failed.backups,
    backupsPending: pending.backups,
    bytesDone: done.bytes,
    ...(error !== undefined && { error }),
  };
}

/** Local to this machine, to the second: for people. */
export function shownTime(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(Temporal.Now.timeZoneId())
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' })
    .replace('T', ' ');
}

function timeOf<K extends string>(name: K, at: EpochMs | undefined): Partial<Record<K, string>> {
  return at === undefined ? {} : ({ [name]: toRfc3339(at) } as Record<K, string>);
}
