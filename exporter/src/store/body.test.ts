import { describe, expect, it } from 'vitest';
import { BodyFailure, readBody } from './body.ts';
import { StalledBody, bodyOf, sampleBytes } from './conformance/bodies.ts';

const pieces = [sampleBytes(3), sampleBytes(0), sampleBytes(5)];
const never = new AbortController().signal;

describe('reading a body', () => {
  it('gives its pieces as they are, and ends', async () => {
    expect(await Array.fromAsync(readBody(bodyOf(pieces), never))).toEqual(pieces);
  });

  it.each<[string, () => AsyncIterator<Uint8Array>]>([
    ['rejects', () => ({ next: () => Promise.reject(failure) })],
    [
      'throws at once',
      () => ({
        next: () => {
          throw failure;
        },
      }),
    ],
  ])('marks what it throws, when it %s', async (_, iterator) => {
    const thrown: unknown = await Array.fromAsync(
      readBody({ [Symbol.asyncIterator]: iterator }, never),
    ).catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(BodyFailure);
    expect(thrown).toMatchObject({ cause: failure });
  });

  it('ends with the reason when it is stopped, between two pieces or while it waits for one', async () => {
    for (const count of [1, 3]) {
      const stop = new AbortController();
      const body = new StalledBody(...pieces);
      const seen: Uint8Array[] = [];
      const reading = (async () => {
        for await (const piece of readBody(body, stop.signal)) {
          seen.push(piece);
          if (seen.length === count && count < 3) stop.abort(failure);
        }
      })();
      if (count === 3) {
        await body.stalled;
        stop.abort(failure);
      }
      await expect(reading).rejects.toBe(failure);
      expect([seen.length, body.closed]).toEqual([count, true]);
    }
  });

  it('tells a body that its reader has had enough, and lets it finish that first', async () => {
    let closed = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        yield* bodyOf(pieces);
      } finally {
        await new Promise(setImmediate);
        closed = true;
      }
    }
    for await (const piece of readBody(body(), never)) {
      expect(piece).toBe(pieces[0]);
      break;
    }
    expect(closed).toBe(true);
  });

  it('keeps no listener on the signal', async () => {
    let listeners = 0;
    const signal = new AbortController().signal;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await Array.fromAsync(readBody(bodyOf(pieces), signal));
    expect(listeners).toBe(0);
  });
});

const failure = new Error('broken off');
