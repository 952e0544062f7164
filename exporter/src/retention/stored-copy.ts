import type { Backup } from '../catalog/catalog.ts';
import { manifestName, storedManifest } from '../store/manifest.ts';
import type { EpochMs } from '../units/instant.ts';

/** A copy in one store; its manifest is left out, for there may be a hundred thousand. */
export interface StoredCopy {
  readonly backupId: string;
  readonly schedule: string;
  readonly createdAt: EpochMs;
  readonly storedBytes: number;
  readonly status: 'good' | 'damaged' | 'pruned';
  readonly parts: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly manifest: string;
}

/** The backup's copy in this store, where one is or was there. */
export function copyIn(store: string, backup: Backup): readonly StoredCopy[] {
  const copy = backup.copies.find((each) => each.store === store);
  const status = copy?.status;
  // Of a copy that failed when it was made nothing is on file that could be removed.
  if (status === undefined || status === 'failed') return [];
  const manifest = copy?.manifest ?? storedManifest(backup.manifest);
  return [
    {
      backupId: backup.id,
      schedule: backup.schedule,
      createdAt: backup.createdAt,
      storedBytes: backup.storedBytes,
      status,
      parts: manifest.parts.map((part) => ({
        name: part.name,
        sizeBytes: part.headerBytes + part.payloadBytes,
      })),
      manifest: manifestName(manifest),
    },
  ];
}

/** Whether the store shows all of it, in full size. */
export function isWhole(
  copy: StoredCopy,
  listing: ReadonlyMap<string, { readonly sizeBytes: number }>,
): boolean {
  return (
    listing.has(copy.manifest) &&
    copy.parts.every((part) => listing.get(part.name)?.sizeBytes === part.sizeBytes)
  );
}
