import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import type { EpochMs } from '../../units/instant.ts';
import { eachAtOnce } from '../at-once.ts';
import type { ObjectLock, OldVersion, OldVersions, VersionedName, VersionId } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { lockOf } from './head.ts';
import { mayBeLocked } from './lock.ts';
import { isAnswer } from './refusal.ts';

/** Each waits for the network most of the time. */
const requestsAtOnce = 16;

/** Versions that a bucket keeps of objects which were replaced or deleted. */
export class BucketVersions implements OldVersions {
  readonly #bucket: Bucket;
  #lockable: Promise<boolean> | undefined;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async *list(prefix: string): AsyncGenerator<VersionedName> {
    // All of one key come one after the other, but a page may end among them.
    let ofKey: Listed[] = [];
    for await (const version of listed(this.#bucket, this.#bucket.keyOf(prefix))) {
      if (ofKey[0] !== undefined && ofKey[0].key !== version.key) {
        yield* this.#named(ofKey);
        ofKey = [];
      }
      ofKey.push(version);
    }
    yield* this.#named(ofKey);
  }

  async locks(versions: readonly VersionId[]): Promise<readonly (ObjectLock | undefined)[]> {
    if (!(await (this.#lockable ??= mayBeLocked(this.#bucket)))) return versions.map(() => undefined);
    return await eachAtOnce(versions, requestsAtOnce, (version) => this.#lockOn(version));
  }

  async remove(versions: readonly VersionId[]): Promise<void> {
    const bucket = this.#bucket;
    await eachAtOnce(versions, requestsAtOnce, async ({ name, id: VersionId }) => {
      await bucket.ask(
        `delete an old version of ${name} from`,
        async (client, abortSignal) => {
          const command = { Bucket: bucket.name, Key: bucket.keyOf(name), VersionId };
          await client.send(new DeleteObjectCommand(command), { abortSignal });
        },
        {
          expected(thrown) {
            if (!isAnswer(thrown, 'NoSuchKey', 'NoSuchVersion')) throw thrown;
          },
        },
      );
    });
  }

  *#named(versions: readonly Listed[]): Generator<VersionedName> {
    const all = versions.toSorted(newestFirst);
    const [newest] = all;
    // What the server does not call the latest of its name may be followed by one that it has not told.
    if (newest?.isLatest !== true || (all.length === 1 && !newest.isMarker)) return;
    const name = this.#bucket.nameOf(newest.key);
    const old = all.map(({ id, sizeBytes, isMarker, isLatest, madeAt }, index): OldVersion => {
      return { name, id, sizeBytes, isMarker, isNewest: isLatest, since: all[index - 1]?.madeAt ?? madeAt };
    });
    const { sizeBytes, madeAt: modifiedAt } = newest;
    yield newest.isMarker
      ? { name, current: undefined, old }
      : { name, current: { name, sizeBytes, modifiedAt }, old: old.slice(1) };
  }

  async #lockOn({ name, id: VersionId }: VersionId): Promise<ObjectLock | undefined> {
    const bucket = this.#bucket;
    return await bucket.ask<ObjectLock | undefined>(
      `look for an old version of ${name} in`,
      async (client, abortSignal) => {
        const command = { Bucket: bucket.name, Key: bucket.keyOf(name), VersionId };
        return lockOf(
          await client.send(new HeadObjectCommand(command), { abortSignal }),
          bucket.options.now(),
        );
      },
      {
        expected(thrown) {
          // Gone, or a mark of a deletion, which nothing locks.
          if (!isAnswer(thrown, '404', '405')) throw thrown;
          return undefined;
        },
      },
    );
  }
}

interface Listed {
  readonly key: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly madeAt: EpochMs;
  readonly isMarker: boolean;
  readonly isLatest: boolean;
}

/** By key; what is there now, or hides the rest, comes first whatever the clock said. */
function newestFirst(one: Listed, other: Listed): number {
  return Number(other.isLatest) - Number(one.isLatest) || other.madeAt - one.madeAt;
}

async function* listed(bucket: Bucket, prefix: string): AsyncGenerator<Listed> {
  let marker: { readonly KeyMarker?: string; readonly VersionIdMarker?: string } | undefined = {};
  while (marker !== undefined) {
    const from: typeof marker = marker;
    const page: ListObjectVersionsCommandOutput = await bucket.ask(
      'list the old versions in',
      (client, abortSignal) =>
        client.send(new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: prefix, ...from }), {
          abortSignal,
        }),
    );
    const all = [
      ...(page.Versions ?? []).map((version) => ({ ...version, isMarker: false })),
      ...(page.DeleteMarkers ?? []).map((version) => ({ ...version, Size: 0, isMarker: true })),
    ].flatMap(({ Key: key, VersionId: id, Size = 0, LastModified, IsLatest, isMarker }): Listed[] => {
      // Without a time it is taken for one that was made just now.
      const madeAt = LastModified?.getTime() ?? bucket.options.now();
      if (key === undefined || id === undefined) return [];
      return [{ key, id, sizeBytes: Size, madeAt, isMarker, isLatest: IsLatest === true }];
    });
    // The server gives versions and marks of deletions in lists of their own, each in the order of keys.
    yield* all.toSorted((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
    marker =
      page.IsTruncated === true
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
            ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }),
          }
        : undefined;
  }
}
