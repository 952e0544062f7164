import { createHash } from 'node:crypto';
import type { Manifest, ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { Contradiction, refuseWrongSize, verdictOn } from './contradiction.ts';
import { checkManifestInStore } from './verify/manifest-in-store.ts';

export interface SealedReading {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Hears of every piece that came out of the store. */
  readonly onRead?: (bytes: number) => void;
}

/**
 * The bytes of one part as they lie in a store: no key is needed. Only an iteration that ends well has seen that they are the
 * sealed bytes that the manifest describes; one that ends with `verification_failed` has found them to be others. Whoever writes
 * them away therefore keeps nothing of them before the end.
 */
export async function* sealedPart(part: ManifestPart, reading: SealedReading): AsyncGenerator<Uint8Array> {
  const { store, signal, onRead } = reading;
  const [header, payload] = [createHash('sha256'), createHash('sha256')];
  let readBytes = 0;
  try {
    await refuseWrongSize(part, store);
    for await (const bytes of store.get(part.name, { signal })) {
      const ofHeader = Math.min(bytes.length, Math.max(0, part.headerBytes - readBytes));
      header.update(bytes.subarray(0, ofHeader));
      payload.update(bytes.subarray(ofHeader));
      readBytes += bytes.length;
      onRead?.(bytes.length);
      yield bytes;
    }
    const found = [
      ['size', readBytes === part.headerBytes + part.payloadBytes],
      ['header', header.digest('hex') === part.headerSha256],
      ['payload', payload.digest('hex') === part.payloadSha256],
    ] as const;
    const different = found.filter(([, agrees]) => !agrees).map(([name]) => name);
    if (different.length > 0) {
      throw new Contradiction(`its bytes are not those that were stored (other: ${different.join(', ')})`);
    }
  } catch (thrown) {
    signal.throwIfAborted();
    throw verdictOn(thrown, `${store.locate(part.name)} (store ${store.id})`);
  }
}

/** Reads a copy to the end, and compares it and its manifest. Throws `verification_failed`, and what the store throws. */
export async function compareSealed(
  manifest: Manifest,
  reading: SealedReading & { readonly turn?: () => Promise<void> },
): Promise<void> {
  for (const part of manifest.parts) {
    const bytes = sealedPart(part, reading)[Symbol.asyncIterator]();
    while ((await bytes.next()).done !== true) await reading.turn?.();
  }
  await checkManifestInStore(reading.store, manifest, reading.signal);
}
