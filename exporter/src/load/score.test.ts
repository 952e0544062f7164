import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayMs } from '../schedule/zone.ts';
import { scoreForecasts } from './score.ts';
import { seriesOf, type LoadSeries } from './series.ts';

const stepMs = 300_000;
const hourMs = 3_600_000;
const origin = Date.UTC(2026, 10, 24);

/** `days` up to the day behind `origin`, which is there as well. */
function history(days: number, loadAt: (at: number) => number): LoadSeries {
  const count = ((days + 1) * dayMs) / stepMs;
  const times = Array.from({ length: count }, (_, step) => origin - days * dayMs + step * stepMs);
  return seriesOf(times, times.map(loadAt), stepMs);
}

const hourOf = (at: number): number => (at % dayMs) / hourMs;
/** Quiet for three hours around `hour`. */
const quietAt = (hour: number) => (at: number) => (Math.abs(hourOf(at) - hour) < 1.5 ? 0.1 : 0.5);

describe('scoreForecasts', () => {
  it('finds nothing to regret where the day was as all days', () => {
    const score = scoreForecasts(history(10, quietAt(4)), origin);
    expect(score?.regret).toEqual({ learned: 0, yesterday: 0 });
    expect(score?.error.yesterday).toBe(0);
    expect(score?.randomRegret).toBeGreaterThan(0.3);
  });

  it('counts what was chosen: yesterday was out of the ordinary, and misled', () => {
    const odd = history(10, (at) => (at >= origin - dayMs && at < origin ? quietAt(14) : quietAt(4))(at));
    const score = scoreForecasts(odd, origin);
    expect(score?.regret.learned).toBeLessThan(0.01);
    expect(score?.regret.yesterday).toBeCloseTo(0.4, 6);
  });

  it('counts what is wrong all day long in the error alone', () => {
    const busier = history(10, (at) => quietAt(4)(at) + (at >= origin ? 0.3 : 0));
    const score = scoreForecasts(busier, origin);
    expect(score?.regret.learned).toBeCloseTo(0, 10);
    expect(score?.regret.yesterday).toBeCloseTo(0, 10);
    expect(score?.error.yesterday).toBeCloseTo(0.3, 6);
  });

  it('passes over what was not measured, and over a day of which too little was', () => {
    const nightGap = history(10, (at) => (hourOf(at) < 5 ? NaN : quietAt(14)(at)));
    expect(scoreForecasts(nightGap, origin)?.regret.yesterday).toBe(0);
    const halfDay = history(10, (at) => (hourOf(at) < 12 ? NaN : quietAt(14)(at)));
    expect(scoreForecasts(halfDay, origin)).toBeUndefined();
    expect(scoreForecasts(history(0.5, quietAt(4)), origin)).toBeUndefined();
    expect(scoreForecasts(history(10, quietAt(4)), origin + hourMs * 30)).toBeUndefined();
    expect(scoreForecasts(history(10, quietAt(4)), origin - 20 * dayMs)).toBeUndefined();
  });

  it('does not know what comes', () => {
    const change = (load: number) =>
      scoreForecasts(
        history(10, (at) => (at < origin ? quietAt(4)(at) : at < origin + dayMs / 2 ? load : 0.5)),
        origin,
      );
    // Whatever comes, both look for the quiet hours of the days before, and find the night.
    expect(change(0.9)?.regret.learned).toBeCloseTo(0.4, 2);
    expect(change(0.2)?.regret).toEqual({ learned: 0, yesterday: 0 });
  });

  it('regrets no less than nothing, and no more than the whole day offers', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (loads) => {
        const random = history(3, () => loads.next().value as number);
        const score = scoreForecasts(random, origin);
        for (const regret of Object.values(score?.regret ?? { none: -1 })) {
          expect(regret).toBeGreaterThanOrEqual(0);
          expect(regret).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 20 },
    );
  });
});
