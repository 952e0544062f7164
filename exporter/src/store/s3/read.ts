import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { delayBefore, isWorthAnother } from '../retrying.ts';
import type { Bucket } from './bucket.ts';
import { isAnswer } from './refusal.ts';

export interface Range {
  readonly start: number;
  readonly end: number | undefined;
}

/**
 * Bytes of an object; a connection that breaks is taken up where it broke, at the same ETag. What is read whole is held to
 * the object's checksum, where the server keeps one.
 */
export async function* readObject(
  bucket: Bucket,
  key: string,
  { start, end }: Range,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { retry } = bucket.options;
  let position = start;
  let etag: string | undefined;
  let expected: number | undefined;
  let sum = 0;
  for (let fruitless = 0; ;) {
    const opened = await openAt(bucket, key, { start: position, end }, etag, signal);
    if (opened === undefined) break;
    if (etag === undefined) ({ etag, crc32: expected } = opened);
    const stop = (): void => void opened.body.destroy();
    signal.addEventListener('abort', stop);
    try {
      for await (const piece of opened.body as AsyncIterable<Buffer>) {
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
      const refused = bucket.refusal(thrown, `read ${key} from`);
      fruitless += 1;
      if (!isWorthAnother(refused) || fruitless >= retry.attempts || isDamage(thrown)) throw refused;
      await retry.wait(delayBefore(fruitless, retry), signal);
    } finally {
      signal.removeEventListener('abort', stop);
      opened.body.destroy();
    }
    // All of it had come before the connection broke.
    if (end !== undefined && position >= end) break;
  }
  signal.throwIfAborted();
  if (expected !== undefined && sum >>> 0 !== expected) throw damaged(bucket, key);
}

interface Opened {
  readonly body: Readable;
  readonly etag: string | undefined;
  /** Only where the whole object was asked for. */
  readonly crc32: number | undefined;
}

/** Undefined where nothing lies behind `start`. */
async function openAt(
  bucket: Bucket,
  key: string,
  { start, end }: Range,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  const whole = start === 0 && end === undefined;
  return await bucket.ask<Opened | undefined>(
    `read ${key} from`,
    async (client, abortSignal) => {
      const command = new GetObjectCommand({
        Bucket: bucket.name,
        Key: key,
        ...(!whole && { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` }),
        ...(etag !== undefined && { IfMatch: etag }),
        ...(whole && bucket.options.checksums === 'crc32' && { ChecksumMode: 'ENABLED' }),
      });
      const { Body, ETag, ChecksumCRC32, ChecksumType } = await client.send(command, { abortSignal });
      return {
        body: Body as Readable,
        etag: ETag,
        crc32:
          ChecksumCRC32 === undefined || ChecksumType === 'COMPOSITE'
            ? undefined
            : Buffer.from(ChecksumCRC32, 'base64').readUInt32BE(),
      };
    },
    {
      signal,
      expected(thrown) {
        if (isAnswer(thrown, 'InvalidRange', '416')) return undefined;
        if (isAnswer(thrown, 'NoSuchKey')) throw missing(bucket, key);
        if (!isAnswer(thrown, 'PreconditionFailed', '412')) throw thrown;
        throw new LowtideError(
          'store_unavailable',
          `${key} in ${bucket.where} was replaced while it was read`,
          {
            retryable: true,
          },
        );
      },
    },
  );
}

export function missing(bucket: Bucket, key: string): LowtideError {
  return new LowtideError('store_missing_object', `${bucket.where} has no object ${bucket.nameOf(key)}`);
}

const isDamage = (thrown: unknown): boolean =>
  thrown instanceof Error && thrown.message.startsWith('Checksum mismatch');

function damaged(bucket: Bucket, key: string): LowtideError {
  return new LowtideError(
    'store_unavailable',
    `${key} in ${bucket.where} came with other bytes than its checksum is of: damaged on the way, or in the store`,
    { retryable: true },
  );
}
