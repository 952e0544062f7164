import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { InFlight, PartCutter } from '../parts.ts';
import type { Bucket } from './bucket.ts';
import { headObject, writeMark } from './head.ts';
import { isAnswer } from './refusal.ts';

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

/** What must be there, or not, for a write to take place. */
interface Condition {
  readonly IfNoneMatch?: '*';
}

/** Writes an object whole or not at all; gives its size. */
export async function writeObject(
  bucket: Bucket,
  key: string,
  body: AsyncIterable<Uint8Array>,
  { signal, condition }: { readonly signal: AbortSignal; readonly condition: Condition },
): Promise<number> {
  const parts = new PartCutter(body);
  try {
    const first = await parts.next(firstPartBytes);
    if (first.length < firstPartBytes) {
      await putWhole(bucket, key, first, { signal, condition });
      return first.length;
    }
    return await putParts(bucket, key, first, parts, { signal, condition });
  } finally {
    await parts.leave();
  }
}

/** An object in one request; the body must fit in memory. */
async function putWhole(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  { signal, condition }: { readonly signal: AbortSignal; readonly condition: Condition },
): Promise<void> {
  const mark = randomUUID();
  const { options } = bucket;
  const command = {
    Bucket: bucket.name,
    Key: key,
    Body: bytes,
    Metadata: { [writeMark]: mark },
    ...storageClass(bucket),
    ...condition,
    ...(options.checksums === 'crc32' && { ChecksumCRC32: base64Of(crc32(bytes)) }),
  };
  await bucket.ask(
    `write ${key} to`,
    async (client, abortSignal) => {
      await client.send(new PutObjectCommand(command), { abortSignal });
    },
    { signal, expected: (thrown) => unlessMine(bucket, key, mark, thrown) },
  );
}

async function putParts(
  bucket: Bucket,
  key: string,
  first: Buffer,
  parts: PartCutter,
  { signal, condition }: { readonly signal: AbortSignal; readonly condition: Condition },
): Promise<number> {
  const upload = await MultipartUpload.begin(bucket, key, signal);
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

/** The parts of an object that does not show before it is complete. */
class MultipartUpload {
  readonly id: string;
  readonly #bucket: Bucket;
  readonly #key: string;
  readonly #mark: string;
  readonly #parts = new Map<number, CompletedPart>();

  private constructor(bucket: Bucket, key: string, id: string, mark: string) {
    this.#bucket = bucket;
    this.#key = key;
    this.id = id;
    this.#mark = mark;
  }

  static async begin(bucket: Bucket, key: string, signal: AbortSignal): Promise<MultipartUpload> {
    const mark = randomUUID();
    const { UploadId = '' } = await bucket.ask(
      `write ${key} to`,
      (client, abortSignal) =>
        client.send(
          new CreateMultipartUploadCommand({
            Bucket: bucket.name,
            Key: key,
            Metadata: { [writeMark]: mark },
            ...storageClass(bucket),
            ...(bucket.options.checksums === 'crc32' && {
              ChecksumAlgorithm: 'CRC32',
              ChecksumType: 'FULL_OBJECT',
            }),
          }),
          { abortSignal },
        ),
      { signal },
    );
    return new MultipartUpload(bucket, key, UploadId, mark);
  }

  async put(number: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const command = {
      ...this.#target(),
      PartNumber: number,
      Body: bytes,
      ...(this.#sums() && { ChecksumCRC32: base64Of(crc32(bytes)) }),
    };
    const { ETag, ChecksumCRC32 } = await this.#bucket.ask(
      `write ${this.#key} to`,
      (client, abortSignal) => client.send(new UploadPartCommand(command), { abortSignal }),
      { signal },
    );
    this.#parts.set(number, { PartNumber: number, ...given({ ETag, ChecksumCRC32 }) });
  }

  /** Shows the object, in the place of what was there. The server refuses what does not sum up to `crc32`. */
  async complete(options: {
    readonly signal: AbortSignal;
    readonly condition: Condition;
    readonly crc32: number;
  }): Promise<void> {
    const { signal, condition, crc32: sum } = options;
    const Parts = [...this.#parts.values()].sort((one, other) => numberOf(one) - numberOf(other));
    const command = {
      ...this.#target(),
      MultipartUpload: { Parts },
      ...condition,
      ...(this.#sums() && {
        ChecksumType: 'FULL_OBJECT' as const,
        ChecksumCRC32: base64Of(sum),
      }),
    };
    await this.#bucket.ask(
      `write ${this.#key} to`,
      async (client, abortSignal) => {
        await client.send(new CompleteMultipartUploadCommand(command), { abortSignal });
      },
      { signal, expected: (thrown) => unlessMine(this.#bucket, this.#key, this.#mark, thrown) },
    );
  }

  /** What cannot be given up now is for a sweep. */
  async abandon(): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    await this.#bucket
      .ask(
        `give up ${this.#key} in`,
        async (client, abortSignal) => {
          await client.send(new AbortMultipartUploadCommand(this.#target()), { abortSignal });
        },
        { signal },
      )
      .catch(() => undefined);
  }

  #sums(): boolean {
    return this.#bucket.options.checksums === 'crc32';
  }

  #target(): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.#bucket.name, Key: this.#key, UploadId: this.id };
  }
}

/**
 * An answer that was lost makes the second try find the work of the first: the name is taken, or the upload is over. The mark
 * on the object tells whose it is. Throws what was thrown, where it is another's.
 */
async function unlessMine(bucket: Bucket, key: string, mark: string, thrown: unknown): Promise<void> {
  if (!isAnswer(thrown, 'PreconditionFailed', '412', 'NoSuchUpload', 'NoSuchKey')) throw thrown;
  const head = await headObject(bucket, key);
  if (head?.mark === mark) return;
  if (isAnswer(thrown, 'PreconditionFailed', '412') && head !== undefined) {
    throw new LowtideError('store_exists', `${bucket.where} already has ${bucket.nameOf(key)}`);
  }
  throw thrown;
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}

function tooLarge(bucket: Bucket, key: string): LowtideError {
  return new LowtideError('store_full', `cannot write ${key} to ${bucket.where}: it is larger than 2.4 TiB`, {
    hint: 'Split what is backed up into several schedules.',
  });
}

function storageClass({ options }: Bucket): { StorageClass?: 'STANDARD' } {
  // The SDK's type lists Amazon's classes; other providers have their own.
  return options.storageClass === undefined ? {} : { StorageClass: options.storageClass as 'STANDARD' };
}

function base64Of(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

function given(facts: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(facts).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

const numberOf = (part: CompletedPart): number => part.PartNumber ?? 0;
