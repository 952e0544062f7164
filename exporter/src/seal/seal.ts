import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { LowtideError } from '../errors/lowtide-error.ts';
import { entered } from './entered.ts';
import { newNonce, payloadKey } from './file-key.ts';
import { Line } from './line.ts';
import type { SealPool } from './pool.ts';
import { newHeader } from './recipients.ts';

/**
 * Sealing a stream: bytes come from a descriptor (the compressor's end of a pipe), worker threads hash and
 * encrypt them, and the age file comes out in pieces, header first.
 */

/** What went through, once the last byte has. Hashes are lower-case hex SHA-256. */
export interface SealSummary {
  readonly plainBytes: number;
  readonly plainSha256: string;
  readonly headerBytes: number;
  readonly headerSha256: string;
  /** From the nonce on. */
  readonly payloadBytes: number;
  readonly payloadSha256: string;
  /** Time spent on cipher and hashes, without waiting. */
  readonly encryptionSeconds: number;
}

/** One age file being made: iterate once, then ask for the summary. */
export interface Sealing extends AsyncIterable<Uint8Array> {
  readonly summary: Promise<SealSummary>;
}

export interface SealOptions {
  readonly pool: SealPool;
  readonly signal: AbortSignal;
}

/**
 * Seals what `fd` gives until its end. `fd` is a blocking descriptor (a FIFO's reading end, or a file), goes over to the sealing and is closed
 * by it in every case. Work starts at once and stays a few MiB ahead of the consumer, whose pieces are its own to keep.
 *
 * Leaving the iteration early, or aborting the signal, gives up: iteration and summary reject, and the threads are free
 * again once a read they may be blocked in returns, so whoever owns the pipe's writing end has to close it. A sealing that is
 * never iterated is given up by the signal alone.
 *
 * Rejects with `recipient_invalid`, `source_unreadable`, `cancelled`.
 */
export function seal(fd: number, recipients: readonly string[], options: SealOptions): Sealing {
  const summary = Promise.withResolvers<SealSummary>();
  // Whoever iterates hears of the failure there; the summary may then be nobody's.
  summary.promise.catch(() => undefined);
  const started = start(fd, recipients, options);
  started.catch((thrown: unknown) => summary.reject(thrown));
  return { summary: summary.promise, [Symbol.asyncIterator]: () => entered(pieces(started, summary)) };
}

interface Started {
  readonly header: Uint8Array;
  readonly nonce: Uint8Array;
  readonly line: Line;
}

async function start(
  fd: number,
  recipients: readonly string[],
  { pool, signal }: SealOptions,
): Promise<Started> {
  let line: Line | undefined;
  try {
    const header = await newHeader(recipients);
    const nonce = newNonce();
    line = new Line(pool, { work: 'seal', key: payloadKey(header.fileKey, nonce), nonce, fd, signal });
    return { header: header.bytes, nonce, line };
  } finally {
    // Not by a thread: it may close only what it has opened, and it may crash. Not before it has stopped reading.
    void (line?.ended ?? Promise.resolve()).then(() => closeReading(fd));
  }
}

/** A descriptor that was only read from has nothing to lose, and is gone even where closing it fails. */
function closeReading(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Whatever is wrong with it, reading has said so.
  }
}

async function* pieces(
  started: Promise<Started>,
  summary: PromiseWithResolvers<SealSummary>,
): AsyncGenerator<Uint8Array> {
  try {
    yield new Uint8Array(0);
    const { header, nonce, line } = await started;
    yield Buffer.concat([header, nonce]);
    for (let last = false; !last;) {
      const batch = await line.take();
      yield batch.bytes;
      last = batch.last;
    }
    const report = await line.report();
    summary.resolve({
      plainBytes: report.inputBytes,
      plainSha256: report.inputSha256,
      headerBytes: header.length,
      headerSha256: createHash('sha256').update(header).digest('hex'),
      payloadBytes: nonce.length + report.outputBytes,
      payloadSha256: report.outputSha256,
      encryptionSeconds: report.seconds,
    });
  } catch (thrown) {
    summary.reject(thrown);
    throw thrown;
  } finally {
    const givenUp = new LowtideError('cancelled', 'the sealed bytes were not taken to their end');
    summary.reject(givenUp);
    await started.then(
      ({ line }) => line.fail(givenUp),
      () => undefined,
    );
  }
}
