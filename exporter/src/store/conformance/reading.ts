import assert from 'node:assert/strict';
import { assertHolds, assertLacks, assertRefused, assertThrows, put, read, sampleBytes } from './bodies.ts';
import { law, type StoreLaw } from './law.ts';

const bytes = sampleBytes(100_000);
const mebibyte = 1024 * 1024;

export const readingLaws: readonly StoreLaw[] = [
  law('reads any range, and leaves out what lies beyond the end', async ({ store, folder }) => {
    const name = `${folder}object`;
    await put(store, name, bytes);
    const last = bytes.length;
    const ranges: [number | undefined, number | undefined][] = [
      [undefined, undefined],
      [0, last],
      [0, 1],
      [0, 0],
      [1, 2],
      [4096, undefined],
      [4096, 65_537],
      [50, 50],
      [60, 50],
      [last - 1, undefined],
      [last - 1, last],
      [last - 1, last + 1000],
      [last, undefined],
      [last, last + 1],
      [last + 5, undefined],
      [last + 5, last + 10],
      [undefined, last + 10],
      [undefined, 7],
    ];
    for (const [start, end] of ranges) {
      const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
      const expected = bytes.subarray(start ?? 0, Math.max(start ?? 0, end ?? last));
      assert.ok((await read(store, name, range)).equals(expected), `from ${start} to ${end}`);
    }
    await put(store, `${folder}empty`, new Uint8Array());
    assert.equal((await read(store, `${folder}empty`, { start: 0, end: 10 })).length, 0);
    assert.equal((await read(store, `${folder}empty`, { start: 3 })).length, 0);
  }),
  law('names what is missing, also where only nothing was asked of it', async ({ store, folder }) => {
    await put(store, `${folder}a/object`, bytes);
    for (const name of [`${folder}b`, `${folder}a/other`, `${folder}a/object.json`, `${folder}x/y/z`]) {
      await assertLacks(store, name);
      await assertRefused(read(store, name, { start: 5, end: 5 }), 'store_missing_object');
      await assertRefused(read(store, name, { start: 5 }), 'store_missing_object');
      await store.delete(name);
    }
    await assertHolds(store, `${folder}a/object`, bytes);
  }),
  law('takes the beginning of names for no object', async ({ store, folder }) => {
    const name = `${folder}a/b/object`;
    await put(store, name, bytes);
    for (const start of [folder.slice(0, -1), `${folder}a`, `${folder}a/b`, `${folder}a/b/obj`]) {
      assert.equal(await store.stat(start), undefined);
      await assertRefused(read(store, start), 'store_missing_object');
      await store.delete(start);
    }
    await assertHolds(store, name, bytes);
  }),
  law('stops reading when it is told to', async ({ store, folder }) => {
    const name = `${folder}large`;
    await put(store, name, sampleBytes(12 * mebibyte));
    const reason = new Error('stop');
    await assertThrows(read(store, name, { signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    let seen = 0;
    const reading = (async () => {
      for await (const piece of store.get(name, { signal: controller.signal })) {
        seen += piece.length;
        controller.abort(reason);
      }
    })();
    await assertThrows(reading, reason);
    assert.ok(seen < 12 * mebibyte, 'it went on to the end');
    // While a read is under way, rather than between two.
    const stop = new AbortController();
    const begun = store.get(name, { signal: stop.signal })[Symbol.asyncIterator]();
    const rest = begun.next().then(() => begun.next());
    stop.abort(reason);
    await assertThrows(rest, reason);
  }),
  law('can be read in part, and again', async ({ store, folder }) => {
    const name = `${folder}object`;
    const large = sampleBytes(3 * mebibyte);
    await put(store, name, large);
    for (let round = 0; round < 3; round += 1) {
      for await (const piece of store.get(name, { signal: new AbortController().signal })) {
        assert.ok(large.subarray(0, piece.length).equals(piece));
        break;
      }
    }
    const [left, right] = await Promise.all([read(store, name), read(store, name, { start: 1 })]);
    assert.ok(left.equals(large) && right.equals(large.subarray(1)));
  }),
  law('never mixes an object with its successor', async ({ store, folder }) => {
    const name = `${folder}object`;
    const [first, second] = [sampleBytes(6 * mebibyte, 1), sampleBytes(6 * mebibyte, 2)];
    await put(store, name, first);
    const pieces: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of store.get(name, { signal: new AbortController().signal })) {
        if (pieces.length === 0) await put(store, name, second, { replace: true });
        pieces.push(piece);
      }
    })();
    await reading.then(
      () => assert.ok(Buffer.concat(pieces).equals(first), 'neither the old object nor a refusal'),
      () => assertRefused(reading, 'store_unavailable'),
    );
    await assertHolds(store, name, second);
  }),
];
