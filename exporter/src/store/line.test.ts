import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bodyOf, sampleBytes } from './conformance/bodies.ts';
import { Line, sendOver } from './line.ts';

const { signal } = new AbortController();
const bytesPerSecond = 1_000_000;

/** Sleepers wake in the order of their times, and the clock goes from one to the next. */
function rig(): { line: Line; now: () => number } {
  let now = 0;
  const line = new Line({
    bytesPerSecond,
    elapsed: () => now,
    async sleep(ms, given) {
      const until = now + ms;
      await Promise.resolve();
      given.throwIfAborted();
      now = Math.max(now, until);
    },
  });
  return { line, now: () => now };
}

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces));
}

describe('a line to a store', () => {
  it('brings all bytes, in their order, in the time that they take', async () => {
    const { line, now } = rig();
    const content = sampleBytes(2_100_000);
    const pieces = [content.subarray(0, 10), content.subarray(10, 1_500_000), content.subarray(1_500_000)];
    expect((await drain(line.up(bodyOf(pieces), signal))).equals(content)).toBe(true);
    expect(now()).toBeCloseTo(2000, 0);
  });

  it('is shared by all that goes the same way, and lets the other way alone', async () => {
    const { line, now } = rig();
    const content = sampleBytes(1_000_000);
    const order: string[] = [];
    const watched = async (who: string): Promise<void> => {
      for await (const slice of line.up([content], signal)) order.push(who.repeat(slice.length > 0 ? 1 : 0));
    };
    await Promise.all([watched('a'), watched('b'), drain(line.down([content], signal))]);
    expect(now()).toBeCloseTo(1900, 0);
    const firsts = order.slice(0, 10);
    expect(firsts.filter((who) => who === 'a').length).toBeGreaterThanOrEqual(4);
    expect(firsts.filter((who) => who === 'b').length).toBeGreaterThanOrEqual(4);
  });

  it('is left at once when it is told to stop', async () => {
    const { line } = rig();
    const stop = new AbortController();
    const passing = line.up([sampleBytes(500_000)], stop.signal);
    await passing.next();
    stop.abort(new Error('enough'));
    await expect(drain(passing)).rejects.toThrow('enough');
  });

  it('sends a body as a stream where it is limited, and as it is where not', async () => {
    const content = Buffer.from(sampleBytes(300_000));
    expect(await sendOver(undefined, content, signal, (body) => Promise.resolve(body))).toBe(content);
    const sent = await sendOver(rig().line, content, signal, (body) => buffer(body as Readable));
    expect(sent.equals(content)).toBe(true);
  });
});
