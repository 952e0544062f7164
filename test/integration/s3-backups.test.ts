import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { rebuildCatalog } from '../../exporter/src/catalog/rebuild.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { TestInstallation } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';

const signal = new AbortController().signal;

let double: S3Double;
let installation: TestInstallation;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = double;
  const offsite = `{ type: s3, provider: double, bucket: ${await double.freshBucket()}, region: ${region}, prefix: db1, endpoint: '${endpoint}', path_style: true, access_key_id: ${accessKeyId}, secret_access_key: ${secretAccessKey} }`;
  const source = `source: { type: command, argv: [bash, -c, 'cat FOLDER/data'] }`;
  installation = await TestInstallation.make(
    `  - { id: both, ${source}, every: 1d, stores: [local, offsite], keep: { last: 1 } }\n  - { id: away, ${source}, every: 1d, stores: [offsite] }`,
    { stores: `{ local: { type: directory, path: ./backups }, offsite: ${offsite} }` },
  );
  writeFileSync(join(installation.folder, 'data'), 'x'.repeat(100_000));
});
afterEach(async () => {
  await double.restart();
  await installation[Symbol.asyncDispose]();
});

it('a backup goes to a bucket as well, is verified there, restored from there, and found there again', async () => {
  const backup = await installation.completed('both');
  expect(backup.copies.map(({ store, status }) => [store, status])).toEqual([
    ['local', 'good'],
    ['offsite', 'good'],
  ]);
  expect(backup.copies[1]?.path).toMatch(/^s3:\/\/bucket-\d+\/db1\/both\/.+\.age$/);
  const { copies } = await installation.opened.jobs.verify(backup, { signal });
  expect(copies.map(({ status }) => status)).toEqual(['passed', 'passed']);

  rmSync(join(installation.folder, 'backups'), { recursive: true });
  const target = join(installation.folder, 'restored');
  await installation.opened.jobs.restore(backup, target, { signal, force: false });
  expect(readFileSync(target)).toHaveLength(100_000);

  using found = openSqliteCatalog(join(installation.folder, 'found'));
  expect(await rebuildCatalog(found, installation.opened.stores, { signal })).toMatchObject({ good: 1 });
  expect(found.backup(backup.id)?.copies).toMatchObject([{ store: 'offsite', status: 'good' }]);
});

it('what retention removes is gone from the bucket too', async () => {
  const first = await installation.completed('both');
  const second = await installation.completed('both');
  const offsite = installation.opened.stores.get('offsite');
  const names = (await Array.fromAsync(offsite?.list('') ?? [])).map(({ name }) => name);
  expect(names.some((name) => name.includes(second.id))).toBe(true);
  expect(names.some((name) => name.includes(first.id))).toBe(false);
});

it('a rotation leaves it as it is, says so, and the old key goes on to open it', async () => {
  const backup = await installation.completed('away');
  const rotation = await installation.opened.rotator.rotate(
    { mode: 'rewrap', trigger: 'manual' },
    { signal },
  );
  expect(rotation).toMatchObject({ status: 'completed', done: { backups: 0 }, skipped: { backups: 1 } });
  const { copies } = await installation.opened.jobs.verify(backup, { signal });
  expect(copies.map(({ status }) => status)).toEqual(['passed']);
});

it('a server that refuses spoils nothing of the other store, and no secret is told', async () => {
  await double.expireCredentials(true);
  const { run } = await installation.backUp('both');
  await double.expireCredentials(false);
  expect(run.status).toBe('completed');
  expect(installation.backupOf(run).copies.map(({ store, status }) => [store, status])).toEqual([
    ['local', 'good'],
    ['offsite', 'failed'],
  ]);
  expect(run.warnings.join('\n')).toContain('no copy in store offsite');
  expect(JSON.stringify(run)).not.toContain(double.secretAccessKey);
});
