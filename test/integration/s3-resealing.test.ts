import { randomBytes } from 'node:crypto';
import {
  GetObjectLockConfigurationCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import type { Replacement, Resealing } from '../../exporter/src/store/resealing.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { S3Double } from '../servers/s3.ts';
import type { Fault } from '../servers/s3/faults.ts';
import { s3Options } from './object-stores.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;

let double: S3Double;
let bucket: string;
let store: S3Store;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  bucket = await double.freshBucket();
  store = opened();
});
afterEach(async () => {
  expect((await double.counts()).unfired).toEqual([]);
});

const opened = (): S3Store => new S3Store({ ...s3Options(double, bucket), prefix: 'db1' });
const resealing = (): Resealing => store.resealing;
const oldHead = sampleBytes(4080, 11);

/** What lies in the bucket beside objects. */
async function leftovers(): Promise<readonly string[]> {
  const client = double.client();
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  client.destroy();
  const keys = Contents.map(({ Key = '' }) => Key).filter((key) => /partial$|journal$/.test(key));
  return [...keys, ...(await store.sweep(''))];
}

async function given(name: string, payload: Buffer, newHead = sampleBytes(4080, 12)): Promise<Replacement> {
  await put(store, name, Buffer.concat([oldHead, payload]));
  await put(store, `${name}.json`, Buffer.from('old manifest'));
  return {
    objects: [{ name, oldHead, newHead }],
    manifest: { name: `${name}.json`, bytes: Buffer.from('new manifest') },
  };
}

async function expectNew({ objects, manifest }: Replacement, payload: Buffer): Promise<void> {
  for (const { name, newHead } of objects) {
    const found = await read(store, name);
    expect(found.equals(Buffer.concat([newHead, payload])), name).toBe(true);
  }
  expect((await read(store, manifest.name)).toString()).toBe('new manifest');
}

const sizes = [
  0,
  1,
  1000,
  mebibyte - 4080,
  mebibyte,
  3 * mebibyte,
  5 * mebibyte,
  5 * mebibyte + 1,
  12_000_000,
];

it('gives objects of any size a head of any length, and keeps the rest', async () => {
  const payloads = sizes.map((size) => randomBytes(size));
  const lengths = [4080, 300, 9000];
  const replacements: Replacement[] = [];
  for (const [index, payload] of payloads.entries()) {
    for (const length of index === 0 || index > 5 ? lengths : [4080]) {
      replacements.push(await given(`a/${index}-${length}.age`, payload, randomBytes(length)));
    }
  }
  const results = await resealing().replaceHeads(replacements, { signal });
  expect(results).toEqual(replacements.map(() => ({ status: 'replaced' })));
  for (const replacement of replacements) {
    const index = Number(/a\/(\d)/.exec(replacement.manifest.name)?.[1]);
    await expectNew(replacement, payloads[index] ?? Buffer.alloc(0));
  }
  expect(await leftovers()).toEqual([]);
});

it('moves 8 MiB at most over the network, and asks no more than it said', async () => {
  const payload = randomBytes(40 * mebibyte);
  const replacement = await given('large.age', payload);
  const cost = resealing().cost?.('rewrap', [
    { name: 'large.age', sizeBytes: payload.length + 4080, headBytes: 4080 },
    { name: 'large.age.json', sizeBytes: 12, headBytes: 12 },
  ]);
  await double.resetCounts();
  await resealing().readHead('large.age', 4080);
  await resealing().replaceHeads([replacement], { signal });
  const { receivedBytes, sentBytes, requests } = await double.counts();
  expect(receivedBytes + sentBytes).toBeLessThan(8 * mebibyte);
  const asked = Object.values(requests).reduce((sum, count) => sum + count, 0);
  // The journal is written, looked at and deleted once for up to 64 backups.
  expect(asked - 3).toBe(cost?.requests);
  await expectNew(replacement, payload);
});

it('shares a journal of 5 MiB among 64 backups', async () => {
  const payload = randomBytes(2 * mebibyte);
  const replacements: Replacement[] = [];
  for (let index = 0; index < 10; index += 1) replacements.push(await given(`many/${index}.age`, payload));
  await double.resetCounts();
  await resealing().replaceHeads(replacements, { signal });
  const { receivedBytes, sentBytes } = await double.counts();
  expect(receivedBytes + sentBytes).toBeLessThan(6 * mebibyte);
  for (const replacement of replacements) await expectNew(replacement, payload);
});

it('refuses what the server has put together wrongly, and the old object stays', async () => {
  const payload = randomBytes(12 * mebibyte);
  const replacement = await given('wrong.age', payload);
  // The joined object is made by the first completion; the second one is held to the sum.
  await double.fail({ operation: 'UploadPartCopy', times: 1, effect: { kind: 'miscopy' } });
  await expect(resealing().replaceHeads([replacement], { signal })).rejects.toMatchObject({
    code: 'store_unavailable',
  });
  expect((await read(store, 'wrong.age')).equals(Buffer.concat([oldHead, payload]))).toBe(true);
  await opened().resealing.finish();
  await expectNew(replacement, payload);
  expect(await leftovers()).toEqual([]);
});

