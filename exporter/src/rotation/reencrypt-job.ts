import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { nonceBytes } from '../seal/file-key.ts';
import { batchChunks, openChunks, sealChunks, sealedBatchBytes, type ChunkFault } from '../seal/stream.ts';

/**
 * Re-encryption of one payload by several threads. Those that encrypt claim the next batch from a counter, read it, open it,
 * seal it and write it where it belongs: nothing is sent between threads, and nothing has to be put in order. A hash, though,
 * sees bytes in order: one thread follows the others, and reads both files once more while they lie in memory.
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

/** How far the hash may be behind: what it is to read must still lie in memory. */
const windowBatches = 128;
/** A thread that waits looks up so often, should it have missed a call. */
const longestWaitMs = 1000;

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
  batchMs,
}: ReencryptJob): ReencryptEnd {
  const batches = batchesOf(payloadBytes);
  const buffer = Buffer.allocUnsafeSlow(sealedBatchBytes);
  const started = performance.now();
  for (;;) {
    const batch = Atomics.add(cells, claimed, 1);
    if (batch >= batches) return { status: 'done' };
    waitUntil(cells, hashed, () => Atomics.load(cells, hashed) + windowBatches > batch);
    pause(cells, started + batch * batchMs);
    if (Atomics.load(cells, stopped) !== 0) return { status: 'stopped' };
    const { offset, length } = placeOf(batch, payloadBytes);
    const sealed = buffer.subarray(0, length);
    readAll(source.fd, sealed, source.start + offset);
    const position = { first: batch * batchChunks, last: batch === batches - 1 };
    const { plain, fault } = openChunks(source.key, sealed, position);
    if (fault !== undefined) return { status: 'fault', fault };
    const anew = sealChunks(target.key, plain, position);
    letGo(plain);
    writeAll(target.fd, anew, target.start + offset);
    letGo(anew);
    Atomics.store(flags, batch, 1);
    Atomics.add(cells, written, 1);
    Atomics.notify(cells, written);
  }
}

function hash({ source, target, payloadBytes, cells, written: flags }: ReencryptJob): ReencryptEnd {
  const batches = batchesOf(payloadBytes);
  const buffer = Buffer.allocUnsafeSlow(sealedBatchBytes);
  const sides = [source, target].map(({ fd, start }) => ({ fd, start, hash: createHash('sha256') }));
  const feed = (of: Hash, fd: number, position: number, length: number): void => {
    const bytes = buffer.subarray(0, length);
    readAll(fd, bytes, position);
    of.update(bytes);
  };
  for (const side of sides) feed(side.hash, side.fd, side.start, nonceBytes);
  for (let batch = 0; batch < batches; batch += 1) {
    waitUntil(cells, written, () => Atomics.load(flags, batch) === 1);
    if (Atomics.load(cells, stopped) !== 0) return { status: 'stopped' };
    const { offset, length } = placeOf(batch, payloadBytes);
    for (const side of sides) feed(side.hash, side.fd, side.start + offset, length);
    Atomics.store(cells, hashed, batch + 1);
    Atomics.notify(cells, hashed);
  }
  const [from, to] = sides.map((side) => side.hash.digest('hex'));
  return { status: 'done', hashes: { source: from ?? '', target: to ?? '' } };
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
