import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import type { SealSummary } from '../seal/seal.ts';
import { unseal } from '../seal/unseal.ts';
import type { Manifest, ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { Contradiction, refuseWrongSize, verdictOn } from './contradiction.ts';
import { writeTo } from './feed.ts';

/**
 * Reading a stored backup back:
 *
 *     store ──▶ opening threads ──▶ zstd ──▶ content
 *
 * What does not agree with the manifest is `verification_failed`. What tells nothing about the copy (the store does not
 * answer, the key is missing, somebody gave up) keeps the code it has: nobody may take it for damage.
 */
export interface StoredCopy {
  readonly store: Store;
  readonly manifest: Manifest;
  /** The secret half of the manifest's key. */
  readonly identity: Identity;
  readonly pool: SealPool;
  readonly signal: AbortSignal;
  /** Hears of every piece that came out of the store. */
  readonly onRead?: (bytes: number) => void;
}

/** What zstd gives at a time: few enough that the pieces under way weigh nothing, large enough not to be counted in calls. */
const contentPieceBytes = 256 * 1024;

/**
 * The decompressed content of one part. Every piece is authenticated, but only an iteration that ends well has seen the
 * whole part, and all that the manifest says of it: sizes and hashes of header, payload and compressed stream, and the
 * size of the content. Leaving early closes everything at once.
 */
export async function* openPart(part: ManifestPart, copy: StoredCopy): AsyncGenerator<Uint8Array> {
  const leave = new AbortController();
  const signal = AbortSignal.any([copy.signal, leave.signal]);
  const place = `${copy.store.locate(part.name)} (store ${copy.store.id})`;
  try {
    await refuseWrongSize(part, copy.store);
    const file = new SealedFile(copy.store.get(part.name, { signal }), part.headerBytes, copy.onRead);
    const compressed = await unseal(file, [copy.identity], { pool: copy.pool, signal });
    if (file.headerSha256 !== undefined && file.headerSha256 !== part.headerSha256) {
      throw new Contradiction(
        'its header is sound, but not the one that the manifest describes: another file was put in its place, or it was ' +
          'sealed anew without its manifest',
      );
    }
    let sizeBytes = 0;
    for await (const bytes of decompress(compressed, leave)) {
      sizeBytes += bytes.length;
      if (sizeBytes > part.sizeBytes) {
        throw new Contradiction(`its content is larger than the ${part.sizeBytes} bytes of the manifest`);
      }
      yield bytes;
    }
    refuseOtherContent(part, await compressed.summary, sizeBytes);
  } catch (thrown) {
    copy.signal.throwIfAborted();
    throw verdictOn(thrown, place);
  } finally {
    leave.abort(new LowtideError('cancelled', `the content of ${place} was not read to its end`));
  }
}

/** The file as it is read, with the hash of its beginning as soon as that has gone by. */
class SealedFile implements AsyncIterable<Uint8Array> {
  /** Of as many bytes as the manifest gives the header. */
  headerSha256: string | undefined;
  readonly #bytes: AsyncIterable<Uint8Array>;
  readonly #headerBytes: number;
  readonly #onRead: StoredCopy['onRead'];

  constructor(bytes: AsyncIterable<Uint8Array>, headerBytes: number, onRead: StoredCopy['onRead']) {
    this.#bytes = bytes;
    this.#headerBytes = headerBytes;
    this.#onRead = onRead;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let missing = this.#headerBytes;
    for await (const bytes of this.#bytes) {
      if (missing > 0) {
        hash.update(bytes.subarray(0, missing));
        missing -= Math.min(missing, bytes.length);
        if (missing === 0) this.headerSha256 = hash.digest('hex');
      }
      this.#onRead?.(bytes.length);
      yield bytes;
    }
  }
}

/** `leave` is aborted when the iteration ends in any way: what is still being read is then let go at once. */
async function* decompress(
  compressed: AsyncIterable<Uint8Array>,
  leave: AbortController,
): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress({ chunkSize: contentPieceBytes });
  // Whoever iterates hears of it; one that comes after he has left is nobody's.
  zstd.on('error', () => undefined);
  const feeding = new Feeding(compressed, zstd);
  try {
    for await (const bytes of zstd) yield bytes as Buffer;
    if (!feeding.whole) throw new Contradiction('more bytes follow where its compressed stream ends');
  } catch (thrown) {
    if (thrown instanceof Contradiction) throw thrown;
    if (feeding.failure !== undefined) throw feeding.failure.thrown;
    throw new Contradiction(`its content cannot be decompressed: ${LowtideError.from(thrown).message}`, {
      cause: thrown,
    });
  } finally {
    leave.abort(new LowtideError('cancelled', 'the content was not read to its end'));
    zstd.destroy();
    await feeding.ended;
  }
}

/** Brings the compressed stream to zstd. */
class Feeding {
  /** Whether all of it was taken. */
  whole = false;
  /** Why there was no more to bring. */
  failure: { readonly thrown: unknown } | undefined;
  readonly ended: Promise<void>;

  constructor(compressed: AsyncIterable<Uint8Array>, zstd: Writable) {
    this.ended = this.#feed(compressed, zstd).catch((thrown: unknown) => {
      this.failure = { thrown };
      zstd.destroy(LowtideError.from(thrown));
    });
  }

  async #feed(compressed: AsyncIterable<Uint8Array>, zstd: Writable): Promise<void> {
    for await (const bytes of compressed) {
      if (zstd.destroyed) return;
      await writeTo(zstd, bytes);
    }
    this.whole = true;
    zstd.end();
  }
}

/** By now header and payload are known to be sound and to belong together; whether they are this backup's is not. */
function refuseOtherContent(part: ManifestPart, summary: SealSummary, sizeBytes: number): void {
  const facts = [
    ['header', summary.headerSha256 === part.headerSha256 && summary.headerBytes === part.headerBytes],
    ['payload', summary.payloadSha256 === part.payloadSha256 && summary.payloadBytes === part.payloadBytes],
    [
      'compressed stream',
      summary.plainSha256 === part.compressedSha256 && summary.plainBytes === part.compressedBytes,
    ],
    ['size of the content', sizeBytes === part.sizeBytes],
  ] as const;
  const different = facts.filter(([, agrees]) => !agrees).map(([name]) => name);
  if (different.length === 0) return;
  throw new Contradiction(
    `it is a sound age file, but not the one that the manifest describes (other: ${different.join(', ')}): ` +
      "it was swapped with another backup's, or sealed anew without its manifest",
  );
}
