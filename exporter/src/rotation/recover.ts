import type { Catalog } from '../catalog/catalog.ts';
import type { CopyOutcome, Rotation } from '../catalog/rotations.ts';
import { decodeManifest, manifestName, storedManifest, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';

export interface RecoverRotationsOptions {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  /** Rotations that this process works on. */
  readonly running: ReadonlySet<string>;
  readonly now: EpochMs;
  readonly signal: AbortSignal;
}

/**
 * Puts in order what rotations have left whose process is gone: they are marked as interrupted, the stores complete what was
 * cut off, and every copy that was begun is settled by what lies in its store. Does nothing while a rotation goes on, which
 * looks after its own. Returns those that were interrupted.
 */
export async function recoverRotations(options: RecoverRotationsOptions): Promise<readonly Rotation[]> {
  const { catalog, stores, running, now, signal } = options;
  const interrupted = await catalog.rotations.interruptOrphans(running, now);
  if ((await catalog.rotations.list({ status: 'running', limit: 1 })).length > 0) return interrupted;
  const unsettled = await catalog.rotations.unsettled();
  for (const store of stores.values()) {
    // What lies far away is only asked where something is left there: a start must not wait for a server that is down.
    const isLeft = store.type === 'directory' || unsettled.some((copy) => copy.store === store.id);
    if (isLeft) await store.resealing?.finish();
  }
  for (const { id, mode } of interrupted) {
    if (mode === 'reencrypt') await sweepFirstPending(id, options);
  }
  for (const { backupId, store: storeId, manifest } of unsettled) {
    signal.throwIfAborted();
    const store = stores.get(storeId);
    if (store === undefined) continue;
    for (const part of manifest.parts) await store.sweep(part.name);
    await catalog.rotations.settleCopy(backupId, storeId, await outcomeOf(store, manifest, signal));
  }
  return interrupted;
}

/** The one that was being written anew, beside the old copy, and had not come so far as to be on file. */
async function sweepFirstPending(rotationId: string, options: RecoverRotationsOptions): Promise<void> {
  const { catalog, stores } = options;
  const [item] = await catalog.rotations.backups(rotationId, { status: 'pending', limit: 1 });
  const backup = item && (await catalog.backup(item.backupId));
  for (const copy of backup?.copies ?? []) {
    const { parts } = copy.manifest ?? (backup && storedManifest(backup.manifest)) ?? { parts: [] };
    for (const part of parts) await stores.get(copy.store)?.sweep(part.name);
  }
}

/** The manifest in a store is renamed last: it tells. */
export async function outcomeOf(store: Store, next: Manifest, signal: AbortSignal): Promise<CopyOutcome> {
  const name = manifestName(next);
  if ((await store.stat(name)) === undefined) return 'kept';
  const bytes = Buffer.concat(await Array.fromAsync(store.get(name, { signal })));
  const found = decodeManifest(bytes, store.locate(name));
  const isNext = found.parts.every(
    (part, index) =>
      part.headerSha256 === next.parts[index]?.headerSha256 &&
      part.payloadSha256 === next.parts[index].payloadSha256,
  );
  return isNext && found.keyId === next.keyId ? 'resealed' : 'kept';
}
