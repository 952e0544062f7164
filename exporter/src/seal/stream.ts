import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

/**
 * The payload of an age file: STREAM (https://c2sp.org/age). The plaintext is cut into chunks of 64 KiB, each sealed by
 * ChaCha20-Poly1305 on its own. A chunk's nonce is its number (11 bytes, big endian) and a flag that only the last one has,
 * so no chunk can be dropped, swapped or added unnoticed. Every chunk but the last is full; the last is empty only where
 * the whole plaintext is. What goes from hand to hand are batches of whole chunks.
 */
export const chunkBytes = 64 * 1024;
const tagBytes = 16;
export const sealedChunkBytes = chunkBytes + tagBytes;

/** 1 MiB of plaintext a batch: messages and system calls cost nothing beside the cipher, and memory stays small. */
export const batchChunks = 16;
export const batchBytes = batchChunks * chunkBytes;
export const sealedBatchBytes = batchChunks * sealedChunkBytes;

const algorithm = 'chacha20-poly1305';
const nonceBytes = 12;

export interface ChunkPosition {
  /** Number of the first chunk, from 0. */
  readonly first: number;
  /** Whether the last chunk of these is the last of the payload. */
  readonly last: boolean;
}

/** The plaintext of whole chunks up to the first that is wrong, and what is wrong with it. */
export interface OpenedChunks {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly fault?: ChunkFault;
}

export interface ChunkFault {
  /** Number of the chunk, from 0. */
  readonly chunk: number;
  /**
   * `changed`: does not authenticate; `cut`: the payload ends before its last chunk's end; `trailing`: bytes follow the last
   * chunk; `empty`: the last chunk holds nothing, though others come before it.
   */
  readonly kind: 'changed' | 'cut' | 'trailing' | 'empty';
}

/** Seals whole chunks, of which only the payload's last may be short. The result has a buffer of its own. */
export function sealChunks(
  key: KeyObject,
  plain: Uint8Array,
  position: ChunkPosition,
): Uint8Array<ArrayBuffer> {
  const count = Math.max(1, Math.ceil(plain.length / chunkBytes));
  const sealed = Buffer.allocUnsafeSlow(plain.length + count * tagBytes);
  sealChunksInto(sealed, key, plain, position);
  return sealed;
}

/** As `sealChunks`, to the beginning of `sealed`, which has to be long enough. */
export function sealChunksInto(
  sealed: Uint8Array,
  key: KeyObject,
  plain: Uint8Array,
  { first, last }: ChunkPosition,
): void {
  if (last ? first > 0 && plain.length === 0 : plain.length === 0 || plain.length % chunkBytes !== 0) {
    throw new RangeError(`${plain.length} bytes are no whole chunks, from chunk ${first} on`);
  }
  const count = Math.max(1, Math.ceil(plain.length / chunkBytes));
  const nonce = Buffer.alloc(nonceBytes);
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    writeNonce(nonce, first + index, last && index === count - 1);
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    const chunk = cipher.update(plain.subarray(index * chunkBytes, (index + 1) * chunkBytes));
    cipher.final();
    sealed.set(cipher.getAuthTag(), at + chunk.length);
    at += moveInto(sealed, at, chunk) + tagBytes;
  }
}

/**
 * Opens whole chunks, and stops at the first that is wrong. The result has a buffer of its own, with nothing in it that is
 * not authentic: of the bad chunk only a full one that was sealed for this very place, where but the end is wrong.
 */
export function openChunks(key: KeyObject, sealed: Uint8Array, { first, last }: ChunkPosition): OpenedChunks {
  const count = Math.max(1, Math.ceil(sealed.length / sealedChunkBytes));
  const plain = Buffer.allocUnsafeSlow(plainLength(sealed.length));
  const nonce = Buffer.alloc(nonceBytes);
  for (let index = 0; index < count; index += 1) {
    const isLast = last && index === count - 1;
    const chunk = sealed.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes);
    writeNonce(nonce, first + index, isLast);
    const text = openChunk(key, nonce, chunk);
    const start = index * chunkBytes;
    if (text !== undefined && (text.length > 0 || first + index === 0)) {
      moveInto(plain, start, text);
      continue;
    }
    const wrong: WrongChunk = text === undefined ? judge(key, nonce, chunk, isLast) : { kind: 'empty' };
    const kept = wrong.text === undefined ? 0 : moveInto(plain, start, wrong.text);
    return { plain: plain.subarray(0, start + kept), fault: { chunk: first + index, kind: wrong.kind } };
  }
  return { plain };
}

/** A last piece that is shorter than a tag holds nothing. */
function plainLength(sealedLength: number): number {
  const rest = sealedLength % sealedChunkBytes;
  return ((sealedLength - rest) / sealedChunkBytes) * chunkBytes + Math.max(0, rest - tagBytes);
}

function openChunk(key: KeyObject, nonce: Uint8Array, chunk: Uint8Array): Buffer<ArrayBuffer> | undefined {
  if (chunk.length < tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(chunk.subarray(chunk.length - tagBytes));
  const text = decipher.update(chunk.subarray(0, chunk.length - tagBytes));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return text;
}

interface WrongChunk {
  readonly kind: ChunkFault['kind'];
  readonly text?: Buffer<ArrayBuffer>;
}

/** A chunk that opens with the other flag tells that the payload was cut right after it, or added to. */
function judge(key: KeyObject, nonce: Buffer, chunk: Uint8Array, isLast: boolean): WrongChunk {
  if (isLast && chunk.length < tagBytes) return { kind: 'cut' };
  nonce[nonceBytes - 1] = isLast ? 0 : 1;
  const text = openChunk(key, nonce, chunk);
  if (text === undefined) return { kind: 'changed' };
  return { kind: isLast ? 'cut' : 'trailing', ...(chunk.length === sealedChunkBytes && { text }) };
}

/**
 * OpenSSL's output comes in a buffer of its own each time. Letting go of it at once, rather than at some garbage
 * collection, gives the next chunk the same memory, warm in the cache: a tenth of the time, and most of the memory.
 */
function moveInto(target: Uint8Array, at: number, chunk: Buffer<ArrayBuffer>): number {
  const { length } = chunk;
  target.set(chunk, at);
  chunk.buffer.transfer(0);
  return length;
}

/** The number takes up 6 of its 11 bytes, which is enough for 16 EiB. */
function writeNonce(nonce: Buffer, chunk: number, isLast: boolean): void {
  nonce.writeUIntBE(chunk, nonceBytes - 7, 6);
  nonce[nonceBytes - 1] = isLast ? 1 : 0;
}
