import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookBack } from './hindsight.ts';
import type { LoadRecord } from './load.ts';
import { PastLoad } from './past-load.ts';

const step = 300_000;
const hour = 3_600_000;
const highWater = { cpu: 0.75, memory: 0.9, disk: 0.8 };

function past(cpus: readonly number[], more: Partial<LoadRecord> = {}): PastLoad {
  const records = cpus.map((cpu, index) => ({ at: index * step, cpu, memory: NaN, disk: NaN, ...more }));
  return new PastLoad(
    records.filter(({ cpu }) => !Number.isNaN(cpu)),
    step,
    highWater,
  );
}

/** Four hours; the third is quiet, the fourth at a peak. */
const night = [0.4, 0.5, 0.1, 0.9].flatMap((load) => Array.from({ length: 12 }, () => load));

describe('lookBack', () => {
  const choice = { from: 0, until: 3 * hour, fixedStart: 3 * hour };

  it('tells what a run met, the best there was, and what 02:00 would have met', () => {
    const run = { startedAt: hour / 2, finishedAt: 1.5 * hour, choice };
    expect(lookBack(past(night), run)).toEqual({
      load: expect.closeTo(0.45, 10) as number,
      metPeak: false,
      best: { start: 2 * hour, load: expect.closeTo(0.1, 10) as number },
      fixed: { start: 3 * hour, load: expect.closeTo(0.9, 10) as number, metPeak: true },
    });
  });

  it('weighs parts of steps by their length, and short runs as well', () => {
    const run = { startedAt: 2 * hour - 60_000, finishedAt: 2 * hour + 180_000 };
    expect(lookBack(past(night), run)?.load).toBeCloseTo(0.25 * 0.5 + 0.75 * 0.1, 10);
    const moment = { startedAt: 2 * hour + 1000, finishedAt: 2 * hour + 1000 };
    expect(lookBack(past(night), moment)?.load).toBeCloseTo(0.1, 6);
  });

  it('weighs processors and memory as the planner does', () => {
    const run = { startedAt: 0, finishedAt: hour };
    expect(lookBack(past(night, { memory: 0.2 }), run)?.load).toBeCloseTo(0.7 * 0.4 + 0.3 * 0.2, 10);
    expect(lookBack(past(night, { memory: 0.95 }), run)?.metPeak).toBe(true);
    expect(lookBack(past(night, { disk: 0.85 }), run)?.metPeak).toBe(true);
  });

  it('says nothing of what is not known', () => {
    const gap = night.map((load, index) => (index === 30 ? NaN : load));
    expect(lookBack(past(gap), { startedAt: 2 * hour, finishedAt: 3 * hour })).toBeUndefined();
    expect(lookBack(past([]), { startedAt: 0, finishedAt: hour })).toBeUndefined();
    expect(lookBack(past(night), { startedAt: 3.5 * hour, finishedAt: 4.5 * hour })).toBeUndefined();
    // The window is not over yet: the best so far, and nothing about a later fixed time.
    const run = { startedAt: 0, finishedAt: hour, choice };
    expect(lookBack(past(night.slice(0, 24)), run)).toEqual({
      load: expect.closeTo(0.4, 10) as number,
      metPeak: false,
      best: { start: 0, load: expect.closeTo(0.4, 10) as number },
    });
  });

  it('never finds a best that is worse than what was met, nor than any start there was', () => {
    const loads = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 24, maxLength: 48 });
    fc.assert(
      fc.property(loads, fc.nat(11), fc.integer({ min: 1, max: 12 }), (cpus, start, length) => {
        const startedAt = start * step + 100_000;
        const finishedAt = startedAt + length * step;
        const known = past(cpus);
        const found = lookBack(known, { startedAt, finishedAt, choice: { ...choice, until: 11 * step } });
        const best = found?.best?.load ?? NaN;
        expect(best).toBeLessThanOrEqual((found?.load ?? NaN) + 1e-12);
        for (let from = 0; from <= 11; from += 1) {
          const there = known.mean(from * step, (from + length) * step);
          expect(best).toBeLessThanOrEqual(there + 1e-12);
        }
      }),
    );
  });
});
