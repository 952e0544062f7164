import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bodyOf,
  inPieces,
  namesIn,
  put,
  read,
  sampleBytes,
} from '../../exporter/src/store/conformance/bodies.ts';
import { storeLaws } from '../../exporter/src/store/conformance/conformance.ts';
import type { Store } from '../../exporter/src/store/store.ts';

/** One place to store in, empty at first, and gone once disposed. */
export interface StoreRig extends AsyncDisposable {
  /** Opens the place: each call is what another process would see. */
  open(): Store;
  /** Leaves what a writer of this name leaves that dies after these bytes. */
  abandon(name: string, bytes: Uint8Array): Promise<void>;
}

/** What every store does, whatever it is made of: the laws that a user can have checked as well, and some that want a store alone. */
export function storeConformance(name: string, makeRig: () => Promise<StoreRig>): void {
  describe(`the store on ${name}`, () => {
    let rig: StoreRig;
    let store: Store;
    beforeAll(async () => {
      rig = await makeRig();
      store = rig.open();
    });
    afterAll(() => rig[Symbol.asyncDispose]());

    it.each(storeLaws.map((law, index) => ({ ...law, folder: `law-${index}/` })))(
      '$says',
      async ({ hold, folder }) => {
        await hold({ store, elsewhere: rig.open(), folder });
      },
    );

    it('is checked without a trace, twice at the same time too', async () => {
      await put(store, 'checked/object', sampleBytes(10));
      const before = await Array.fromAsync(store.list(''));
      await Promise.all([store.check(), rig.open().check()]);
      expect(await Array.fromAsync(store.list(''))).toEqual(before);
      expect(await store.sweep('probe-')).toEqual([]);
    });

    it('says of objects that nobody has locked, or that are gone, that they may be deleted', async () => {
      await put(store, 'free/object', sampleBytes(10));
      expect(await store.lockOn(['free/object', 'free/gone'])).toBeUndefined();
    });

    it('has a type, a provider for the metrics and the id it was given', () => {
      expect(['directory', 's3', 'azure']).toContain(store.type);
      expect(store.provider).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(rig.open().id).toBe(store.id);
    });

    it('hides what dead writers have left, and sweeps away that of the names asked for alone', async () => {
      const names = ['dead/run-1.zst.age', 'dead/run-1.zst.age.json', 'dead/run-2.zst.age', 'dead-too/run-1'];
      for (const each of names) await rig.abandon(each, sampleBytes(100_000));
      await rig.abandon('at-the-top', new Uint8Array());
      await put(store, 'dead/run-1.whole', sampleBytes(5));
      expect(await namesIn(store, 'dead')).toEqual(['dead/run-1.whole']);
      for (const each of names) expect(await store.stat(each)).toBeUndefined();

      expect(await store.sweep('dead/run-3')).toEqual([]);
      expect(await store.sweep('dead/run-1.zst.age.')).toHaveLength(1);
      expect(await store.sweep('dead/run-1')).toHaveLength(1);
      expect(await store.sweep('dead/run-1')).toEqual([]);
      expect(await store.sweep('dead/')).toHaveLength(1);
      expect(await rig.open().sweep('')).toHaveLength(2);
      expect(await store.sweep('')).toEqual([]);
      expect(await namesIn(store, 'dead')).toEqual(['dead/run-1.whole']);
    });

    it('tells what dead writers have left, with its size, and discards one of them alone', async () => {
      for (const each of ['torn/one', 'torn/two']) await rig.abandon(each, sampleBytes(100_000));
      const left = await Array.fromAsync(store.unfinished('torn/'));
      expect(left.map(({ object, sizeBytes }) => [object, sizeBytes])).toEqual([
        ['torn/one', 100_000],
        ['torn/two', 100_000],
      ]);
      for (const { touchedAt = Date.now() } of left)
        expect(Math.abs(touchedAt - Date.now())).toBeLessThan(60_000);
      const [one] = left;
      if (one === undefined) throw new Error('there are two');
      await store.discard(one);
      await rig.open().discard(one);
      expect((await Array.fromAsync(store.unfinished('torn/'))).map(({ object }) => object)).toEqual([
        'torn/two',
      ]);
      expect(await store.sweep('torn/')).toHaveLength(1);
    });

    it('takes a name again that a dead writer was writing', async () => {
      await rig.abandon('again/object', sampleBytes(100_000));
      await put(store, 'again/object', sampleBytes(9));
      expect(await read(store, 'again/object')).toEqual(sampleBytes(9));
      // A store may have thrown away what the dead one left by the new write itself.
      expect((await store.sweep('again/object')).length).toBeLessThanOrEqual(1);
      expect(await store.sweep('again/object')).toEqual([]);
      expect(await read(store, 'again/object')).toEqual(sampleBytes(9));
    });

    it('gives back, of whatever bytes in whatever pieces, any range', async () => {
      let count = 0;
      const small = fc.record({
        size: fc.nat(300),
        cuts: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
      });
      const large = fc.record({
        size: fc.nat(400_000),
        cuts: fc.array(fc.integer({ min: 1000, max: 200_000 }), { minLength: 1, maxLength: 5 }),
      });
      const object = fc.oneof(small, large);
      await fc.assert(
        fc.asyncProperty(object, fc.nat(), fc.nat(), fc.nat(), async ({ size, cuts }, seed, from, to) => {
          const content = sampleBytes(size, seed);
          const [start, end] = [from % (size + 10), to % (size + 10)];
          const key = `property/${(count += 1)}`;
          await put(store, key, bodyOf(inPieces(content, cuts)));
          expect((await read(store, key)).equals(content)).toBe(true);
          const part = await read(store, key, { start, end });
          expect(part.equals(content.subarray(start, Math.max(start, end)))).toBe(true);
          await store.delete(key);
        }),
        { numRuns: 40 },
      );
    });

    it('behaves as a table of names and contents, whatever is done in whatever order', async () => {
      const names = ['m/a', 'm/b', 'm/b-c', 'm/f/a', 'm/f/b', 'm/g'];
      const step = fc.record({
        what: fc.constantFrom('put', 'replace', 'fail', 'delete', 'sweep'),
        name: fc.constantFrom(...names),
        size: fc.nat(2000),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const model = new Map<string, Buffer>();
          for (const { what, name: each, size } of steps) {
            const content = sampleBytes(size, size);
            if (what === 'sweep') await store.sweep(each);
            else if (what === 'delete') {
              await store.delete(each);
              model.delete(each);
            } else if (what === 'fail') {
              const attempt = put(store, each, broken(content), { replace: true });
              await expect(attempt).rejects.toThrow('broken off');
            } else if (what === 'put' && model.has(each)) {
              await expect(put(store, each, content)).rejects.toMatchObject({ code: 'store_exists' });
            } else {
              await put(store, each, content, { replace: what === 'replace' });
              model.set(each, content);
            }
          }
          expect(await namesIn(store, 'm/')).toEqual([...model.keys()].sort());
          for (const [each, content] of model) expect((await read(store, each)).equals(content)).toBe(true);
          for (const each of names) await store.delete(each);
        }),
        { numRuns: 15 },
      );
    });
  });
}

async function* broken(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(content);
  throw new Error('broken off');
}
