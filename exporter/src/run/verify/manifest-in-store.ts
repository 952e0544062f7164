import { LowtideError } from '../../errors/lowtide-error.ts';
import { decodeManifest, manifestName, type Manifest } from '../../store/manifest.ts';
import type { Store } from '../../store/store.ts';

/** A manifest has a few kilobytes. */
const largestManifest = 1024 * 1024;

/**
 * Whether the manifest that lies beside a copy says what the catalog says: without it, a catalog that is lost could not bring
 * the copy back. Throws `verification_failed`, and what the store throws.
 */
export async function checkManifestInStore(
  store: Store,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const name = manifestName(manifest);
  const place = `${store.locate(name)} (store ${store.id})`;
  const object = await store.stat(name);
  if (object === undefined) throw unusableManifest(`${place} is missing`);
  if (object.sizeBytes > largestManifest) throw unusableManifest(`${place} is too large for a manifest`);
  const bytes = Buffer.concat(await Array.fromAsync(store.get(name, { signal })));
  let found: Manifest;
  try {
    found = decodeManifest(bytes, place);
  } catch (cause) {
    throw unusableManifest(`${place} is damaged`, cause);
  }
  if (sealingOf(found) !== sealingOf(manifest)) throw unusableManifest(`${place} describes something else`);
}

function sealingOf({ id, keyId, parts }: Manifest): string {
  return JSON.stringify([id, keyId, parts]);
}

function unusableManifest(message: string, cause?: unknown): LowtideError {
  return new LowtideError('verification_failed', `the manifest ${message}`, {
    hint: 'The content is whole and can be restored; but a lost catalog would not bring this copy back. Make a new backup.',
    cause,
  });
}
