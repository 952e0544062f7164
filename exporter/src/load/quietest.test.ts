import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadForecast } from './forecast.ts';
import { quietestStart } from './quietest.ts';

const stepMs = 300_000;
const startsAt = Date.UTC(2026, 10, 24);

function forecastOf(loads: readonly number[]): LoadForecast {
  const expected = Float64Array.from(loads);
  const band = () => ({ low: expected, high: expected });
  return { startsAt, stepMs, expected, band, basis: 'weeks', daysSeen: 14 };
}

const stretch = (from: number, until: number, steps: number) => ({
  from: startsAt + from * stepMs,
  until: startsAt + until * stepMs,
  durationMs: steps * stepMs,
});

describe('quietestStart', () => {
  it('takes the start with the lowest mean over the whole run', () => {
    expect(quietestStart(forecastOf([5, 1, 9, 3, 2, 3, 9]), stretch(0, 7, 3))).toEqual({
      start: startsAt + 3 * stepMs,
      load: 8 / 3,
    });
  });

  it('starts as the window opens where nothing tells the hours apart', () => {
    expect(quietestStart(forecastOf(Array<number>(50).fill(0.1)), stretch(7, 40, 9))?.start).toBe(
      startsAt + 7 * stepMs,
    );
  });

  it('finds nothing in a window that is shorter than the run, or that the forecast does not reach', () => {
    expect(quietestStart(forecastOf([1, 2, 3, 4]), stretch(0, 2, 3))).toBeUndefined();
    expect(quietestStart(forecastOf([1, 2, 3, 4]), stretch(2, 8, 3))).toBeUndefined();
    expect(quietestStart(forecastOf([]), stretch(0, 8, 3))).toBeUndefined();
  });

  it('refuses a window that has begun before the forecast', () => {
    expect(() => quietestStart(forecastOf([1, 2]), stretch(-1, 2, 1))).toThrow(RangeError);
  });

  it('is never beaten by any other start', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 10 }),
        fc.integer({ min: 1, max: 12 }),
        (loads, from, steps) => {
          const chosen = quietestStart(forecastOf(loads), stretch(from, loads.length, steps));
          const means = Array.from({ length: Math.max(0, loads.length - from - steps + 1) }, (_, index) => {
            const part = loads.slice(from + index, from + index + steps);
            return part.reduce((sum, load) => sum + load, 0) / steps;
          });
          if (chosen === undefined) expect(means).toEqual([]);
          else {
            expect(chosen.load).toBeLessThan(Math.min(...means) + 1e-9);
            const index = (chosen.start - startsAt) / stepMs - from;
            expect(means[index]).toBeCloseTo(chosen.load, 9);
          }
        },
      ),
    );
  });
});
