import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { readSync } from 'node:fs';
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { LineControl } from './control.ts';
import {
  batchBytes,
  batchChunks,
  openChunks,
  sealChunks,
  type ChunkFault,
  type ChunkPosition,
} from './stream.ts';

/**
 * One thread's share in sealing or opening a file. Batches pass through one station, or through two in a row:
 *
 *     sealing   descriptor → first: hash the plaintext → second: hash the payload   → main thread
 *     opening   main thread → first: hash the payload  → second: hash the plaintext → main thread
 *
 * A hash has to see every byte in order, so each has a fixed place; the cipher has not. The first station applies it
 * whenever the second is behind, and else leaves it to the second: both stay busy, and order keeps itself.
 *
 * A spent input buffer travels back to whoever filled it and is used again: fresh memory costs a page fault for every
 * 4 KiB, a tenth of the cipher's time.
 */
export interface StationTask {
  readonly work: 'seal' | 'open';
  readonly place: 'only' | 'first' | 'second';
  readonly key: KeyObject;
  /** Belongs to the payload, and to its hash, but is no part of any batch. */
  readonly nonce: Uint8Array;
  /** What to seal is read by the station itself, from a blocking descriptor that stays its owner's. */
  readonly input: MessagePort | number;
  readonly output: MessagePort;
  readonly cells: LineControl['cells'];
}

export interface Batch extends ChunkPosition {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the cipher has been applied yet. */
  readonly ciphered: boolean;
  /** The payload is damaged right after these bytes; nothing follows. */
  readonly fault?: ChunkFault;
}

/** Hashes are there where the station had that side to hash. */
export interface StationReport {
  readonly inputBytes: number;
  readonly inputSha256: string | undefined;
  readonly outputBytes: number;
  readonly outputSha256: string | undefined;
  /** Spent on cipher and hashes. */
  readonly seconds: number;
}

/** The second station is behind when as many batches wait for it: one to work on, one to take up next. */
const behindFrom = 2;

/** Resolves when the last batch, or a damaged one, is through; undefined when the line stopped before. */
export async function runStation(task: StationTask): Promise<StationReport | undefined> {
  const station = new Station(task);
  const { input } = task;
  return typeof input === 'number' ? station.readFrom(input) : await station.receiveFrom(input);
}

class Station {
  readonly #task: StationTask;
  readonly #control: LineControl;
  readonly #hashIn: Hash | undefined;
  readonly #hashOut: Hash | undefined;
  #sent = 0;
  #inputBytes = 0;
  #outputBytes = 0;
  #milliseconds = 0;
  #spare: ArrayBuffer | undefined;

  constructor(task: StationTask) {
    this.#task = task;
    this.#control = new LineControl(task.cells);
    this.#hashIn = task.place === 'second' ? undefined : createHash('sha256');
    this.#hashOut = task.place === 'first' ? undefined : createHash('sha256');
    (task.work === 'seal' ? this.#hashOut : this.#hashIn)?.update(task.nonce);
  }

  /** Blocks this thread until the end: it waits for the pipe, and for the consumer. */
  readFrom(fd: number): StationReport | undefined {
    let current = this.#read(fd);
    for (let first = 0; current !== undefined; first += batchChunks) {
      // Only the input's end tells which chunk is the last: a full batch has to wait for what follows it.
      const next: Uint8Array<ArrayBuffer> | undefined =
        current.length < batchBytes ? current.subarray(0, 0) : this.#read(fd);
      if (next === undefined || !this.#control.waitForRoom(this.#sent)) return undefined;
      const last = next.length === 0;
      this.#spare = this.#pass({ first, last, bytes: current, ciphered: false });
      if (last) return this.#report();
      current = next;
    }
    return undefined;
  }

  async receiveFrom(input: MessagePort): Promise<StationReport | undefined> {
    const { output, place } = this.#task;
    const ended = Promise.withResolvers<StationReport | undefined>();
    // A neighbour is gone: the line has stopped, or its thread has crashed.
    input.on('close', () => ended.resolve(undefined));
    output.on('close', () => ended.resolve(undefined));
    if (place === 'first') output.on('message', (spent: ArrayBuffer) => input.postMessage(spent, [spent]));
    input.on('message', (batch: Batch) => {
      try {
        const spent = this.#pass(batch);
        if (spent !== undefined) input.postMessage(spent, [spent]);
        if (batch.last || batch.fault !== undefined) ended.resolve(this.#report());
      } catch (thrown) {
        ended.reject(thrown);
      }
    });
    try {
      return await ended.promise;
    } finally {
      input.close();
    }
  }

  /** Hashes, maybe ciphers, and hands on. Returns the input's buffer where the cipher has used it up. */
  #pass(batch: Batch): ArrayBuffer | undefined {
    const started = performance.now();
    this.#hashIn?.update(batch.bytes);
    const handedOn = batch.ciphered || this.#leavesCipher() ? batch : this.#cipher(batch);
    this.#hashOut?.update(handedOn.bytes);
    this.#milliseconds += performance.now() - started;
    this.#inputBytes += batch.bytes.length;
    this.#outputBytes += handedOn.bytes.length;
    this.#sent += 1;
    this.#task.output.postMessage(handedOn, [handedOn.bytes.buffer]);
    if (this.#task.place === 'second') this.#control.countFinished();
    return handedOn === batch ? undefined : batch.bytes.buffer;
  }

  #leavesCipher(): boolean {
    return this.#task.place === 'first' && this.#sent - this.#control.finished < behindFrom;
  }

  #cipher({ first, last, bytes }: Batch): Batch {
    const { work, key } = this.#task;
    if (work === 'seal') {
      return { first, last, bytes: sealChunks(key, bytes, { first, last }), ciphered: true };
    }
    const { plain, fault } = openChunks(key, bytes, { first, last });
    return { first, last, bytes: plain, ciphered: true, ...(fault && { fault }) };
  }

  /** A whole batch, or less at the input's end; undefined when the line has stopped. */
  #read(fd: number): Uint8Array<ArrayBuffer> | undefined {
    const bytes = new Uint8Array(this.#emptyBuffer());
    for (let length = 0; !this.#control.stopped;) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      length += count;
      if (count === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
    return undefined;
  }

  #emptyBuffer(): ArrayBuffer {
    const returned: { message: ArrayBuffer } | undefined = receiveMessageOnPort(this.#task.output);
    const spent = this.#spare ?? returned?.message;
    this.#spare = undefined;
    return spent ?? Buffer.allocUnsafeSlow(batchBytes).buffer;
  }

  #report(): StationReport {
    return {
      inputBytes: this.#inputBytes,
      inputSha256: this.#hashIn?.digest('hex'),
      outputBytes: this.#outputBytes,
      outputSha256: this.#hashOut?.digest('hex'),
      seconds: this.#milliseconds / 1000,
    };
  }
}
