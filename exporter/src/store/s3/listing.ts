import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { LowtideError } from '../../errors/lowtide-error.ts';
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
