import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tee } from './tee.ts';

const piece = (number: number): Uint8Array => Uint8Array.of(number);

async function all(reader: AsyncIterable<Uint8Array>): Promise<number[]> {
  return (await Array.fromAsync(reader)).map(([number]) => number ?? -1);
}

describe('tee', () => {
  it('gives every reader the whole stream, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 255 })),
        fc.integer({ min: 1, max: 5 }),
        async (n, count) => {
          async function* source(): AsyncGenerator<Uint8Array> {
            for (const each of n) yield await Promise.resolve(piece(each));
          }
          const readers = tee(source(), count);
          expect(await Promise.all(readers.map(all))).toEqual(readers.map(() => n));
        },
      ),
    );
  });

  it('never runs ahead of the slowest', async () => {
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < 5; given += 1) yield await Promise.resolve(piece(given));
    }
    const [fast, slow] = tee(source(), 2);
    if (fast === undefined || slow === undefined) throw new Error('two were asked for');
    const first = fast.next();
    await slow.next();
    await first;
    void fast.next();
    expect(given).toBe(0);
    await slow.next();
    expect(given).toBe(1);
    await slow.leave();
    await fast.leave();
  });

  it('goes on without a reader that leaves, also one that never began', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let number = 0; number < 10; number += 1) yield await Promise.resolve(piece(number));
    }
    const [stays, leaves, never] = tee(source(), 3);
    if (stays === undefined || leaves === undefined || never === undefined)
      throw new Error('three were asked for');
    const whole = all(stays);
    await never.leave();
    for await (const [number] of leaves) if (number === 3) break;
    expect(await whole).toHaveLength(10);
  });

  it('closes the source when the last reader has left', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(piece(1));
      } finally {
        closed = true;
      }
    }
    const [one, two] = tee(source(), 2);
    await Promise.all([one?.next(), two?.next()]);
    await one?.leave();
    expect(closed).toBe(false);
    await two?.leave();
    await two?.leave();
    expect(closed).toBe(true);
  });

  it('fails for all readers when the source fails', async () => {
    const reason = new Error('the dump died');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(piece(1));
      throw reason;
    }
    const results = await Promise.allSettled(tee(source(), 2).map(all));
    expect(
      results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined)),
    ).toEqual([reason, reason]);
  });
});
