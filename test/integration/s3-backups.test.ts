import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { rebuildCatalog } from '../../exporter/src/catalog/rebuild.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { parseHeader } from '../../exporter/src/seal/header.ts';
import { unwrapFileKey } from '../../exporter/src/seal/identity.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { bodyOf, read } from '../../exporter/src/store/conformance/bodies.ts';
import { TestInstallation } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';
import { s3Yaml } from './object-stores.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;

let double: S3Double;
let locked: string;
let installation: TestInstallation;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  locked = await double.freshBucket({ lock: true, versioned: true });
  const [offsite, vault] = [s3Yaml(double, await double.freshBucket()), s3Yaml(double, locked)];
  const source = `source: { type: command, argv: [bash, -c, 'cat FOLDER/data'] }`;
  installation = await TestInstallation.make(
    `  - { id: both, ${source}, every: 1d, stores: [local, offsite], keep: { last: 1 } }\n  - { id: away, ${source}, every: 1d, stores: [offsite] }\n  - { id: held, ${source}, every: 1d, stores: [vault] }`,
    { stores: `{ local: { type: directory, path: ./backups }, offsite: ${offsite}, vault: ${vault} }` },
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

  await using found = openSqliteCatalog(join(installation.folder, 'found'));
  expect(await rebuildCatalog(found, installation.opened.stores, { signal })).toMatchObject({ good: 1 });
  expect((await found.backup(backup.id))?.copies).toMatchObject([{ store: 'offsite', status: 'good' }]);
});

it('a copy in a bucket that is damaged, or gone, is made good from the one in the folder', async () => {
  writeFileSync(join(installation.folder, 'data'), randomBytes(9 * mebibyte));
  const { opened } = installation;
  const { id } = await installation.completed('both');
  const offsite = opened.stores.get('offsite');
  const backup = await opened.catalog.backup(id);
  if (offsite === undefined || backup === undefined) throw new Error('there is no copy in the bucket');
  const { name } = storedManifest(backup.manifest).parts[0];
  const whole = await read(offsite, name);
  const spoilt = Buffer.from(whole);
  spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1;
  await offsite.put(name, bodyOf([spoilt]), { signal, replace: true });
  expect((await opened.jobs.readInFull(backup, 'offsite', { signal })).status).toBe('failed');
  const heal = async (): Promise<readonly string[]> => {
    const statuses: string[] = [];
    for (const task of (await opened.healer.plan()).tasks) {
      statuses.push((await opened.healer.heal(task, { signal })).status);
    }
    return statuses;
  };
  expect(await heal()).toEqual(['healed']);
  expect((await read(offsite, name)).equals(whole)).toBe(true);
  await offsite.delete(name);
  expect((await opened.jobs.readInFull(backup, 'offsite', { signal })).status).toBe('failed');
  expect(await heal()).toEqual(['healed']);
  const { copies } = await opened.jobs.verify((await opened.catalog.backup(id)) ?? backup, { signal });
  expect(copies.map(({ status }) => status)).toEqual(['passed', 'passed']);
});

it('what retention removes is gone from the bucket too', async () => {
  const first = await installation.completed('both');
  const second = await installation.completed('both');
  const offsite = installation.opened.stores.get('offsite');
  const names = (await Array.fromAsync(offsite?.list('') ?? [])).map(({ name }) => name);
  expect(names.some((name) => name.includes(second.id))).toBe(true);
  expect(names.some((name) => name.includes(first.id))).toBe(false);
});

