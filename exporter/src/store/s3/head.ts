import {
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { toRfc3339, type EpochMs } from '../../units/instant.ts';
import type { ObjectLock } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { isAnswer } from './refusal.ts';

/** The metadata that tells which write an object comes from. */
export const writeMark = 'lowtide-write';

export interface ObjectHead {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: EpochMs;
  /** Of the whole object, where the server keeps one. */
  readonly crc32: number | undefined;
  readonly mark: string | undefined;
  /** Where the bucket keeps versions. */
  readonly versionId: string | undefined;
  /** What keeps it from being deleted now. */
  readonly locked: ObjectLock | undefined;
  /** The class from which it has to be fetched before it can be read. */
  readonly archived: string | undefined;
}

/** Undefined where there is no such object. */
export async function headObject(bucket: Bucket, key: string): Promise<ObjectHead | undefined> {
  return await bucket.ask(
    `look for ${key} in`,
    async (client, abortSignal) => {
      const command = new HeadObjectCommand({
        Bucket: bucket.name,
        Key: key,
        ...(bucket.options.checksums === 'crc32' && { ChecksumMode: 'ENABLED' }),
      });
      try {
        return headOf(await client.send(command, { abortSignal }), bucket.options.now());
      } catch (thrown) {
        if (!isAnswer(thrown, '301', '400', '403')) throw thrown;
        await throwWithReason(client, bucket, key, abortSignal);
        // What was wrong is right now: the SDK has taken over the server's clock.
        return headOf(await client.send(command, { abortSignal }), bucket.options.now());
      }
    },
    {
      async expected(thrown) {
        if (!isAnswer(thrown, '404')) throw thrown;
        await requireBucket(bucket);
        return undefined;
      },
    },
  );
}

/** The answer to a HEAD has no body, and so no reason: the same asked by a GET has one. */
async function throwWithReason(
  client: S3Client,
  bucket: Bucket,
  key: string,
  abortSignal: AbortSignal,
): Promise<void> {
  const command = new GetObjectCommand({ Bucket: bucket.name, Key: key, Range: 'bytes=0-0' });
  const { Body } = await client.send(command, { abortSignal });
  await Body?.transformToByteArray();
}

/** A HEAD has no body: a bucket that is gone looks like an object that is not there. */
async function requireBucket(bucket: Bucket): Promise<void> {
  try {
    await bucket.ask(
      'find',
      async (client, abortSignal) => {
        await client.send(new HeadBucketCommand({ Bucket: bucket.name }), { abortSignal });
      },
      {
        expected(thrown) {
          if (!isAnswer(thrown, '404')) throw thrown;
          throw Object.assign(new Error('there is no such bucket'), {
            name: 'NoSuchBucket',
            $metadata: { httpStatusCode: 404 },
          });
        },
      },
    );
  } catch (thrown) {
    throw bucket.refusal(thrown, 'find');
  }
}

function headOf(answer: HeadObjectCommandOutput, now: EpochMs): ObjectHead {
  const { ContentLength = 0, ETag = '', LastModified, ChecksumCRC32, ChecksumType, Metadata } = answer;
  const { StorageClass, ArchiveStatus, Restore } = answer;
  const isArchived =
    StorageClass === 'GLACIER' || StorageClass === 'DEEP_ARCHIVE' || ArchiveStatus !== undefined;
  return {
    sizeBytes: ContentLength,
    etag: ETag,
    modifiedAt: LastModified?.getTime() ?? 0,
    crc32:
      ChecksumCRC32 === undefined || ChecksumType === 'COMPOSITE'
        ? undefined
        : Buffer.from(ChecksumCRC32, 'base64').readUInt32BE(),
    mark: Metadata?.[writeMark],
    versionId: answer.VersionId,
    locked: lockOf(answer, now),
    archived:
      isArchived && Restore?.includes('ongoing-request="false"') !== true
        ? (ArchiveStatus ?? StorageClass)
        : undefined,
  };
}

type LockHeader = 'ObjectLockLegalHoldStatus' | 'ObjectLockMode' | 'ObjectLockRetainUntilDate';

export function lockOf(
  answer: Pick<HeadObjectCommandOutput, LockHeader>,
  now: EpochMs,
): ObjectLock | undefined {
  const { ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetainUntilDate } = answer;
  if (ObjectLockLegalHoldStatus === 'ON') return { by: 'a legal hold' };
  if (ObjectLockMode === undefined || ObjectLockRetainUntilDate === undefined) return undefined;
  const until = ObjectLockRetainUntilDate.getTime();
  if (until <= now) return undefined;
  return { by: `a lock until ${toRfc3339(until)} (${ObjectLockMode.toLowerCase()})`, until };
}
