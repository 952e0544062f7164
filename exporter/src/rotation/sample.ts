import type { Backup } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import { unseal } from '../seal/unseal.ts';
import type { Store } from '../store/store.ts';

/** Enough to see that the key fits and the payload opens; a whole terabyte is for `backups verify`. */
const sampledBytes = 16 * 1024 * 1024;

/**
 * Opens a backup with the new key and no other. What is small is read to its end and compared with the manifest.
 * Throws what speaks against it.
 */
export async function openSample(
  { manifest }: Backup,
  store: Store,
  identity: Identity,
  { pool, signal }: { readonly pool: SealPool; readonly signal: AbortSignal },
): Promise<void> {
  for (const part of manifest.parts) {
    const opened = await unseal(store.get(part.name, { signal }), [identity], { pool, signal });
    let bytes = 0;
    for await (const piece of opened) {
      bytes += piece.length;
      if (bytes >= sampledBytes) break;
    }
    if (bytes >= sampledBytes) continue;
    const { plainSha256 } = await opened.summary;
    if (plainSha256 === part.compressedSha256) continue;
    throw new LowtideError(
      'verification_failed',
      `${store.locate(part.name)} opens with the new key, but its content is not what it was`,
      { hint: 'Keep the old key, and verify every backup (`lowtide backups verify --all`).' },
    );
  }
}
