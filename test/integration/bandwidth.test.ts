import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AzureStore } from '../../exporter/src/store/azure.ts';
import { put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { Line } from '../../exporter/src/store/line.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { Azurite } from '../servers/azurite.ts';
import { S3Double } from '../servers/s3.ts';
import { azureOptions, s3Options } from './object-stores.ts';

const mebibyte = 1024 * 1024;
const bytesPerSecond = 16 * mebibyte;
/** In two parts, or blocks. */
const content = sampleBytes(9 * mebibyte);

let double: S3Double;
let azurite: Azurite;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-bandwidth-'));
  [double, azurite] = await Promise.all([S3Double.start(), Azurite.start()]);
});
afterAll(async () => {
  await double[Symbol.asyncDispose]();
  await azurite[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const newLine = (): Line =>
  new Line({
    bytesPerSecond,
    elapsed: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  });

const freshFolder = (): string => mkdtempSync(join(folder, 'store-'));

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

it.each<readonly [string, () => Promise<Store>]>([
  ['folder', () => Promise.resolve(new DirectoryStore('local', freshFolder(), undefined, newLine()))],
  ['bucket', async () => new S3Store({ ...s3Options(double, await double.freshBucket()), line: newLine() })],
  [
    'container',
    async () => new AzureStore({ ...azureOptions(azurite, await azurite.freshContainer()), line: newLine() }),
  ],
])('no more goes to a %s, nor comes from there, than its bandwidth allows', async (_, open) => {
  const store = await open();
  const least = content.length / bytesPerSecond - 0.1;
  expect(await secondsOf(() => put(store, 'a/b', content))).toBeGreaterThan(least);
  let found: Buffer | undefined;
  expect(await secondsOf(async () => (found = await read(store, 'a/b')))).toBeGreaterThan(least);
  expect(found?.equals(content)).toBe(true);
});
