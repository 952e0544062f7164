import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { nonceBytes } from '../seal/file-key.ts';
import {
  batchChunks,
  openChunks,
  sealChunksInto,
  sealedBatchBytes,
  type ChunkFault,
} from '../seal/stream.ts';

/**
 * Re-encryption of one payload by several threads. Those that encrypt claim the next batch from a counter, read it, open it,
 * seal it and write it where it belongs: nothing is sent between threads, and nothing has to be put in order. A hash, though,
 * sees bytes in order: one thread follows the others. Batches lie, before and after, in memory that all of them share, so that
 * it need not read both files once more, which took a fifth of the whole.
 */
export interface ReencryptJob {
  readonly role: 'encrypt' | 'hash';
  readonly source: PayloadPlace;
  readonly target: PayloadPlace;
  /** Of the whole payload, nonce included; the same on both sides. */
  readonly payloadBytes: number;
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** By batch: 1 once it has been written. */
  readonly written: Uint8Array<SharedArrayBuffer>;
  /** Room for the batches between the first thread that works and the one that hashes, one after the other. */
  readonly slots: SharedArrayBuffer;
  /** At most so many milliseconds a batch, over all threads; 0 is as fast as it goes. */
  readonly batchMs: number;
}

export interface PayloadPlace {
  readonly fd: number;
  /** Where the nonce stands. */
  readonly start: number;
  readonly key: KeyObject;
}

export type ReencryptEnd =
  | { readonly status: 'done'; readonly hashes?: PayloadHashes }
  | { readonly status: 'stopped' }
  | { readonly status: 'fault'; readonly fault: ChunkFault };

export interface PayloadHashes {
  readonly source: string;
  readonly target: string;
}

const claimed = 0;
const written = 1;
const hashed = 2;
const stopped = 3;
const cellCount = 4;

/** How far the hash may be behind. */
const slotCount = 8;
/** A thread that waits looks up so often, should it have missed a call. */
const longestWaitMs = 1000;

/** Serves one payload after the other. */
export function newSlots(): SharedArrayBuffer {
  return new SharedArrayBuffer(slotCount * 2 * sealedBatchBytes);
}

export function newCells(batches: number): Pick<ReencryptJob, 'cells' | 'written'> {
  return {
    cells: new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT)),
    written: new Uint8Array(new SharedArrayBuffer(batches)),
  };
}

export function batchesOf(payloadBytes: number): number {
  return Math.max(1, Math.ceil((payloadBytes - nonceBytes) / sealedBatchBytes));
}

export function stopJob(cells: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(cells, stopped, 1);
  for (const cell of [written, hashed]) Atomics.notify(cells, cell);
}

export function batchesWritten(cells: Int32Array<SharedArrayBuffer>): number {
  return Atomics.load(cells, written);
}

export function runJob(job: ReencryptJob): ReencryptEnd {
  return job.role === 'encrypt' ? encrypt(job) : hash(job);
}

function encrypt({
  source,
  target,
  payloadBytes,
  cells,
  written: flags,
  slots,
  batchMs,
}: ReencryptJob): ReencryptEnd {
  const batches = batchesOf(payloadBytes);
  const started = performance.now();
  for (;;) {
    const batch = Atomics.add(cells, claimed, 1);
    if (batch >= batches) return { status: 'done' };
    waitUntil(cells, hashed, () => Atomics.load(cells, hashed) + slotCount > batch);
    pause(cells, started + batch * batchMs);
    if (Atomics.load(cells, stopped) !== 0) return { status: 'stopped' };
    const { offset, length } = placeOf(batch, payloadBytes);
    const { before, after } = slotOf(slots, batch, length);
    readAll(source.fd, before, source.start + offset);
    const position = { first: batch * batchChunks, last: batch === batches - 1 };
    const { plain, fault } = openChunks(source.key, before, position);
    if (fault !== undefined) return { status: 'fault', fault };
    sealChunksInto(after, target.key, plain, position);
    letGo(plain);
    writeAll(target.fd, after, target.start + offset);
    Atomics.store(flags, batch, 1);
    Atomics.add(cells, written, 1);
    Atomics.notify(cells, written);
  }
}

function hash({ source, target, payloadBytes, cells, written: flags, slots }: ReencryptJob): ReencryptEnd {
  const batches = batchesOf(payloadBytes);
  const [before, after] = [source, target].map((place) => hashFromNonce(place));
  if (before === undefined || after === undefined) throw new TypeError('there are two sides');
  for (let batch = 0; batch < batches; batch += 1) {
    waitUntil(cells, written, () => Atomics.load(flags, batch) === 1);
    if (Atomics.load(cells, stopped) !== 0) return { status: 'stopped' };
    const slot = slotOf(slots, batch, placeOf(batch, payloadBytes).length);
    before.update(slot.before);
    after.update(slot.after);
    Atomics.store(cells, hashed, batch + 1);
    Atomics.notify(cells, hashed);
  }
  return { status: 'done', hashes: { source: before.digest('hex'), target: after.digest('hex') } };
}

function hashFromNonce({ fd, start }: PayloadPlace): Hash {
  const nonce = Buffer.alloc(nonceBytes);
  readAll(fd, nonce, start);
  return createHash('sha256').update(nonce);
}

/** Where a batch lies in the shared memory, as it was and as it is to be. */
function slotOf(
  slots: SharedArrayBuffer,
  batch: number,
  length: number,
): { readonly before: Uint8Array; readonly after: Uint8Array } {
  const start = (batch % slotCount) * 2 * sealedBatchBytes;
  return {
    before: new Uint8Array(slots, start, length),
    after: new Uint8Array(slots, start + sealedBatchBytes, length),
  };
}

/** At once, rather than at some garbage collection: hundreds of megabytes would wait for it. */
function letGo(bytes: Uint8Array<ArrayBuffer>): void {
  bytes.buffer.transfer(0);
}

/** Counted from the nonce on. */
function placeOf(batch: number, payloadBytes: number): { readonly offset: number; readonly length: number } {
  const offset = nonceBytes + batch * sealedBatchBytes;
  return { offset, length: Math.min(sealedBatchBytes, payloadBytes - offset) };
}

/** Until it holds, or the job is stopped. */
function waitUntil(cells: Int32Array<SharedArrayBuffer>, cell: number, holds: () => boolean): void {
  for (;;) {
    const seen = Atomics.load(cells, cell);
    if (holds() || Atomics.load(cells, stopped) !== 0) return;
    Atomics.wait(cells, cell, seen, longestWaitMs);
  }
}

function pause(cells: Int32Array<SharedArrayBuffer>, until: number): void {
  for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
    if (Atomics.load(cells, stopped) !== 0) return;
    Atomics.wait(cells, stopped, 0, Math.min(left, longestWaitMs));
  }
}

function readAll(fd: number, into: Uint8Array, position: number): void {
  for (let read = 0; read < into.length;) {
    const count = readSync(fd, into, read, into.length - read, position + read);
    if (count === 0) throw new Error(`the file ends at byte ${position + read}`);
    read += count;
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