it.each(['rewrap', 'reencrypt'] as const)(
  'a rotation by %s gives copies in a bucket to the new key, and they open with that alone',
  async (mode) => {
    writeFileSync(join(installation.folder, 'data'), randomBytes(9 * mebibyte));
    const { opened } = installation;
    const [both, away] = [await installation.completed('both'), await installation.completed('away')];
    const oldKey = await opened.keystore.active();
    const plan = await opened.rotator.plan({ mode });
    expect(plan).toMatchObject({ backups: 2, skipped: [], retirableKeys: [oldKey.id] });
    const planned = plan.stores.find(({ store }) => store === 'offsite');
    expect(planned).toMatchObject({ backups: 2 });
    await double.resetCounts();
    const rotation = await opened.rotator.rotate({ mode, trigger: 'manual' }, { signal });
    const counts = await double.counts();
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 2 }, skipped: { backups: 0 } });
    const asked = Object.values(counts.requests).reduce((sum, count) => sum + count, 0);
    // With the journal of each step, and the samples that are opened at the end.
    expect(asked - (planned?.requests ?? 0)).toBeGreaterThanOrEqual(0);
    expect(asked - (planned?.requests ?? 0)).toBeLessThan(16);
    const newKey = (await opened.keystore.active()).id;
    for (const { id } of [both, away]) {
      const backup = await opened.catalog.backup(id);
      if (backup === undefined) throw new Error(`${id} is not on file`);
      expect(backup.keyId).toBe(newKey);
      const { copies } = await opened.jobs.verify(backup, { signal });
      expect(copies.every(({ status }) => status === 'passed')).toBe(true);
      await expectKey(backup, oldKey.id, newKey);
    }
    const first = storedManifest(both.manifest).parts[0].name;
    const [here, there] = ['local', 'offsite'].map((id) => opened.stores.get(id));
    if (here === undefined || there === undefined) throw new Error('there are two stores');
    expect((await read(here, first)).equals(await read(there, first))).toBe(true);
  },
);

async function expectKey({ manifest }: Backup, oldKey: string, newKey: string): Promise<void> {
  const { stores, keystore } = installation.opened;
  const offsite = stores.get('offsite');
  if (offsite === undefined) throw new Error('there is a store offsite');
  const header = parseHeader(await read(offsite, storedManifest(manifest).parts[0].name));
  await expect(unwrapFileKey(header, [await keystore.identity(oldKey)])).rejects.toMatchObject({
    code: 'no_identity_match',
  });
  await unwrapFileKey(header, [await keystore.identity(newKey)]);
}

it('a rotation names what is locked in a bucket, leaves it alone, and counts it for the old key', async () => {
  const backup = await installation.completed('held');
  const oldKey = await installation.opened.keystore.active();
  const client = double.client();
  const lock = {
    Bucket: locked,
    Key: `db1/${storedManifest(backup.manifest).parts[0].name}`,
    Retention: { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 86_400_000) } as const,
  };
  await client.send(new PutObjectRetentionCommand(lock));
  client.destroy();
  const plan = await installation.opened.rotator.plan({ mode: 'rewrap' });
  expect(plan).toMatchObject({ backups: 0, retirableKeys: [], skipped: [{ code: 'immutable', copies: 1 }] });
  expect(plan.skipped[0]?.text).toContain('a lock until');
  const rotation = await installation.opened.rotator.rotate(
    { mode: 'rewrap', trigger: 'manual' },
    { signal },
  );
  expect(rotation).toMatchObject({ status: 'completed', done: { backups: 0 }, skipped: { backups: 1 } });
  expect((await installation.opened.catalog.totals()).backupsByKey[oldKey.id]).toBe(1);
  const { copies } = await installation.opened.jobs.verify(backup, { signal });
  expect(copies.map(({ status }) => status)).toEqual(['passed']);
});

it('a server that refuses spoils nothing of the other store, and no secret is told', async () => {
  await double.expireCredentials('all');
  const { run } = await installation.backUp('both');
  await double.expireCredentials(undefined);
  expect(run.status).toBe('completed');
  expect((await installation.backupOf(run)).copies.map(({ store, status }) => [store, status])).toEqual([
    ['local', 'good'],
    ['offsite', 'failed'],
  ]);
  expect(run.warnings.join('\n')).toContain('no copy in store offsite');
  expect(JSON.stringify(run)).not.toContain(double.secretAccessKey);
});
