import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bandwidthOf, reserve, type Bandwidth } from './bandwidth.ts';

interface Passage {
  readonly askedAt: number;
  readonly at: number;
  readonly bytes: number;
}

/** What comes through when so many bytes are asked for, each so long after the last. */
function passages(asks: readonly (readonly [number, number])[], bandwidth: Bandwidth): readonly Passage[] {
  let paidAt = -Infinity;
  let now = 0;
  return asks.map(([gapMs, share]) => {
    now += gapMs;
    const bytes = Math.ceil(share * bandwidth.burstBytes);
    const reserved = reserve(paidAt, bytes, now, bandwidth);
    ({ paidAt } = reserved);
    return { askedAt: now, at: now + reserved.waitMs, bytes };
  });
}

const rates = fc.integer({ min: 1000, max: 2 ** 34 }).map(bandwidthOf);
const share = fc.double({ min: 0.001, max: 1, noNaN: true });
const gap = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 500, noNaN: true }));
const asked = fc.array(fc.tuple(gap, share), { minLength: 1, maxLength: 60 });

const sumOf = (some: readonly Passage[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0);

describe('a line with a limited bandwidth', () => {
  it('lets through, in any span of time, at most what the rate allows in it and one burst', () => {
    fc.assert(
      fc.property(rates, asked, (bandwidth, asks) => {
        const all = passages(asks, bandwidth);
        for (const [index, { at: from }] of all.entries()) {
          for (let last = index; last < all.length; last += 1) {
            const until = all[last]?.at ?? 0;
            const allowed = (bandwidth.bytesPerSecond * (until - from)) / 1000 + bandwidth.burstBytes;
            expect(sumOf(all.slice(index, last + 1))).toBeLessThanOrEqual(allowed * (1 + 1e-6) + 1);
          }
        }
      }),
    );
  });

  it('lets everybody through in the order of asking, once what was asked for before has come through', () => {
    fc.assert(
      fc.property(rates, asked, (bandwidth, asks) => {
        const all = passages(asks, bandwidth);
        for (const [index, { at, askedAt }] of all.entries()) {
          expect(at).toBeGreaterThanOrEqual(all[index - 1]?.at ?? 0);
          const beforeMs = (sumOf(all.slice(0, index + 1)) / bandwidth.bytesPerSecond) * 1000;
          expect(at - askedAt).toBeLessThanOrEqual(beforeMs + 1e-3);
        }
      }),
    );
  });

  it('is never idle while somebody waits', () => {
    fc.assert(
      fc.property(rates, fc.array(share, { minLength: 1, maxLength: 60 }), (bandwidth, shares) => {
        const all = passages(
          shares.map((each) => [0, each] as const),
          bandwidth,
        );
        const neededMs = ((sumOf(all) - bandwidth.burstBytes) / bandwidth.bytesPerSecond) * 1000;
        expect(all.at(-1)?.at).toBeCloseTo(Math.max(0, neededMs), 3);
      }),
    );
  });
});
