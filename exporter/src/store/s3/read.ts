import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { readResumed, type Opened, type Range } from '../objects/read.ts';
import type { Bucket } from './bucket.ts';
import { isAnswer } from './refusal.ts';

export function readObject(
  bucket: Bucket,
  key: string,
  range: Range,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reading = {
    open: (from: Range, etag: string | undefined) => openAt(bucket, key, from, etag, signal),
    refusal: (thrown: unknown) => bucket.refusal(thrown, `read ${key} from`),
    damaged: () => damaged(bucket, key),
    retry: bucket.options.retry,
    line: bucket.options.line,
  };
  return readResumed(reading, range, signal);
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

function damaged(bucket: Bucket, key: string): LowtideError {
  return new LowtideError(
    'store_damaged',
    `${key} in ${bucket.where} came with other bytes than its checksum is of: damaged on the way, or in the store`,
  );
}
