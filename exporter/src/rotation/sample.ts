import type { Backup } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import { unseal } from '../seal/unseal.ts';
import { storedManifest, type ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { copyFaultOf, type CopyFault } from './step.ts';
import type { RotationWorkOptions } from './work.ts';

const samples = 3;
/** Enough to see that the key fits and the payload opens; a whole terabyte is for `backups verify`. */
const sampledBytes = 16 * 1024 * 1024;

export interface SampleFault {
  readonly backupId: string;
  readonly fault: CopyFault;
}

/**
 * Opens some of what a rotation has done, with the new key and no other; tells which copies do not open or are not what they were.
 * Throws what keeps stores and keystore from being read.
 */
export async function openSamples(
  options: Pick<
    RotationWorkOptions,
    'catalog' | 'rotationId' | 'stores' | 'keystore' | 'target' | 'pool' | 'signal'
  >,
): Promise<readonly SampleFault[]> {
  const { catalog, rotationId, stores, keystore, target, signal } = options;
  const identity = await keystore.identity(target.keyId);
  const faults: SampleFault[] = [];
  for (const { backupId } of await catalog.rotations.backups(rotationId, {
    status: 'done',
    limit: samples,
  })) {
    const backup = await catalog.backup(backupId);
    const copy = backup?.copies.find((each) => each.status === 'good' && each.manifest === undefined);
    const store = copy && stores.get(copy.store);
    if (backup === undefined || store === undefined || backup.keyId !== target.keyId) continue;
    try {
      await openSample(backup, store, identity, options);
    } catch (thrown) {
      signal.throwIfAborted();
      faults.push({ backupId, fault: copyFaultOf(store, thrown) });
    }
  }
  return faults;
}

interface Opening {
  readonly pool: SealPool;
  readonly signal: AbortSignal;
}

/** What is small is read to its end and compared with the manifest. Throws what speaks against it. */
async function openSample(
  { manifest }: Backup,
  store: Store,
  identity: Identity,
  opening: Opening,
): Promise<void> {
  for (const part of storedManifest(manifest).parts) {
    const place = store.locate(part.name);
    try {
      if (await isAsItWas(part, store, identity, opening)) continue;
    } catch (thrown) {
      const { code, message } = LowtideError.from(thrown);
      throw new LowtideError(code, `${place} does not open with the new key: ${message}`, { cause: thrown });
    }
    throw new LowtideError(
      'verification_failed',
      `${place} opens with the new key, but its content is not what it was`,
    );
  }
}

async function isAsItWas(
  part: ManifestPart,
  store: Store,
  identity: Identity,
  { pool, signal }: Opening,
): Promise<boolean> {
  const opened = await unseal(store.get(part.name, { signal }), [identity], { pool, signal });
  let bytes = 0;
  for await (const piece of opened) {
    bytes += piece.length;
    if (bytes >= sampledBytes) return true;
  }
  const { plainSha256 } = await opened.summary;
  return plainSha256 === part.compressedSha256;
}
