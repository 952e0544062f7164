import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteBucketCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backup, Copy } from '../../exporter/src/catalog/catalog.ts';
import { rebuildCatalog } from '../../exporter/src/catalog/rebuild.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { read } from '../../exporter/src/store/conformance/bodies.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { TestInstallation } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';
import type { Fault } from '../servers/s3/faults.ts';
import { s3Yaml } from './object-stores.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;
/** It goes in one request, or in two parts. */
const sizes = { small: 100_000, inParts: 9 * mebibyte };

let double: S3Double;
let bucket: string;
let content: Buffer;
let installation: TestInstallation;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  bucket = await double.freshBucket();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  expect((await double.counts()).unfired).toEqual([]);
  await double.setClock(0);
  await double.expireCredentials(undefined);
  await installation[Symbol.asyncDispose]();
});

/** With a schedule `both` for a folder and the bucket, and one `away` for the bucket alone. */
async function install(
  size: keyof typeof sizes,
  changed: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  content = randomBytes(sizes[size]);
  const source = `source: { type: command, argv: [bash, -c, 'cat FOLDER/data'] }`;
  installation = await TestInstallation.make(
    `  - { id: both, ${source}, every: 1d, stores: [local, offsite] }\n  - { id: away, ${source}, every: 1d, stores: [offsite] }`,
    {
      stores: `{ local: { type: directory, path: ./backups }, offsite: ${s3Yaml(double, bucket, changed)} }`,
    },
  );
  writeFileSync(join(installation.folder, 'data'), content);
}

const refuse = (status: number, code: string, fault: Omit<Fault, 'effect' | 'times'> & { times?: number }) =>
  double.fail({ times: 1, ...fault, effect: { kind: 'refuse', status, code } });

function offsite(): Store {
  const store = installation.opened.stores.get('offsite');
  if (store === undefined) throw new Error('there is a store offsite');
  return store;
}

const statuses = (copies: readonly Pick<Copy, 'store' | 'status'>[]): readonly string[] =>
  copies.map(({ store, status }) => `${store} ${status}`);

/** The copy in the bucket is whole, can be restored, and nothing else lies there. */
async function expectWhole(backup: Backup): Promise<void> {
  expect(statuses(backup.copies)).toContain('offsite good');
  const { copies } = await installation.opened.jobs.verify(backup, { signal });
  expect(copies.every(({ status }) => status === 'passed')).toBe(true);
  await expectRestored(backup);
  await expectNoUploads();
}

async function expectRestored(backup: Backup): Promise<void> {
  const target = join(installation.folder, 'restored');
  await installation.opened.jobs.restore(backup, target, { signal, force: true });
  expect(readFileSync(target).equals(content)).toBe(true);
}

async function expectNoUploads(): Promise<void> {
  const client = double.client();
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  client.destroy();
  expect(Uploads).toEqual([]);
}

/** A run goes on without the bucket, and says why there is no copy in it. */
async function expectCopyMissing(why: RegExp): Promise<Backup> {
  const { run } = await installation.backUp('both');
  expect(run).toMatchObject({ status: 'completed', warnings: [expect.stringMatching(why) as string] });
  expect(JSON.stringify(run)).not.toContain(double.secretAccessKey);
  const backup = await installation.backupOf(run);
  expect(statuses(backup.copies)).toEqual(['local good', 'offsite failed']);
  await expectRestored(backup);
  return backup;
}

describe('a backup goes on', () => {
  it('when the server is killed in the middle of the upload, and comes back', async () => {
    await install('inParts');
    const { returned } = await double.dieAndReturn({ operation: 'UploadPart', after: 1 });
    const backup = await installation.completed('both');
    await returned;
    await expectWhole(backup);
  });

  it('when the server is killed as the upload is completed, or before its answer', async () => {
    await install('inParts');
    const { returned } = await double.dieAndReturn({ operation: 'CompleteMultipartUpload' });
    const first = await installation.completed('away');
    await returned;
    await double.fail({
      operation: 'CompleteMultipartUpload',
      times: 1,
      effect: { kind: 'cut', done: true },
    });
    const second = await installation.completed('away');
    await expectWhole(first);
    await expectWhole(second);
  });

  it('when the server fails now and then, asks to slow down, and breaks off what it sends', async () => {
    await install('inParts');
    await refuse(500, 'InternalError', { operation: 'CreateMultipartUpload' });
    await refuse(503, 'SlowDown', { operation: 'UploadPart', times: 3 });
    await refuse(503, 'ServiceUnavailable', { operation: 'CompleteMultipartUpload' });
    await refuse(429, 'TooManyRequests', { operation: 'PutObject' });
    const backup = await installation.completed('away');
    await double.fail({
      operation: 'GetObject',
      key: '.age',
      times: 2,
      effect: { kind: 'cut_body', afterBytes: 3 * mebibyte },
    });
    await refuse(503, 'SlowDown', { operation: 'GetObject', after: 2 });
    await expectWhole(backup);
  });

  it('when the clock of the server, or of this host, is set in the middle', async () => {
    await install('small');
    await double.setClock(3_600_000);
    const backup = await installation.completed('away');
    await double.setClock(-7_200_000);
    await expectWhole(backup);
  });

  it('when temporary credentials expire in the middle, and others stand where they were found', async () => {
    await install('small', { access_key_id: undefined, secret_access_key: undefined });
    const credentials = join(installation.folder, 'credentials');
    const renew = (token: string): void =>
      writeFileSync(
        credentials,
        `[default]\naws_access_key_id = ${double.accessKeyId}\naws_secret_access_key = ${double.secretAccessKey}\naws_session_token = ${token}\n`,
      );
    renew('first');
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', credentials);
    vi.stubEnv('AWS_CONFIG_FILE', join(installation.folder, 'none'));
    await installation.completed('away');
    await double.expireCredentials({ sessionToken: 'first' });
    renew('second');
    await expectWhole(await installation.completed('away'));
  });

  it('when the server does not show at once what was written', async () => {
    await install('small');
    await refuse(404, 'NoSuchKey', { operation: 'HeadObject', key: '.age', after: 1 });
    await expectWhole(await installation.completed('away'));
  });
});

