import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import { payloadKey } from '../seal/file-key.ts';
import type { SealPool } from '../seal/pool.ts';
import type { NewHeader } from '../seal/recipients.ts';
import { batchChunks, sealChunks } from '../seal/stream.ts';
import { unseal, type Unsealing } from '../seal/unseal.ts';
import type { ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { damaged } from './rewrap.ts';

export interface StreamWork {
  readonly store: Store;
  readonly identity: Identity;
  readonly sealing: NewHeader & { readonly nonce: Uint8Array };
  readonly pool: SealPool;
  readonly bytesPerSecond?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number) => Promise<void>;
}

/**
 * Re-encryption where objects are no files: down, opened, sealed anew and up again, in one stream, to beside the old object. The
 * last bytes are given to the store only once all of the old payload has been found to be what the manifest describes.
 */
export async function reencryptStream(
  part: ManifestPart,
  work: StreamWork,
): Promise<{ readonly rewritten: string; readonly payloadSha256: string }> {
  const { store, identity, pool, signal } = work;
  if (store.resealing?.writeBeside === undefined) {
    throw new LowtideError('internal', `${store.locate(part.name)} cannot be written anew`);
  }
  const opened = await unseal(store.get(part.name, { signal }), [identity], { pool, signal });
  const hash = createHash('sha256');
  const body = sealedAnew(part, opened, work, (payload) => void hash.update(payload));
  const rewritten = await store.resealing.writeBeside(part.name, body, { signal });
  return { rewritten, payloadSha256: hash.digest('hex') };
}

async function* sealedAnew(
  part: ManifestPart,
  opened: Unsealing,
  { store, sealing, bytesPerSecond, signal, onProgress }: StreamWork,
  onPayload: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const key = payloadKey(sealing.fileKey, sealing.nonce);
  const place = store.locate(part.name);
  const started = performance.now();
  let first = 0;
  let done = 0;
  const seal = (plain: Uint8Array, last: boolean): Uint8Array => {
    const sealed = sealChunks(key, plain, { first, last });
    first += batchChunks;
    onPayload(sealed);
    return sealed;
  };
  onPayload(sealing.nonce);
  yield Buffer.concat([sealing.bytes, sealing.nonce]);
  // One behind: only the end tells which is the last.
  let held: Uint8Array | undefined;
  for await (const plain of told(opened, place)) {
    if (held !== undefined) yield seal(held, false);
    held = plain;
    done += plain.length;
    await onProgress?.(Math.min(done, part.payloadBytes));
    if (bytesPerSecond === undefined) continue;
    const early = started + (done / bytesPerSecond) * 1000 - performance.now();
    if (early > 0) await delay(early, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  const { payloadSha256 } = await opened.summary;
  if (payloadSha256 !== part.payloadSha256) throw damaged(place, 'its payload is not the one');
  yield seal(held ?? new Uint8Array(0), true);
}

/** What is wrong with the payload, as rotations tell it. */
async function* told(opened: Unsealing, place: string): AsyncGenerator<Uint8Array> {
  try {
    yield* opened;
  } catch (thrown) {
    if (!(thrown instanceof LowtideError) || thrown.code !== 'payload_invalid') throw thrown;
    throw new LowtideError('verification_failed', `${place}: ${thrown.message}`, {
      hint: 'Nothing was changed.',
    });
  }
}
