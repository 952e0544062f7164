import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import type { Replacement, Resealing } from '../../exporter/src/store/resealing.ts';
import { AzureStore } from '../../exporter/src/store/azure.ts';
import { Azurite } from '../servers/azurite.ts';
import { azureOptions } from './object-stores.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;
const oldHead = sampleBytes(4080, 11);

let azurite: Azurite;
let container: string;
let store: AzureStore;
beforeAll(async () => {
  azurite = await Azurite.start();
});
afterAll(() => azurite[Symbol.asyncDispose]());
beforeEach(async () => {
  container = await azurite.freshContainer();
  store = new AzureStore({ ...azureOptions(azurite, container), prefix: 'db1' });
});

const resealing = (): Resealing => store.resealing;

async function given(name: string, payload: Buffer, newHead = randomBytes(4080)): Promise<Replacement> {
  await put(store, name, Buffer.concat([oldHead, payload]));
  await put(store, `${name}.json`, Buffer.from('old manifest'));
  return {
    objects: [{ name, oldHead, newHead }],
    manifest: { name: `${name}.json`, bytes: Buffer.from('new manifest') },
  };
}

async function expectNew({ objects, manifest }: Replacement, payload: Buffer): Promise<void> {
  for (const { name, newHead } of objects) {
    // Read whole, it is held to its new sum.
    expect((await read(store, name)).equals(Buffer.concat([newHead, payload])), name).toBe(true);
  }
  expect((await read(store, manifest.name)).toString()).toBe('new manifest');
}

async function blocksOf(name: string): Promise<readonly { readonly name: string; readonly size: number }[]> {
  const blob = azurite.client(container).getBlockBlobClient(`db1/${name}`);
  return (await blob.getBlockList('committed')).committedBlocks ?? [];
}

async function expectNothingElse(count: number): Promise<void> {
  expect(await store.sweep('')).toEqual([]);
  expect(await Array.fromAsync(azurite.client(container).listBlobsFlat())).toHaveLength(count);
}

it('gives blobs of any size a head of any length, and names the blocks behind it again', async () => {
  const cases = [
    [0, 4080],
    [1000, 300],
    [mebibyte, 4080],
    [mebibyte, 9000],
    [12_000_000, 4080],
    [12_000_000, 300],
  ] as const;
  const payloads = cases.map(([size]) => randomBytes(size));
  const replacements: Replacement[] = [];
  for (const [index, payload] of payloads.entries()) {
    replacements.push(await given(`a/${index}.age`, payload, randomBytes(cases[index]?.[1] ?? 0)));
  }
  const before = await blocksOf('a/4.age');
  const results = await resealing().replaceHeads(replacements, { signal });
  expect(results).toEqual(cases.map(() => ({ status: 'replaced' })));
  for (const [index, replacement] of replacements.entries()) {
    await expectNew(replacement, payloads[index] ?? Buffer.alloc(0));
  }
  const after = await blocksOf('a/4.age');
  expect(before[0]?.size).toBe(64 * 1024);
  expect(after.slice(1)).toEqual(before.slice(1));
  expect(after[0]?.name).not.toBe(before[0]?.name);
  // And once more, on what a rewrap has made.
  const [again] = await Promise.all([given('b.age', randomBytes(10))]);
  await resealing().replaceHeads([again], { signal });
  await expectNothingElse(2 * cases.length + 2);
});

it('rewraps blobs that other tools have put there, in other blocks', async () => {
  const payload = randomBytes(3 * mebibyte);
  const replacement = await given('foreign.age', payload);
  const blob = azurite.client(container).getBlockBlobClient('db1/foreign.age');
  const bytes = Buffer.concat([oldHead, payload]);
  const sizes = [1000, 2000, 2 * mebibyte, bytes.length - 3000 - 2 * mebibyte];
  let at = 0;
  const ids: string[] = [];
  for (const [index, size] of sizes.entries()) {
    const id = Buffer.from(`a longer name for block ${index}`).toString('base64');
    await blob.stageBlock(id, bytes.subarray(at, (at += size)), size);
    ids.push(id);
  }
  await blob.commitBlockList(ids);
  expect(await resealing().replaceHeads([replacement], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(replacement, payload);
  expect((await blocksOf('foreign.age')).at(-1)?.name).toBe(ids[3]);
});

it('puts what was written beside a blob in its place, and throws away what is not', async () => {
  const payload = randomBytes(9 * mebibyte);
  const replacement = await given('anew.age', randomBytes(9 * mebibyte));
  const [object] = replacement.objects;
  if (object === undefined) throw new Error('there is an object');
  const rewritten = await resealing().writeBeside?.('anew.age', pieces([object.newHead, payload]), {
    signal,
  });
  expect((await read(store, 'anew.age')).subarray(0, 4080).equals(oldHead)).toBe(true);
  const anew = { ...replacement, objects: [{ ...object, ...(rewritten !== undefined && { rewritten }) }] };
  expect(await resealing().replaceHeads([anew], { signal })).toEqual([{ status: 'replaced' }]);
  await expectNew(anew, payload);
  await resealing().writeBeside?.('anew.age', pieces([randomBytes(2 * mebibyte)]), { signal });
  expect(await store.sweep('anew.age')).toHaveLength(1);
  await expectNew(anew, payload);
  await expectNothingElse(2);
});

it('skips what is gone, or another than it was taken for', async () => {
  const payload = randomBytes(2 * mebibyte);
  const replacements = [
    await given('good.age', payload),
    await given('gone.age', payload),
    await given('changed.age', payload),
  ];
  await store.delete('gone.age');
  await put(store, 'changed.age', Buffer.concat([sampleBytes(4080, 3), payload]), { replace: true });
  const results = await resealing().replaceHeads(replacements, { signal });
  expect(results.map((result) => (result.status === 'skipped' ? result.reason : result.status))).toEqual([
    'replaced',
    'missing',
    'changed',
  ]);
  expect(await resealing().protection(['good.age'])).toBeUndefined();
});

it('takes its credentials from a connection string, and tells no secret when they are refused', async () => {
  const { connectionString, accountKey } = azurite;
  const plain = azureOptions(azurite, container);
  const text = { kind: 'connection_string', text: connectionString } as const;
  await new AzureStore({ ...plain, account: undefined, endpoint: undefined, credentials: text }).check();
  const wrong = Buffer.from('another key').toString('base64');
  const refused = new AzureStore({ ...plain, credentials: { kind: 'account_key', key: wrong } });
  const error: unknown = await refused.check().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'store_denied' });
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain(wrong);
  const broken = { kind: 'connection_string', text: `nonsense;AccountKey=${accountKey}` } as const;
  const unclear: unknown = await new AzureStore({ ...plain, credentials: broken })
    .check()
    .catch((thrown: unknown) => thrown);
  expect(unclear).toMatchObject({ code: 'config_invalid' });
  expect(String((unclear as Error).stack)).not.toContain(accountKey);
});

it('says so when the container is gone, or the server', async () => {
  const gone = new AzureStore({ ...azureOptions(azurite, 'no-such-container') });
  await expect(gone.check()).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('no such container') as string,
  });
  const options = azureOptions(azurite, container);
  const impatient = new AzureStore({ ...options, retry: { ...options.retry, attempts: 2 } });
  await azurite.stop();
  await expect(impatient.check()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  const patient = new AzureStore({ ...options, retry: { ...options.retry, attempts: 200 } });
  const waiting = patient.check();
  await azurite.restart();
  await waiting;
});

async function* pieces(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) yield await Promise.resolve(piece);
}