describe('a backup does without the bucket', () => {
  it('that is full, in the words of whatever server, and gives up what was begun', async () => {
    await install('inParts');
    await refuse(403, 'QuotaExceeded', { operation: 'UploadPart', after: 1 });
    await expectCopyMissing(/no space is left/);
    await refuse(400, 'XMinioAdminBucketQuotaExceeded', { operation: 'PutObject' });
    await expect(offsite().check()).rejects.toMatchObject({ code: 'store_full' });
    await expectNoUploads();
    expect(await Array.fromAsync(offsite().list(''))).toEqual([]);
    await expectWhole(await installation.completed('both'));
  });

  it('that is in another region, and says in which', async () => {
    await install('small', { region: 'us-east-1' });
    const { warnings } = (await installation.backUp('both')).run;
    expect(warnings.join()).toMatch(/the bucket is in another region: eu-west-1/);
    await expect(offsite().check()).rejects.toMatchObject({
      code: 'store_unavailable',
      hint: expect.stringContaining('region: eu-west-1') as string,
    });
  });

  it('whose credentials have expired for good, and says what to do', async () => {
    await install('small', { session_token: 'of-the-config' });
    await double.expireCredentials({ sessionToken: 'of-the-config' });
    await expectCopyMissing(/the credentials have expired/);
    await expect(offsite().check()).rejects.toMatchObject({
      code: 'store_denied',
      hint: expect.stringContaining('Renew them') as string,
    });
  });

  it('that is gone, and takes no copy in it for damaged', async () => {
    await install('small');
    const before = await installation.completed('both');
    const client = double.client();
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
    client.destroy();
    await expectCopyMissing(/there is no such bucket/);
    const { copies } = await installation.opened.jobs.verify(before, { signal });
    expect(copies.map(({ store, status }) => `${store} ${status}`)).toEqual([
      'local passed',
      'offsite unable',
    ]);
    const { catalog, stores } = installation.opened;
    const { problems, damaged } = await rebuildCatalog(catalog, stores, { signal });
    expect(problems).toMatchObject([{ store: 'offsite', error: { code: 'store_unavailable' } }]);
    expect(damaged).toBe(0);
    expect(statuses((await catalog.backup(before.id))?.copies ?? [])).toEqual(['local good', 'offsite good']);
  });
});

describe('a copy in a bucket', () => {
  it('that comes with other bytes than were written is damaged; another is restored', async () => {
    await install('inParts');
    const backup = await installation.completed('both');
    await double.fail({
      operation: 'GetObject',
      key: '.age',
      times: 1,
      effect: { kind: 'corrupt', at: 8.5 * mebibyte },
    });
    const { copies } = await installation.opened.jobs.verify(backup, { signal });
    expect(copies.map(({ store, status }) => `${store} ${status}`)).toEqual([
      'local passed',
      'offsite failed',
    ]);
    await expectRestored(backup);
  });

  it('is held to the checksum of the server wherever it is read whole', async () => {
    await install('small');
    const { manifest } = await installation.completed('away');
    await double.fail({ operation: 'GetObject', times: 1, effect: { kind: 'corrupt', at: 100 } });
    await expect(read(offsite(), storedManifest(manifest).parts[0].name)).rejects.toMatchObject({
      code: 'store_damaged',
      message: expect.stringContaining('checksum') as string,
    });
  });

  it('is not lost where a listing leaves it out, nor found where a listing still has it', async () => {
    await install('small');
    const backup = await installation.completed('away');
    const [part] = storedManifest(backup.manifest).parts;
    await using found = openSqliteCatalog(join(installation.folder, 'found'));
    const rebuild = () => rebuildCatalog(found, new Map([['offsite', offsite()]]), { signal });
    await double.fail({
      operation: 'ListObjectsV2',
      after: 1,
      times: 1,
      effect: { kind: 'hide', keys: 'age$' },
    });
    expect(await rebuild()).toMatchObject({ good: 1, damaged: 0, problems: [] });
    await double.fail({
      operation: 'ListObjectsV2',
      after: 1,
      times: 1,
      effect: { kind: 'hide', keys: backup.id },
    });
    expect(await rebuild()).toMatchObject({ good: 0, damaged: 0, problems: [] });
    expect(statuses((await found.backup(backup.id))?.copies ?? [])).toEqual(['offsite good']);
    await refuse(404, 'NoSuchKey', { operation: 'GetObject', key: `${part.name}.json` });
    expect(await rebuild()).toMatchObject({
      good: 0,
      problems: [{ error: { code: 'store_missing_object' } }],
    });
    expect(statuses((await found.backup(backup.id))?.copies ?? [])).toEqual(['offsite good']);
  });
});
