import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { FencedStore } from '../../exporter/src/store/fenced.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { S3Double } from '../servers/s3.ts';
import { s3Options } from './object-stores.ts';

let double: S3Double;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());

const { signal } = new AbortController();
async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
const lost = new LowtideError('lease_lost', 'another process has it');

describe('a store behind a fence that is closed', () => {
  it('removes and replaces nothing; what is new comes, and all can be read', async () => {
    const store = new S3Store(s3Options(double, await double.freshBucket({ versioned: true })));
    await store.put('a/1', bytes('first'), { signal });
    const fenced = new FencedStore(store, () => Promise.reject(lost));
    const changes = [
      () => fenced.delete('a/1'),
      () => fenced.put('a/1', bytes('second'), { signal, replace: true }),
      () => fenced.sweep('a/'),
      () => fenced.discard({ object: 'a/1', as: 'x', sizeBytes: 0, touchedAt: undefined }),
      () => fenced.resealing.replaceHeads([], { signal }),
      () => fenced.resealing.finish(),
      async () => fenced.versions?.remove([{ name: 'a/1', id: 'null' }]),
    ];
    for (const change of changes) await expect(change()).rejects.toBe(lost);
    await fenced.put('a/2', bytes('new'), { signal });
    expect((await Array.fromAsync(fenced.list('a/'))).map(({ name }) => name)).toEqual(['a/1', 'a/2']);
    expect(Buffer.concat(await Array.fromAsync(fenced.get('a/1', { signal }))).toString()).toBe('first');
  });
});
