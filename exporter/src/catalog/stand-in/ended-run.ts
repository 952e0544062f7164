import type { Manifest, SnapshotManifest } from '../../store/manifest.ts';
import { fromRfc3339 } from '../../units/instant.ts';
import type { Backup, NewCopy, NewRun, Run, RunEnd } from '../catalog.ts';
import { storedBytesOf } from '../sql/sealings.ts';

/** What the catalog would answer, had it been there: a run as it begins, and as it ends. */
export function begunRun(run: NewRun): Run {
  return { ...run, status: 'running', warnings: [], pausedSeconds: 0 };
}

export function endedRun(run: Run, end: RunEnd): Run {
  const { status, finishedAt, warnings, pausedSeconds = 0, error } = end;
  const backup = backupOf(end);
  return {
    ...run,
    ...{ status, finishedAt, warnings, pausedSeconds },
    ...(error !== undefined && { error }),
    ...(backup !== undefined && {
      backupId: backup.id,
      sizeBytes: backup.sizeBytes,
      storedBytes: backup.storedBytes,
    }),
  };
}

export function backupOf({ backup }: RunEnd): Backup | undefined {
  if (backup === undefined) return undefined;
  const { manifest } = backup;
  const common = {
    id: manifest.id,
    schedule: manifest.schedule,
    type: manifest.type,
    status: 'completed',
    createdAt: fromRfc3339(manifest.createdAt),
    ...figuresOf(manifest),
  } as const;
  if (!('copies' in backup))
    return { ...common, manifest: backup.manifest, copies: [], snapshot: { status: 'good' } };
  return {
    ...common,
    manifest: backup.manifest,
    copies: backup.copies.map((copy: NewCopy) => ({ ...copy })),
  };
}

function figuresOf(
  manifest: Manifest | SnapshotManifest,
): Pick<Backup, 'sizeBytes' | 'storedBytes' | 'keyId'> {
  if ('parts' in manifest) {
    return {
      sizeBytes: manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      storedBytes: storedBytesOf(manifest.parts),
      keyId: manifest.keyId,
    };
  }
  const { sizeBytes, addedBytes } = manifest.snapshot;
  return { sizeBytes, storedBytes: addedBytes, keyId: '' };
}
