import type { S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Bucket } from './bucket.ts';
import { BucketVersions } from './versions.ts';

interface Stored {
  readonly Key: string;
  readonly VersionId: string;
  readonly IsLatest: boolean;
  readonly isMarker: boolean;
  readonly LastModified: Date;
  readonly Size: number;
}

/** As a bucket that answers in pages of so many. */
function versionsOf(stored: readonly Stored[], pageSize: number): BucketVersions {
  const client = {
    send: ({ input }: { input: { VersionIdMarker?: string } }) => {
      const start = stored.findIndex(({ VersionId }) => VersionId === input.VersionIdMarker) + 1;
      const page = stored.slice(start, start + pageSize);
      return Promise.resolve({
        Versions: page.filter(({ isMarker }) => !isMarker),
        DeleteMarkers: page.filter(({ isMarker }) => isMarker),
        IsTruncated: start + pageSize < stored.length,
        NextKeyMarker: page.at(-1)?.Key,
        NextVersionIdMarker: page.at(-1)?.VersionId,
      });
    },
  } as unknown as S3Client;
  const { signal } = new AbortController();
  return new BucketVersions({
    name: 'bucket',
    options: { now: () => 0 },
    keyOf: (name: string) => `db1/${name}`,
    nameOf: (key: string) => key.slice('db1/'.length),
    ask: (_: string, send: (to: S3Client, until: AbortSignal) => unknown) => send(client, signal),
  } as unknown as Bucket);
}

it('tells what is there now from what is not, however the versions of a name are spread over pages', async () => {
  const version = fc.record({ isMarker: fc.boolean(), second: fc.nat(3) });
  const names = fc.array(fc.array(version, { minLength: 1, maxLength: 5 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(names, fc.integer({ min: 1, max: 4 }), async (all, pageSize) => {
      const stored = all.flatMap((versions, name) =>
        // Several within a second look as if they had been made at once.
        versions
          .toSorted((a, b) => b.second - a.second)
          .map(({ isMarker, second }, index): Stored => {
            const LastModified = new Date(second * 1000);
            const [Key, VersionId] = [`db1/name-${name}`, `v-${name}-${index}`];
            return { Key, VersionId, IsLatest: index === 0, isMarker, LastModified, Size: index };
          }),
      );
      const listed = await Array.fromAsync(versionsOf(stored, pageSize).list(''));
      const expected = all.flatMap((_, name) => {
        const [newest, ...older] = stored.filter(({ Key }) => Key === `db1/name-${name}`);
        if (newest === undefined || (older.length === 0 && !newest.isMarker)) return [];
        const old = (newest.isMarker ? [newest, ...older] : older).map(({ VersionId }) => VersionId);
        return [{ name: `name-${name}`, isThere: !newest.isMarker, old: old.toSorted() }];
      });
      expect(
        listed.map(({ name, current, old }) => {
          return { name, isThere: current !== undefined, old: old.map(({ id }) => id).toSorted() };
        }),
      ).toEqual(expected);
      for (const { current, old } of listed) {
        expect(old.map(({ isNewest }) => isNewest).lastIndexOf(true)).toBe(current === undefined ? 0 : -1);
      }
    }),
  );
});
