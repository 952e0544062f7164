import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedDuration, expectedFrom, expectedResources, usualBand } from './learned.ts';

describe('expectedDuration', () => {
  it('is the guess until three runs have been seen', () => {
    expect(expectedDuration([], 5000)).toBe(5000);
    expect(expectedDuration([1, 2], 5000)).toBe(5000);
    expect(expectedDuration([10, 20, 30], 5000)).toBe(30);
  });

  it('is not led astray by one odd run of ten', () => {
    expect(expectedDuration([100, 101, 99, 100, 102, 98, 100, 100, 100, 9000], 1)).toBe(102);
  });

  it('is never nothing', () => {
    expect(expectedDuration([0, 0, 0], 5000)).toBe(1);
  });
});

describe('expectedResources', () => {
  const guess = { cpu: 0.25, memory: 0.1 };
  const hourMs = 3_600_000;
  const use = (cpu: number): { cpu: number; memory: number } => ({ cpu, memory: cpu / 10 });

  it('is the guess until three runs were measured, then what they took', () => {
    expect(expectedResources([use(0.9), use(0.9)], guess, hourMs)).toEqual(guess);
    const { cpu, memory } = expectedResources([use(0.5), use(0.6), use(0.4)], guess, hourMs);
    expect(cpu).toBe(0.6);
    expect(memory).toBeCloseTo(0.06, 10);
  });

  it('is that of a minute where a run takes less, and of memory what it takes', () => {
    const uses = [use(0.6), use(0.6), use(0.6)];
    expect(expectedResources(uses, guess, 6000)).toEqual({
      cpu: expect.closeTo(0.06) as number,
      memory: expect.closeTo(0.06) as number,
    });
    expect(expectedResources(uses, guess, 150).cpu).toBe(0.01);
    expect(expectedResources([], guess, 150)).toEqual(guess);
  });

  it('stays within what there is', () => {
    expect(expectedResources([use(0), use(0), use(0)], guess, hourMs)).toEqual({ cpu: 0.01, memory: 0.01 });
    expect(expectedResources([use(3), use(3), use(3)], guess, hourMs).cpu).toBe(1);
    const little = { cpu: 0.0005, memory: 0.0001 };
    expect(expectedResources([], little, hourMs)).toEqual(little);
    expect(expectedResources([use(0), use(0), use(0)], little, hourMs)).toEqual(little);
  });
});

describe('what is usual', () => {
  it('is not known before five runs', () => {
    expect(usualBand([100, 100, 100, 100], 1)).toBeUndefined();
  });

  it('reaches half as far again where all were the same, and further where they were spread', () => {
    const same = usualBand([100, 100, 100, 100, 100], 1);
    expect(same?.low).toBeCloseTo(100 / 1.5, 6);
    expect(same?.high).toBeCloseTo(150, 6);
    const spread = usualBand([50, 80, 100, 130, 200], 1);
    expect(spread?.low).toBeLessThan(30);
    expect(spread?.high).toBeGreaterThan(350);
  });

  it('is not widened by one odd run', () => {
    expect(usualBand([100, 100, 101, 99, 100, 100, 5000], 1)?.high).toBeLessThan(160);
  });

  it('makes nothing of what is too small to matter', () => {
    expect(usualBand([1, 2, 1, 9, 3], 60)).toEqual({ low: 0, high: expect.closeTo(90, 6) as number });
  });

  it('holds the median, and what is expected of runs that are alike', () => {
    const alike = fc.array(fc.double({ min: 90, max: 110, noNaN: true }), { minLength: 5, maxLength: 10 });
    fc.assert(
      fc.property(alike, (values) => {
        const band = usualBand(values, 1);
        const expected = expectedFrom(values) ?? NaN;
        expect(band?.low).toBeLessThan(expected);
        expect(band?.high).toBeGreaterThan(expected);
      }),
    );
  });
});
