import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { InFlight, PartCutter, unlessAborted } from '../parts.ts';
import { sendOver } from '../line.ts';
import type { Bucket } from './bucket.ts';
import { conditionally, unlessMine, type Condition } from './condition.ts';
import { base64Of } from '../objects/crc32.ts';
import { writeMark } from './head.ts';
import { MultipartUpload, storageClass } from './multipart.ts';

const mebibyte = 1024 * 1024;
const firstPartBytes = 8 * mebibyte;
const largestPartBytes = 512 * mebibyte;
const mostParts = 10_000;
/** Three parts at once keep a line of some milliseconds' delay busy; a fourth is being filled meanwhile. */
const inFlightBytes = 3 * firstPartBytes;

/**
 * How long a part is (numbers begin at 1). Nobody knows at the start how long the body is, and there are 10,000 parts at most:
 * they double every thousand, from 8 MiB (8 GiB in all) up to 512 MiB (2.4 TiB in all). The SDK's own managed upload has one
 * size for all parts, and would end at 80 GB or hold three times 512 MiB for the smallest backup.
 */
function partBytes(number: number): number {
  return Math.min(largestPartBytes, firstPartBytes * 2 ** Math.floor((number - 1) / 1000));
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  readonly condition: Condition;
  /** It is deleted soon: it goes to the bucket's standard class, whatever the others do. */
  readonly temporary?: boolean;
}

/** Writes an object whole or not at all; gives its size. */
export async function writeObject(
  bucket: Bucket,
  key: string,
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<number> {
  const parts = new PartCutter(body);
  try {
    const first = await parts.next(firstPartBytes);
    if (first.length < firstPartBytes) {
      await putWhole(bucket, key, first, options);
      return first.length;
    }
    return await putParts(bucket, key, first, parts, options);
  } finally {
    await parts.leave();
  }
}

/** An object in one request; the body must fit in memory. `temporary` is no business of the storage class. */
export async function putWhole(
  bucket: Bucket,
  key: string,
  bytes: Buffer,
  { signal, condition, temporary = false }: WriteOptions,
): Promise<void> {
  const mark = randomUUID();
  const { options } = bucket;
  const command = {
    Bucket: bucket.name,
    Key: key,
    ContentLength: bytes.length,
    Metadata: { [writeMark]: mark },
    ...(!temporary && storageClass(bucket)),
    ...(options.checksums === 'crc32' && { ChecksumCRC32: base64Of(crc32(bytes)) }),
  };
  await bucket.ask(
    `write ${key} to`,
    async (client, abortSignal) => {
      await conditionally(bucket, condition, (held) =>
        sendOver(options.line, bytes, abortSignal, (Body) =>
          client.send(new PutObjectCommand({ ...command, ...held, Body }), { abortSignal }),
        ),
      );
    },
    { signal, expected: (thrown) => unlessMine(bucket, key, { mark, condition }, thrown) },
  );
}

async function putParts(
  bucket: Bucket,
  key: string,
  first: Buffer,
  parts: PartCutter,
  { signal, condition, temporary = false }: WriteOptions,
): Promise<number> {
  const upload = await MultipartUpload.begin(bucket, key, { signal, temporary });
  const inFlight = new InFlight(inFlightBytes, signal);
  try {
    let sizeBytes = 0;
    let sum = 0;
    let next = first;
    for (let number = 1; next.length > 0; number += 1) {
      if (number > mostParts) throw tooLarge(bucket, key);
      const part = next;
      sizeBytes += part.length;
      sum = crc32(part, sum);
      await inFlight.add(part.length, async () => {
        await upload.put(number, part, inFlight.signal);
        parts.giveBack(part);
      });
      // A part that fails is thrown at once, and not when the body has its next piece.
      next = await unlessAborted(parts.next(partBytes(number + 1)), inFlight.signal);
    }
    await inFlight.end();
    await upload.complete({ signal, condition, crc32: sum });
    return sizeBytes;
  } catch (thrown) {
    await inFlight.stop();
    await upload.abandon();
    throw thrown;
  }
}

function tooLarge(bucket: Bucket, key: string): LowtideError {
  return new LowtideError('store_full', `cannot write ${key} to ${bucket.where}: it is larger than 2.4 TiB`, {
    hint: 'Split what is backed up into several schedules.',
  });
}
