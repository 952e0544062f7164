import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { eachAtOnce } from '../at-once.ts';
import { partialName } from '../name.ts';
import { paddedBytes as leastPartBytes, type JournaledObject } from '../objects/journal.ts';
import type { Bucket } from './bucket.ts';
import { withOtherHead } from '../objects/crc32.ts';
import { headObject, type ObjectHead } from './head.ts';
import { deleteForGood } from './listing.ts';
import { MultipartUpload, type CopySource } from './multipart.ts';
import { readObject } from './read.ts';
import { putWhole } from './upload.ts';

/**
 * How an object gets another head without its content moving over the network: the server puts it together from ranges of
 * what it has. Each part of an upload but the last has to have 5 MiB, and a head has four kilobytes, so it goes in two steps:
 *
 *     journal  …0000[head]         a range of 5 MiB that ends with the new head
 *     joined   0000[head][first]   that, and the first 5 MiB behind the old head
 *     object   [head][first][rest] the joined one from the head on, and what is left of the old object
 *
 * The last step replaces the old object, and only that one: the server compares its ETag, and the sum of the new object with
 * the one that is known to be right.
 */

/** Smaller objects are read and written again: that takes less time than the copies. */
export const smallBytes = 1024 * 1024;
/** A server copies some hundred megabytes a second, and has a minute to answer. */
const copyBytes = 512 * 1024 * 1024;
const copiesAtOnce = 4;
const never = new AbortController().signal;

export async function replaceSmall(
  bucket: Bucket,
  { name, oldHead, newHead }: JournaledObject,
  { etag }: ObjectHead,
): Promise<void> {
  const key = bucket.keyOf(name);
  const rest = await Array.fromAsync(
    readObject(bucket, key, { start: oldHead.length, end: undefined }, never),
  );
  const bytes = Buffer.concat([newHead, ...rest]);
  await putWhole(bucket, key, bytes, { signal: never, condition: { IfMatch: etag } });
}

export async function replaceByCopies(
  bucket: Bucket,
  object: JournaledObject,
  old: ObjectHead,
  journalKey: string,
): Promise<void> {
  const { name, oldHead, newHead, headEnd } = object;
  const key = bucket.keyOf(name);
  const joinedKey = bucket.keyOf(partialName(name, randomUUID()));
  const firstEnd = Math.min(old.sizeBytes, oldHead.length + leastPartBytes);
  const headStart = leastPartBytes - newHead.length;
  const sizeBytes = newHead.length + old.sizeBytes - oldHead.length;
  const sum = sumOf(object, old);
  await compose(
    bucket,
    { key: joinedKey, temporary: true },
    [
      { key: journalKey, start: headEnd - leastPartBytes, end: headEnd },
      { key, etag: old.etag, start: oldHead.length, end: firstEnd },
    ],
    leastPartBytes + firstEnd - oldHead.length,
  );
  if (sum === undefined) await holdToHead(bucket, joinedKey, { start: headStart, bytes: newHead });
  const joinedEnd = leastPartBytes + firstEnd - oldHead.length;
  await compose(
    bucket,
    { key, ifMatch: old.etag, crc32: sum },
    [
      { key: joinedKey, start: headStart, end: joinedEnd },
      ...inCopies({ key, etag: old.etag, start: firstEnd, end: old.sizeBytes }),
    ],
    sizeBytes,
  );
  await deleteForGood(bucket, joinedKey);
}

/** Puts an object that was written beside another in its place. */
export async function replaceByRewritten(
  bucket: Bucket,
  { name, rewritten = '' }: JournaledObject,
  old: ObjectHead,
): Promise<void> {
  const from = bucket.keyOf(rewritten);
  const written = await headObject(bucket, from);
  if (written === undefined) {
    throw new LowtideError('store_unavailable', `${rewritten} in ${bucket.where} is gone`);
  }
  const { etag, sizeBytes, crc32: sum } = written;
  const whole = inCopies({ key: from, etag, start: 0, end: sizeBytes });
  await compose(bucket, { key: bucket.keyOf(name), ifMatch: old.etag, crc32: sum }, whole, sizeBytes);
  await deleteForGood(bucket, from);
}

interface ComposeTarget {
  readonly key: string;
  readonly ifMatch?: string;
  readonly crc32?: number | undefined;
  readonly temporary?: boolean;
}

async function compose(
  bucket: Bucket,
  { key, ifMatch, crc32: sum, temporary = false }: ComposeTarget,
  sources: readonly CopySource[],
  sizeBytes: number,
): Promise<void> {
  const upload = await MultipartUpload.begin(bucket, key, { signal: never, temporary });
  try {
    const numbered = sources.map((source, index) => ({ source, number: index + 1 }));
    await eachAtOnce(numbered, copiesAtOnce, ({ number, source }) => upload.copy(number, source, never));
    const condition = ifMatch === undefined ? {} : { IfMatch: ifMatch };
    await upload.complete({ signal: never, condition, crc32: sum });
  } catch (thrown) {
    await upload.abandon();
    throw thrown;
  }
  const made = await headObject(bucket, key);
  if (made?.sizeBytes === sizeBytes && (sum === undefined || (made.crc32 ?? sum) === sum)) return;
  throw new LowtideError(
    'store_unavailable',
    `${bucket.where} has put ${bucket.nameOf(key)} together wrongly: ${made?.sizeBytes ?? 'no'} bytes instead of ${sizeBytes}`,
    {
      hint: 'Does the server follow S3 where parts are copied (UploadPartCopy)? `lowtide stores check` tells.',
    },
  );
}

/** The sum that the object is to have, from that of the old one. */
export function sumOf(
  { oldHead, newHead }: JournaledObject,
  { sizeBytes, crc32: sum }: ObjectHead,
): number | undefined {
  const rest = sizeBytes - oldHead.length;
  return sum === undefined
    ? undefined
    : withOtherHead(sum, { oldHead: crc32(oldHead), newHead: crc32(newHead) }, rest);
}

async function holdToHead(
  bucket: Bucket,
  key: string,
  { start, bytes }: { readonly start: number; readonly bytes: Uint8Array },
): Promise<void> {
  const read = readObject(bucket, key, { start, end: start + bytes.length }, never);
  if (Buffer.concat(await Array.fromAsync(read)).equals(bytes)) return;
  throw new LowtideError('store_unavailable', `${bucket.where} has copied other bytes than it was asked to`);
}

function inCopies({ start, end, ...source }: CopySource): CopySource[] {
  const copies: CopySource[] = [];
  for (let from = start; from < end; from += copyBytes) {
    copies.push({ ...source, start: from, end: Math.min(end, from + copyBytes) });
  }
  return copies;
}
