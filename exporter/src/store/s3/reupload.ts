import { crc32 } from 'node:zlib';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { JournaledObject } from '../objects/journal.ts';
import type { Bucket } from './bucket.ts';
import { sumOf } from './compose.ts';
import { headObject, type ObjectHead } from './head.ts';
import { deleteForGood } from './listing.ts';
import { readObject } from './read.ts';
import { writeObject } from './upload.ts';

const never = new AbortController().signal;

/**
 * What compose.ts does, for servers that put no objects together: all bytes come down and go up again, and the object shows in
 * the place of the old one at once, and only of that one.
 */
export async function replaceByUpload(
  bucket: Bucket,
  object: JournaledObject,
  old: ObjectHead,
): Promise<void> {
  const { name, oldHead, newHead, rewritten } = object;
  const key = bucket.keyOf(name);
  const [from, start] = rewritten === undefined ? [key, oldHead.length] : [bucket.keyOf(rewritten), 0];
  const source = rewritten === undefined ? old : await headObject(bucket, from);
  if (source === undefined) {
    throw new LowtideError('store_unavailable', `${bucket.nameOf(from)} in ${bucket.where} is gone`);
  }
  const body = heldTo(bucket, from, {
    head: rewritten === undefined ? newHead : new Uint8Array(),
    rest: readObject(bucket, from, { start, end: undefined }, never),
    sizeBytes: source.sizeBytes - start + (rewritten === undefined ? newHead.length : 0),
    sum: rewritten === undefined ? sumOf(object, old) : source.crc32,
  });
  await writeObject(bucket, key, body, { signal: never, condition: { IfMatch: old.etag } });
  if (rewritten !== undefined) await deleteForGood(bucket, from);
}

/** A body that fails before its end is no object: the old one stays where what was read is not what lies there. */
async function* heldTo(
  bucket: Bucket,
  key: string,
  {
    head,
    rest,
    sizeBytes,
    sum,
  }: {
    readonly head: Uint8Array;
    readonly rest: AsyncIterable<Uint8Array>;
    readonly sizeBytes: number;
    readonly sum: number | undefined;
  },
): AsyncGenerator<Uint8Array> {
  yield head;
  let actual = crc32(head);
  let bytes = head.length;
  for await (const piece of rest) {
    actual = crc32(piece, actual);
    bytes += piece.length;
    yield piece;
  }
  if (bytes === sizeBytes && (sum === undefined || actual >>> 0 === sum)) return;
  throw new LowtideError(
    'store_damaged',
    `${bucket.nameOf(key)} in ${bucket.where} came with other bytes than it is made of`,
  );
}
