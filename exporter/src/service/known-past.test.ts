import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LoadRecord } from '../load/load.ts';
import { KnownPast, type ReadRecords } from './known-past.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const noon = Date.UTC(2026, 10, 24, 12);

class Store {
  readonly records = new Map<number, LoadRecord>();
  readonly asked: number[] = [];

  file(at: number, cpu: number): void {
    const step = at - (at % (5 * minute));
    this.records.set(step, { at: step, cpu, memory: 0, disk: 0 });
  }

  readonly read: ReadRecords = (from, until) => {
    this.asked.push(until - from);
    return Promise.resolve(this.between(from, until));
  };

  between(from: number, until: number): LoadRecord[] {
    return [...this.records.values()]
      .filter(({ at }) => at >= from && at < until)
      .sort((a, b) => a.at - b.at);
  }
}

it('is what a read of all of it gives, however time goes', async () => {
  const step = fc.record({
    by: fc.oneof(fc.integer({ min: 0, max: 20 * minute }), fc.integer({ min: -2 * day, max: 5 * day })),
    cpu: fc.double({ min: 0, max: 1, noNaN: true }),
    // Filed again, once more is known of it.
    backMs: fc.integer({ min: 0, max: hour - 5 * minute }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = new Store();
      const past = new KnownPast(day);
      let now = noon;
      for (const { by, cpu, backMs } of steps) {
        now += by;
        store.file(now - backMs, cpu);
        // What is filed of a time that a clock has left behind is told of.
        if (by < 0) past.forget();
        expect(await past.upTo(now, store.read)).toEqual(store.between(now - day, now));
      }
    }),
  );
});

it('reads the end alone, once it has been read', async () => {
  const store = new Store();
  const past = new KnownPast(day);
  await past.upTo(noon, store.read);
  await past.upTo(noon + 5 * minute, store.read);
  expect(store.asked).toEqual([day, hour + 5 * minute]);
  past.forget();
  await past.upTo(noon + 10 * minute, store.read);
  expect(store.asked.at(-1)).toBe(day);
});

it('reads all of it after a clock was set back, or far ahead', async () => {
  const store = new Store();
  const past = new KnownPast(day);
  for (const now of [noon, noon - minute, noon + 3 * day]) await past.upTo(now, store.read);
  expect(store.asked).toEqual([day, day, day]);
});

it('knows nothing that was filed anew while it was read', async () => {
  const store = new Store();
  const past = new KnownPast(day);
  await past.upTo(noon, (from, until) => {
    past.forget();
    return store.read(from, until);
  });
  await past.upTo(noon + 5 * minute, store.read);
  expect(store.asked).toEqual([day, day]);
});

it('goes on from what it knew after a read that failed', async () => {
  const store = new Store();
  const past = new KnownPast(day);
  store.file(noon - hour, 0.5);
  await past.upTo(noon, store.read);
  await expect(past.upTo(noon + minute, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await past.upTo(noon + 2 * minute, store.read)).toEqual(store.between(0, noon + day));
  expect(store.asked.at(-1)).toBe(hour + 2 * minute);
});
