import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { pruneOldVersions } from '../../exporter/src/retention/old-versions.ts';
import { pruneOrphans } from '../../exporter/src/retention/orphans.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { TestInstallation } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';

const signal = new AbortController().signal;
const day = 86_400_000;

let double: S3Double;
let bucket: string;
let installation: TestInstallation;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  bucket = await double.freshBucket();
  installation = await installed();
  return () => installation[Symbol.asyncDispose]();
});

async function installed(): Promise<TestInstallation> {
  const { endpoint, region, accessKeyId, secretAccessKey } = double;
  return await TestInstallation.make(
    `  - { id: files, source: { type: command, argv: [date] }, every: 1d, stores: [offsite], keep: { last: 1 } }`,
    {
      stores: `{ offsite: { type: s3, provider: double, bucket: ${bucket}, region: ${region}, prefix: db1, endpoint: '${endpoint}', path_style: true, access_key_id: ${accessKeyId}, secret_access_key: ${secretAccessKey} } }`,
    },
  );
}

it('uploads that nobody completed are orphans by when their last part came, and given up on demand', async () => {
  const { opened } = installation;
  await installation.completed('files');
  const client = double.client();
  const target = { Bucket: bucket, Key: 'db1/files/files-20260101T020000Z-3fa29c.bin.zst.age' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: Buffer.alloc(1000) }));
  await client.send(new CreateMultipartUploadCommand({ ...target, Key: 'db1/foreign' }));
  await client.send(new CreateMultipartUploadCommand({ ...target, Key: `other/${target.Key}` }));
  client.destroy();
  const look = (now: number, remove = true): ReturnType<typeof pruneOrphans> =>
    pruneOrphans({ ...opened, remove, safeAgeMs: day, now, signal });

  const young = await look(Date.now() + day / 2);
  expect(young).toMatchObject({
    removed: 0,
    orphans: [{ kind: 'unfinished_write', remove: false, sizeBytes: 1000 }],
  });
  const old = await look(Date.now() + 2 * day, false);
  expect(old).toMatchObject({ removed: 0, orphans: [{ remove: true, store: 'offsite' }] });
  expect(old.orphans[0]?.names[0]).toContain(`(upload ${UploadId ?? ''})`);
  expect(await look(Date.now() + 2 * day)).toMatchObject({ removed: 1, freedBytes: 1000, problems: [] });
  expect((await look(Date.now() + 2 * day)).orphans).toEqual([]);
});

