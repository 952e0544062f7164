import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { objectOfPartial } from '../name.ts';
import type { StoredObject } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { headObject } from './head.ts';
import { isAnswer } from './refusal.ts';

/** In the order of names. */
export async function* listObjects(bucket: Bucket, prefix: string): AsyncGenerator<StoredObject> {
  for await (const { key, ...facts } of listKeys(bucket, bucket.keyOf(prefix))) {
    yield { name: bucket.nameOf(key), ...facts };
  }
}

interface ListedKey extends Omit<StoredObject, 'name'> {
  readonly key: string;
}

/** In their order. What the server gives out of order, or twice, would be taken for lost or doubled: it is refused. */
export async function* listKeys(bucket: Bucket, prefix: string): AsyncGenerator<ListedKey> {
  let last = '';
  let token: string | undefined;
  do {
    const page = await bucket.ask('list', (client, abortSignal) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: bucket.name,
          Prefix: prefix,
          ...(token !== undefined && { ContinuationToken: token }),
        }),
        { abortSignal },
      ),
    );
    for (const { Key, Size = 0, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      if (Key <= last) {
        throw new LowtideError(
          'store_unavailable',
          `cannot list ${bucket.where}: ${Key} comes behind ${last}`,
          {
            hint: 'The server gives its keys out of order.',
          },
        );
      }
      last = Key;
      yield { key: Key, sizeBytes: Size, modifiedAt: LastModified?.getTime() ?? 0 };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

export async function deleteObject(bucket: Bucket, key: string): Promise<void> {
  await bucket.ask(
    `delete ${key} from`,
    async (client, abortSignal) => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key }), { abortSignal });
    },
    {
      expected(thrown) {
        if (!isAnswer(thrown, 'NoSuchKey')) throw thrown;
      },
    },
  );
}

/**
 * Deletes what was only there for a while: on a versioned bucket, too, nothing of it stays, unless a default lock of the bucket
 * keeps it.
 */
export async function deleteForGood(bucket: Bucket, key: string): Promise<void> {
  const versionId = (await headObject(bucket, key))?.versionId;
  if (versionId !== undefined && (await deletedVersion(bucket, key, versionId))) return;
  await deleteObject(bucket, key);
}

/** False where it must not be deleted. */
async function deletedVersion(bucket: Bucket, key: string, versionId: string): Promise<boolean> {
  return await bucket.ask(
    `delete ${key} from`,
    async (client, abortSignal) => {
      const command = { Bucket: bucket.name, Key: key, VersionId: versionId };
      await client.send(new DeleteObjectCommand(command), { abortSignal });
      return true;
    },
    {
      expected(thrown) {
        if (isAnswer(thrown, 'NoSuchKey', 'NoSuchVersion')) return true;
        if (isAnswer(thrown, 'AccessDenied', '403')) return false;
        throw thrown;
      },
    },
  );
}

interface Marker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

/** Gives up all multipart uploads of names that start so, and deletes what was written beside them; gives the names. */
export async function sweepObjects(bucket: Bucket, prefix: string): Promise<readonly string[]> {
  const swept = await sweepUploads(bucket, prefix);
  for await (const { name } of listObjects(bucket, prefix)) {
    if (objectOfPartial(name)?.startsWith(prefix) !== true) continue;
    await deleteForGood(bucket, bucket.keyOf(name));
    swept.push(name);
  }
  return swept;
}

async function sweepUploads(bucket: Bucket, prefix: string): Promise<string[]> {
  const swept: string[] = [];
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
    for (const { Key, UploadId } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) continue;
      await abortUpload(bucket, Key, UploadId);
      swept.push(`${bucket.nameOf(Key)} (upload ${UploadId})`);
    }
    marker =
      page.IsTruncated === true
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
            ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
          }
        : undefined;
  }
  return swept;
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
