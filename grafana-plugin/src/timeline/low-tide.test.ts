import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLoad, type ResourceLoad } from './load-series.ts';
import { lowTide } from './low-tide.ts';
import { tideRange } from './time-scale.ts';
import { hourMs, minuteMs } from './zone.ts';

const now = Date.parse('2026-03-28T12:00:00Z');
const range = tideRange(now);
const stepMs = 5 * minuteMs;
const iso = (at: number): string => new Date(at).toISOString();

/** Measured up to now, and expected from then on; `undefined`: unknown. */
function loadOf(valueAt: (at: number) => number | undefined): ResourceLoad[] {
  const points = Array.from({ length: (range.until - range.from) / stepMs }, (_, step) => {
    const at = range.from + step * stepMs;
    return { at, value: valueAt(at) };
  }).flatMap(({ at, value }) => (value === undefined ? [] : [{ at, value }]));
  return readLoad({
    host: 'db1',
    from: iso(range.from),
    until: iso(now),
    resources: [
      {
        resource: 'cpu',
        samples: points.filter(({ at }) => at < now).map(({ at, value }) => ({ at: iso(at), value })),
        forecast: points
          .filter(({ at }) => at >= now)
          .map(({ at, value }) => ({ at: iso(at), expected: value, low: value, high: value })),
        profile: [],
        quietHours: [],
      },
    ],
  });
}

const hourOf = (at: number): number => new Date(at).getUTCHours();
const nights = loadOf((at) => (hourOf(at) < 6 ? 0.1 : 0.6));
const hours = (spans: readonly { start: number; end: number }[]): number[][] =>
  spans.map(({ start, end }) => [start, end].map((at) => Math.round((at - range.from) / hourMs)));

describe('low tide', () => {
  it('is when the load is lowest, in the past as measured and from now on as expected', () => {
    expect(hours(lowTide(nights, range, now))).toEqual([
      [12, 18],
      [36, 42],
      [60, 66],
      [84, 90],
    ]);
  });

  it('is not where a moment of calm lies in the middle of work', () => {
    const calm = now + 3 * hourMs;
    const loads = loadOf((at) => (hourOf(at) < 6 || Math.abs(at - calm) < 10 * minuteMs ? 0.1 : 0.6));
    expect(hours(lowTide(loads, range, now))).toEqual(hours(lowTide(nights, range, now)));
  });

  it('is nowhere where the load is flat, or unknown', () => {
    expect(
      lowTide(
        loadOf(() => 0.4),
        range,
        now,
      ),
    ).toEqual([]);
    expect(
      lowTide(
        loadOf(() => undefined),
        range,
        now,
      ),
    ).toEqual([]);
    expect(lowTide([], range, now)).toEqual([]);
  });

  it('does not reach into what is unknown', () => {
    const known = loadOf((at) => (at < now ? (hourOf(at) < 6 ? 0.1 : 0.6) : undefined));
    expect(lowTide(known, range, now).every(({ end }) => end <= now)).toBe(true);
  });

  it('lies within the range, in order, and apart, whatever the load', () => {
    const wave = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 60 });
    fc.assert(
      fc.property(wave, (values) => {
        const length = (range.until - range.from) / values.length;
        const spans = lowTide(
          loadOf((at) => values[Math.floor((at - range.from) / length)]),
          range,
          now,
        );
        let end = range.from;
        for (const span of spans) {
          expect(span.start).toBeGreaterThanOrEqual(end);
          expect(span.end).toBeGreaterThan(span.start);
          end = span.end;
        }
        expect(end).toBeLessThanOrEqual(range.until);
      }),
      { numRuns: 30 },
    );
  });
});
