import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type ListMultipartUploadsCommandOutput,
  type ListPartsCommandOutput,
} from '@aws-sdk/client-s3';
import type { EpochMs } from '../../units/instant.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { objectOfPartial } from '../name.ts';
import type { UnfinishedWrite } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { deleteForGood, listObjects } from './listing.ts';
import { isAnswer } from './refusal.ts';

/** Multipart uploads that nobody has completed, and what was written beside objects to take their place. */

/** Gives up all multipart uploads of names that start so, and deletes what was written beside them; gives the names. */
export async function sweepObjects(bucket: Bucket, prefix: string): Promise<readonly string[]> {
  const swept: string[] = [];
  for await (const { key, id } of listUploads(bucket, prefix)) {
    await abortUpload(bucket, key, id);
    swept.push(calledUpload(bucket.nameOf(key), id));
  }
  for await (const { name } of listObjects(bucket, prefix)) {
    if (objectOfPartial(name)?.startsWith(prefix) !== true) continue;
    await deleteForGood(bucket, bucket.keyOf(name));
    swept.push(name);
  }
  return swept;
}

export async function* unfinishedWrites(bucket: Bucket, prefix: string): AsyncGenerator<UnfinishedWrite> {
  for await (const { key, id, startedAt } of listUploads(bucket, prefix)) {
    const name = bucket.nameOf(key);
    const parts = await partsOf(bucket, key, id);
    if (parts === undefined) continue;
    yield {
      object: objectOfPartial(name) ?? name,
      as: calledUpload(name, id),
      sizeBytes: parts.sizeBytes,
      // One that brings terabytes over a slow line was begun days ago, and goes on.
      touchedAt: Math.max(startedAt, parts.lastAt),
    };
  }
  for await (const { name, sizeBytes, modifiedAt } of listObjects(bucket, prefix)) {
    const object = objectOfPartial(name);
    if (object?.startsWith(prefix) === true) yield { object, as: name, sizeBytes, touchedAt: modifiedAt };
  }
}

export async function discardWrite(bucket: Bucket, { as }: UnfinishedWrite): Promise<void> {
  const [, name, id] = uploadPattern.exec(as) ?? [];
  if (name !== undefined && id !== undefined) {
    await abortUpload(bucket, bucket.keyOf(name), id);
    return;
  }
  if (objectOfPartial(as) === undefined) throw new LowtideError('internal', `${as} is no unfinished write`);
  await deleteForGood(bucket, bucket.keyOf(as));
}

const uploadPattern = /^(\S+) \(upload (.+)\)$/;

function calledUpload(name: string, id: string): string {
  return `${name} (upload ${id})`;
}

interface Marker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

interface ListedUpload {
  readonly key: string;
  readonly id: string;
  readonly startedAt: EpochMs;
}

async function* listUploads(bucket: Bucket, prefix: string): AsyncGenerator<ListedUpload> {
  let marker: Marker | undefined = {};
  while (marker !== undefined) {
    const from: Marker = marker;
    const page: ListMultipartUploadsCommandOutput = await bucket.ask(
      'list unfinished uploads in',
      (client, abortSignal) =>
        client.send(
          new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: bucket.keyOf(prefix), ...from }),
          { abortSignal },
        ),
    );
    for (const { Key: key, UploadId: id, Initiated } of page.Uploads ?? []) {
      if (key !== undefined && id !== undefined) {
        // Without a time it is taken for one that has just begun.
        yield { key, id, startedAt: Initiated?.getTime() ?? bucket.options.now() };
      }
    }
    marker =
      page.IsTruncated === true
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
            ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
          }
        : undefined;
  }
}

/** Undefined for an upload that is over by now. */
async function partsOf(
  bucket: Bucket,
  key: string,
  id: string,
): Promise<{ readonly sizeBytes: number; readonly lastAt: EpochMs } | undefined> {
  let [sizeBytes, lastAt] = [0, 0];
  let marker: string | undefined;
  do {
    const page: ListPartsCommandOutput | undefined = await bucket.ask<ListPartsCommandOutput | undefined>(
      `look for ${key} in`,
      (client, abortSignal) =>
        client.send(
          new ListPartsCommand({
            Bucket: bucket.name,
            Key: key,
            UploadId: id,
            ...(marker !== undefined && { PartNumberMarker: marker }),
          }),
          { abortSignal },
        ),
      {
        expected(thrown) {
          if (!isAnswer(thrown, 'NoSuchUpload')) throw thrown;
          return undefined;
        },
      },
    );
    if (page === undefined) return undefined;
    for (const { Size = 0, LastModified } of page.Parts ?? []) {
      sizeBytes += Size;
      lastAt = Math.max(lastAt, LastModified?.getTime() ?? bucket.options.now());
    }
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return { sizeBytes, lastAt };
}

async function abortUpload(bucket: Bucket, key: string, uploadId: string): Promise<void> {
  await bucket.ask(
    `give up ${key} in`,
    async (client, abortSignal) => {
      const command = { Bucket: bucket.name, Key: key, UploadId: uploadId };
      await client.send(new AbortMultipartUploadCommand(command), { abortSignal });
    },
    {
      expected(thrown) {
        if (!isAnswer(thrown, 'NoSuchUpload')) throw thrown;
      },
    },
  );
}
