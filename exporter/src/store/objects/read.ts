import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { LowtideError } from '../../errors/lowtide-error.ts';
import type { Line } from '../line.ts';
import { delayBefore, isWorthAnother, type RetryPolicy } from '../retrying.ts';

export interface Range {
  readonly start: number;
  /** Undefined: to the end. */
  readonly end: number | undefined;
}

export interface Opened {
  readonly body: Readable;
  readonly etag: string | undefined;
  /** Of the whole object, where it is known; only where the whole object was asked for. */
  readonly crc32: number | undefined;
}

export interface Reading {
  /** Undefined where nothing lies behind the range's start. With an ETag, only the object that has it. */
  readonly open: (range: Range, etag: string | undefined) => Promise<Opened | undefined>;
  readonly refusal: (thrown: unknown) => unknown;
  /** For an object that does not have the sum it should. */
  readonly damaged: () => LowtideError;
  readonly retry: RetryPolicy;
  readonly line: Line | undefined;
}

/**
 * Bytes of an object; a connection that breaks is taken up where it broke, at the same ETag. What is read whole is held to
 * the object's checksum, where there is one.
 */
export async function* readResumed(
  { open, refusal, damaged, retry, line }: Reading,
  { start, end }: Range,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let position = start;
  let etag: string | undefined;
  let expected: number | undefined;
  let sum = 0;
  for (let fruitless = 0; ;) {
    const opened = await open({ start: position, end }, etag);
    if (opened === undefined) break;
    if (etag === undefined) ({ etag, crc32: expected } = opened);
    const stop = (): void => void opened.body.destroy();
    signal.addEventListener('abort', stop);
    try {
      const body = opened.body as AsyncIterable<Uint8Array>;
      for await (const piece of line?.down(body, signal) ?? body) {
        signal.throwIfAborted();
        position += piece.length;
        fruitless = 0;
        if (expected !== undefined) sum = crc32(piece, sum);
        yield piece;
        signal.throwIfAborted();
      }
      break;
    } catch (thrown) {
      signal.throwIfAborted();
      const refused = refusal(thrown);
      fruitless += 1;
      if (!isWorthAnother(refused) || fruitless >= retry.attempts) throw refused;
      await retry.wait(delayBefore(fruitless, retry), signal);
    } finally {
      signal.removeEventListener('abort', stop);
      opened.body.destroy();
    }
    // All of it had come before the connection broke.
    if (end !== undefined && position >= end) break;
  }
  signal.throwIfAborted();
  if (expected !== undefined && sum >>> 0 !== expected) throw damaged();
}