it('goes on where an answer was lost, or the server was busy', async () => {
  const payload = randomBytes(12 * mebibyte);
  const replacement = await given('lost.age', payload);
  for (const operation of ['CompleteMultipartUpload', 'PutObject', 'UploadPartCopy', 'DeleteObject']) {
    await double.fail({ operation, times: 1, after: 1, effect: { kind: 'cut', done: true } });
  }
  await double.fail({
    operation: 'HeadObject',
    times: 1,
    effect: { kind: 'refuse', status: 503, code: 'SlowDown' },
  });
  expect(await resealing().replaceHeads([replacement], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(replacement, payload);
  expect(await leftovers()).toEqual([]);
});

it.each<readonly [string, Fault['effect'], 'crc32' | 'none']>([
  ['does not know such a thing', { kind: 'refuse', status: 501, code: 'NotImplemented' }, 'crc32'],
  ['does not know its own ETags again', { kind: 'refuse', status: 412, code: 'PreconditionFailed' }, 'none'],
])('reads and writes an object again where the server that should copy %s', async (_, effect, checksums) => {
  store = new S3Store({ ...s3Options(double, bucket), prefix: 'db1', checksums });
  const payload = randomBytes(9 * mebibyte);
  const replacements = [await given('first.age', payload), await given('second.age', payload)];
  await double.fail({ operation: 'UploadPartCopy', times: 1, effect });
  // Such a server does not replace the object of that ETag either, were it asked to.
  if (checksums === 'none') await double.fail({ operation: 'CompleteMultipartUpload', times: 1, effect });
  for (const replacement of replacements) {
    // Asked once, it is not asked again.
    await double.resetCounts();
    expect(await resealing().replaceHeads([replacement], { signal })).toEqual([{ status: 'replaced' }]);
    await expectNew(replacement, payload);
  }
  expect((await double.counts()).requests['UploadPartCopy']).toBeUndefined();
  expect(await leftovers()).toEqual([]);
});

it('keeps the old object where it comes with other bytes while it is read and written again', async () => {
  const payload = randomBytes(9 * mebibyte);
  const replacement = await given('damaged.age', payload);
  const effect = { kind: 'refuse', status: 501, code: 'NotImplemented' } as const;
  await double.fail({ operation: 'UploadPartCopy', times: 1, effect });
  await double.fail({
    operation: 'GetObject',
    key: 'damaged.age',
    times: 1,
    after: 1,
    effect: { kind: 'corrupt', at: 5 * mebibyte },
  });
  await expect(resealing().replaceHeads([replacement], { signal })).rejects.toMatchObject({
    code: 'store_damaged',
  });
  expect((await read(store, 'damaged.age')).equals(Buffer.concat([oldHead, payload]))).toBe(true);
  await opened().resealing.finish();
  await expectNew(replacement, payload);
});

it('replaces without a condition where the server knows none', async () => {
  const payload = randomBytes(6 * mebibyte);
  const replacement = await given('plain.age', payload);
  await double.fail({
    operation: 'CompleteMultipartUpload',
    times: 1,
    after: 1,
    effect: { kind: 'refuse', status: 501, code: 'NotImplemented' },
  });
  expect(await resealing().replaceHeads([replacement], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(replacement, payload);
});

it('composes without checksums as well', async () => {
  store = new S3Store({ ...s3Options(double, bucket), prefix: 'db1', checksums: 'none' });
  const payload = randomBytes(12 * mebibyte);
  const replacement = await given('plain.age', payload);
  expect(await resealing().replaceHeads([replacement], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(replacement, payload);
});

it('puts what was written beside an object in its place', async () => {
  const payload = randomBytes(12 * mebibyte);
  const replacement = await given('anew.age', randomBytes(11 * mebibyte));
  const [object] = replacement.objects;
  if (object === undefined) throw new Error('there is an object');
  const body = Buffer.concat([object.newHead, payload]);
  const rewritten = await resealing().writeBeside?.('anew.age', pieces(body), { signal });
  expect((await Array.fromAsync(store.list(''))).map(({ name }) => name)).toEqual([
    'anew.age',
    'anew.age.json',
  ]);
  const anew = { ...replacement, objects: [{ ...object, ...(rewritten !== undefined && { rewritten }) }] };
  expect(await resealing().replaceHeads([anew], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(anew, payload);
  expect(await leftovers()).toEqual([]);
  // What nobody has put in its place is swept.
  await resealing().writeBeside?.('anew.age', pieces(body), { signal });
  expect(await store.sweep('anew.age')).toHaveLength(1);
});

it('skips what is locked, gone, or another than it was taken for, and goes on with the rest', async () => {
  bucket = await double.freshBucket({ lock: true, versioned: true });
  store = opened();
  const payload = randomBytes(6 * mebibyte);
  const names = ['good', 'held', 'gone', 'changed'];
  const replacements = await Promise.all(names.map((name) => given(`${name}.age`, payload)));
  const client = double.client();
  const Key = 'db1/held.age';
  await client.send(new PutObjectLegalHoldCommand({ Bucket: bucket, Key, LegalHold: { Status: 'ON' } }));
  await client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }));
  await store.delete('gone.age');
  await put(store, 'changed.age', Buffer.concat([sampleBytes(4080, 3), payload]), { replace: true });
  const results = await resealing().replaceHeads(replacements, { signal });
  expect(results.map((result) => (result.status === 'skipped' ? result.reason : result.status))).toEqual([
    'replaced',
    'immutable',
    'missing',
    'changed',
  ]);
  expect(await resealing().protection(['held.age'])).toMatchObject({
    reason: 'immutable',
    message: expect.stringContaining('legal hold') as string,
  });
  expect(await resealing().protection(['good.age'])).toBeUndefined();
  // Nothing that was there for a while stays as a version.
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  client.destroy();
  const temporary = Versions.map(({ Key: key = '' }) => key).filter((key) => /partial|journal/.test(key));
  expect(temporary).toEqual([]);
});

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += mebibyte) {
    yield await Promise.resolve(bytes.subarray(at, at + mebibyte));
  }
}
