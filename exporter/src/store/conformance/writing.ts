import assert from 'node:assert/strict';
import { LowtideError } from '../../errors/lowtide-error.ts';
import {
  StalledBody,
  assertCode,
  assertHolds,
  assertLacks,
  assertNothingLeft,
  assertRefused,
  assertThrows,
  bodyOf,
  inPieces,
  namesIn,
  put,
  read,
  sampleBytes,
} from './bodies.ts';
import { law, type StoreLaw } from './law.ts';

const oldBytes = sampleBytes(70_000, 7);
const mebibyte = 1024 * 1024;

export const writingLaws: readonly StoreLaw[] = [
  law('shows an object everywhere as soon as it is written', async ({ store, elsewhere, folder }) => {
    const name = `${folder}db-prod/one.zst.age`;
    const written = await put(store, name, oldBytes);
    assert.deepEqual([written.name, written.sizeBytes], [name, oldBytes.length]);
    for (const view of [store, elsewhere]) await assertHolds(view, name, oldBytes);
  }),
  law('keeps nothing of a piece once it has asked for the next', async ({ store, folder }) => {
    const name = `${folder}borrowed.age`;
    const pieces = inPieces(sampleBytes(6 * mebibyte), [mebibyte]);
    const expected = Buffer.concat(pieces);
    async function* lent(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) {
        yield await Promise.resolve(piece);
        piece.fill(0);
      }
    }
    await store.put(name, lent(), { signal: new AbortController().signal });
    await assertHolds(store, name, expected);
  }),
  law(
    'keeps objects of no, one and many bytes, in whatever pieces they come',
    async ({ store, elsewhere, folder }) => {
      const large = sampleBytes(5 * mebibyte + 13);
      const bodies: [string, Uint8Array[]][] = [
        ['empty', []],
        ['empty-piece', [new Uint8Array()]],
        ['one-byte', [Buffer.from([0])]],
        ['small-pieces', inPieces(sampleBytes(300), [1])],
        ['odd-pieces', inPieces(large, [1, 0, 65_535, 65_537, 1_000_003, 7])],
        ['one-piece', [large]],
      ];
      for (const [name, pieces] of bodies) {
        await put(store, `${folder}${name}`, bodyOf(pieces));
        await assertHolds(elsewhere, `${folder}${name}`, Buffer.concat(pieces));
      }
    },
  ),
  law(
    'refuses a name that is taken without reading the body, and keeps what is there',
    async ({ store, folder }) => {
      const name = `${folder}taken`;
      await put(store, name, oldBytes);
      const body = new StalledBody(sampleBytes(10));
      await assertRefused(put(store, name, body), 'store_exists');
      assert.equal(body.asked, 0);
      await assertHolds(store, name, oldBytes);
      assert.deepEqual(await store.sweep(folder), []);
    },
  ),
  law(
    'replaces an object when it is told to, and writes it where there is none',
    async ({ store, elsewhere, folder }) => {
      const name = `${folder}manifest.json`;
      for (const bytes of [oldBytes, sampleBytes(9), sampleBytes(0), sampleBytes(80_000, 3)]) {
        const written = await put(store, name, bytes, { replace: true });
        assert.equal(written.sizeBytes, bytes.length);
        await assertHolds(elsewhere, name, bytes);
      }
    },
  ),
  law('keeps nothing of a body that fails, and throws what the body threw', async ({ store, folder }) => {
    // As when the source's own disk is full, or its file is gone: no failing of the store.
    for (const code of ['ENOSPC', 'ENOENT', 'EEXIST']) {
      for (const pieces of [[], [oldBytes], inPieces(sampleBytes(9 * mebibyte), [mebibyte])]) {
        const failure = Object.assign(new Error('the dump broke off'), { code, syscall: 'read' });
        const name = `${folder}${code}-${pieces.length}`;
        await assertThrows(put(store, name, failing(pieces, failure)), failure);
        await assertLacks(store, name);
      }
    }
    await assertNothingLeft(store, folder);
    const refused = new LowtideError('source_failed', 'the dump failed');
    await assertThrows(put(store, `${folder}name`, failing([oldBytes], refused)), refused);
    await put(store, `${folder}name`, oldBytes);
  }),
  law('keeps the old object whole when its successor fails midway', async ({ store, elsewhere, folder }) => {
    const name = `${folder}manifest.json`;
    await put(store, name, oldBytes);
    for (const pieces of [[], [sampleBytes(10)], [sampleBytes(6 * mebibyte)]]) {
      const failure = new Error('broken off');
      await assertThrows(put(store, name, failing(pieces, failure), { replace: true }), failure);
      await assertHolds(elsewhere, name, oldBytes);
    }
    await store.sweep(folder);
    await assertHolds(elsewhere, name, oldBytes);
  }),
  law(
    'stops when it is told to, also while the body stalls, and leaves nothing',
    async ({ store, folder }) => {
      for (const pieces of [[], [oldBytes], [sampleBytes(6 * mebibyte), oldBytes]]) {
        const name = `${folder}stopped-${pieces.length}`;
        const controller = new AbortController();
        const body = new StalledBody(...pieces);
        const writing = put(store, name, body, { signal: controller.signal });
        await Promise.race([body.stalled, writing]);
        const reason = new Error('stop');
        controller.abort(reason);
        await assertThrows(writing, reason);
        assert.equal(body.closed, true, 'the body was not told that no more is wanted');
        await assertLacks(store, name);
      }
      await assertNothingLeft(store, folder);
    },
  ),
  law('does not begin what was stopped before', async ({ store, folder }) => {
    const reason = new Error('stopped before');
    const body = new StalledBody(oldBytes);
    await assertThrows(put(store, `${folder}name`, body, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(body.asked, 0);
    await assertNothingLeft(store, folder);
  }),
  law('asks a body for one piece at a time', async ({ store, folder }) => {
    let waiting = 0;
    let most = 0;
    const pieces = inPieces(sampleBytes(2 * mebibyte), [65_536]).values();
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          waiting += 1;
          most = Math.max(most, waiting);
          await new Promise(setImmediate);
          waiting -= 1;
          return pieces.next();
        },
      }),
    };
    await put(store, `${folder}name`, body);
    assert.equal(most, 1);
  }),
  law('lets exactly one of several writers have a new name', async ({ store, elsewhere, folder }) => {
    for (let round = 0; round < 5; round += 1) {
      const name = `${folder}round-${round}`;
      const bodies = Array.from({ length: 6 }, (_, index) => sampleBytes(1000 + index, index));
      const results = await Promise.allSettled(
        bodies.map((bytes, index) => put(index % 2 === 0 ? store : elsewhere, name, bytes)),
      );
      const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
      assert.equal(winners.length, 1, `${winners.length} writers were told that ${name} is theirs`);
      for (const result of results) {
        if (result.status === 'rejected') assertCode(result.reason, 'store_exists');
      }
      await assertHolds(store, name, bodies[winners[0] ?? 0] ?? oldBytes);
    }
    assert.deepEqual(await store.sweep(folder), []);
  }),
  law(
    'ends with one whole object when several writers replace it at once',
    async ({ store, elsewhere, folder }) => {
      const name = `${folder}manifest.json`;
      const bodies = Array.from({ length: 8 }, (_, index) => sampleBytes(200_000 + index, index));
      await Promise.all(
        bodies.map((bytes, index) =>
          put(index % 2 === 0 ? store : elsewhere, name, bytes, { replace: true }),
        ),
      );
      const left = await read(store, name);
      assert.ok(bodies.some((bytes) => bytes.equals(left)));
      assert.deepEqual(await namesIn(store, folder), [name]);
    },
  ),
  law('writes beside deletions, whatever these empty', async ({ store, elsewhere, folder }) => {
    for (let round = 0; round < 40; round += 1) {
      const [old, fresh] = [`${folder}a/b/old-${round}`, `${folder}a/b/new-${round}`];
      await put(store, old, oldBytes);
      await Promise.all([
        elsewhere.delete(old),
        elsewhere.delete(`${folder}a/b/absent`),
        put(store, fresh, oldBytes),
      ]);
      await assertHolds(store, fresh, oldBytes);
      await store.delete(fresh);
    }
  }),
];

async function* failing(pieces: readonly Uint8Array[], failure: Error): AsyncGenerator<Uint8Array> {
  yield* bodyOf(pieces);
  throw failure;
}