it('a prune leaves locked copies alone, says until when, and removes them once they are free', async () => {
  bucket = await double.freshBucket({ lock: true, versioned: true });
  await using vault = await installed();
  const prune = (dryRun = false): ReturnType<typeof vault.opened.jobs.prune> =>
    vault.opened.jobs.prune([vault.schedule('files')], { signal, scope: 'store', dryRun });
  const client = double.client();
  const hold = async ({ manifest }: Backup, Status: 'ON' | 'OFF'): Promise<void> => {
    const Key = `db1/${storedManifest(manifest).parts[0].name}.json`;
    await client.send(new PutObjectLegalHoldCommand({ Bucket: bucket, Key, LegalHold: { Status } }));
  };
  const first = await vault.completed('files');
  const RetainUntilDate = new Date(Date.now() + day);
  const lock = { Bucket: bucket, Key: `db1/${storedManifest(first.manifest).parts[0].name}` };
  await client.send(
    new PutObjectRetentionCommand({ ...lock, Retention: { Mode: 'COMPLIANCE', RetainUntilDate } }),
  );
  const second = await vault.completed('files');
  await hold(second, 'ON');
  const { pruned } = await vault.backUp('files');
  expect(pruned).toMatchObject({ removed: 0, problems: [] });
  expect((await prune(true)).verdicts).toEqual(pruned?.verdicts);
  expect(pruned?.verdicts).toMatchObject([
    { keep: true, reasons: ['last: 1 of 1'] },
    { backupId: second.id, keep: true, locked: { by: 'a legal hold' } },
    {
      backupId: first.id,
      keep: true,
      locked: { until: RetainUntilDate.getTime(), by: expect.stringContaining('compliance') as string },
    },
  ]);
  // A deletion would have left a marker, and hidden what is locked.
  const { DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  expect(DeleteMarkers.filter(({ Key = '' }) => Key.startsWith('db1/files/'))).toEqual([]);
  await hold(second, 'OFF');
  expect(await prune()).toMatchObject({ removed: 1, problems: [] });
  client.destroy();
});

it('old versions are shown and removed, but for those that may bring back a copy, or are locked', async () => {
  bucket = await double.freshBucket({ lock: true, versioned: true });
  await using vault = await installed();
  const { opened } = vault;
  const client = double.client();
  const versions = async (): Promise<string[]> => {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: 'db1/' }));
    const all = [
      ...(page.Versions ?? []),
      ...(page.DeleteMarkers ?? []).map((mark) => ({ ...mark, Size: -1 })),
    ];
    return all.map(
      ({ Key = '', IsLatest, Size }) =>
        `${Key} ${IsLatest === true ? 'latest' : 'old'} ${Size === -1 ? 'mark' : ''}`,
    );
  };
  const look = (remove: boolean, aheadMs = 2 * day): ReturnType<typeof pruneOldVersions> =>
    pruneOldVersions({ ...opened, remove, safeAgeMs: day, now: Date.now() + aheadMs, signal });
  const [pruned, held, kept] = [
    await vault.completed('files'),
    await vault.completed('files'),
    await vault.completed('files'),
  ];
  const dataOf = (backup: Backup): string => `db1/${storedManifest(backup.manifest).parts[0].name}`;
  await opened.rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal });
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'db1/foreign', Body: 'one' }));
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'db1/foreign', Body: 'two' }));
  const { Versions = [] } = await client.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: dataOf(held) }),
  );
  const [hiddenVersion] = Versions.filter(({ Key }) => Key === dataOf(held));
  await client.send(
    new PutObjectRetentionCommand({
      ...{ Bucket: bucket, Key: dataOf(held), VersionId: hiddenVersion?.VersionId },
      Retention: { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 30 * day) },
    }),
  );

  expect((await look(true, day / 2)).removed).toBe(0);
  const shown = await look(false);
  expect(shown).toMatchObject({ removed: 0, problems: [] });
  const of = (backup: Backup): unknown[] =>
    shown.groups
      .filter(({ backupId }) => backupId === backup.id)
      .map(({ remove, versions: count, markers, locked }) => [
        remove,
        count,
        markers,
        locked?.by.slice(0, 6),
      ]);
  expect(of(pruned)).toEqual([[true, 2, 2, undefined]]);
  expect(of(kept)).toEqual([[true, 2, 0, undefined]]);
  expect(of(held)).toEqual([
    [false, 0, 1, undefined],
    [false, 1, 0, 'a lock'],
    [true, 1, 1, undefined],
  ]);
  const before = await versions();
  expect(await look(false)).toEqual(shown);
  expect(await versions()).toEqual(before);

  const removed = await look(true);
  expect(removed).toMatchObject({ groups: shown.groups, problems: [] });
  expect(removed.removed).toBe(
    shown.groups.filter(({ remove }) => remove).reduce((sum, each) => sum + each.versions + each.markers, 0),
  );
  const left = await versions();
  expect(left.filter((line) => !line.startsWith('db1/_config/')).toSorted()).toEqual(
    [
      'db1/foreign latest ',
      'db1/foreign old ',
      `${dataOf(held)} latest mark`,
      `${dataOf(held)} old `,
      `${dataOf(kept)} latest `,
      `${dataOf(kept)}.json latest `,
    ].toSorted(),
  );
  const { copies } = await opened.jobs.verify((await opened.catalog.backup(kept.id)) ?? kept, { signal });
  expect(copies).toMatchObject([{ status: 'passed' }]);

  // Of the config, too, the last copy that is left stays.
  const config = 'db1/_config/20261101T020000000Z-3fa29c.age';
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: config, Body: 'a copy of the config' }));
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: config }));
  expect((await look(true)).groups).toContainEqual(
    expect.objectContaining({ kind: 'config_copy', remove: false, versions: 1, markers: 1 }),
  );

  // Other hands have deleted what the catalog counts on: its old version is all that is left.
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: dataOf(kept) }));
  expect(await look(true)).toMatchObject({ removed: 0 });
  expect((await look(true)).groups).toContainEqual(
    expect.objectContaining({
      backupId: kept.id,
      reason: expect.stringContaining('bring it back') as string,
    }),
  );
  client.destroy();
});

it('a look whether the store is there leaves no old version behind', async () => {
  bucket = await double.freshBucket({ versioned: true });
  await using vault = await installed();
  const offsite = vault.opened.stores.get('offsite');
  await offsite?.check();
  expect(await Array.fromAsync(offsite?.versions?.list('') ?? [])).toEqual([]);
});
