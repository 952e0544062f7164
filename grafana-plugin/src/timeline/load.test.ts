import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downsample } from './downsample.ts';
import { loadShape } from './load-path.ts';
import { expectedAt, measuredAt, readLoad, stretchesWithin, type ResourceLoad } from './load-series.ts';
import { timeScale } from './time-scale.ts';

const stepMs = 300_000;
const start = Date.parse('2026-03-28T00:00:00Z');
const iso = (step: number): string => new Date(start + step * stepMs).toISOString();

/** `undefined`: a step in which nothing was measured. */
function loadOf(samples: readonly (number | undefined)[], forecast: readonly number[] = []): ResourceLoad {
  const [load] = readLoad({
    host: 'db1',
    from: iso(0),
    until: iso(samples.length),
    resources: [
      {
        resource: 'cpu',
        samples: samples.flatMap((value, step) => (value === undefined ? [] : [{ at: iso(step), value }])),
        profile: [],
        quietHours: [],
        forecast: forecast.map((expected, step) => ({
          at: iso(samples.length + step),
          expected,
          low: Math.max(0, expected - 0.1),
          high: expected + 0.1,
        })),
      },
    ],
  });
  return load!;
}

const scale = timeScale({ from: start, until: start + 10 * stepMs }, 100);
const plot = { top: 0, height: 100 };
/** The points of each part of a path. */
const points = (path: string): number[][][] =>
  path
    .split('M')
    .slice(1)
    .map((part) =>
      part
        .replace(/h0|Z/, '')
        .split('L')
        .map((point) => point.split(',').map(Number)),
    );

describe('the load line', () => {
  it('is not there of what was never measured, though it is told what waits for it', () => {
    const none = { samples: [], profile: [], quietHours: [], forecast: [] };
    const waits = { avg10: 0, avg60: 0, avg300: 0 };
    const resources = [{ resource: 'cpu' as const, ...none, presentPressure: { some: waits, full: waits } }];
    expect(readLoad({ host: 'db1', from: iso(0), until: iso(1), resources })).toEqual([]);
  });

  it('is drawn from what was measured, full load at the top', () => {
    expect(loadShape(loadOf([0, 0.5, 1, 0.25]), scale, plot).measured).toBe('M0,100L10,50L20,0L30,75');
  });

  it('has a gap where nothing was measured, and a dot for a point alone', () => {
    const { measured } = loadShape(loadOf([0.1, 0.2, undefined, 0.3, undefined, 0.4, 0.5]), scale, plot);
    expect(measured).toBe('M0,90L10,80M30,70h0M50,60L60,50');
  });

  it('is filled down to no load, each stretch by itself', () => {
    const { area } = loadShape(loadOf([0.1, 0.2, undefined, 0.3, undefined, 0.4, 0.5]), scale, plot);
    expect(area).toBe('M0,100L0,90L10,80L10,100ZM50,100L50,60L60,50L60,100Z');
  });

  it('runs out of sight by one step', () => {
    const inside = timeScale({ from: start + 2.5 * stepMs, until: start + 4.5 * stepMs }, 100);
    const { measured } = loadShape(loadOf([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), inside, plot);
    expect(points(measured)[0]?.map(([x]) => x)).toEqual([-25, 25, 75, 125]);
  });

  it('is empty where nothing is known', () => {
    const [none, noSteps] = [new Float64Array(), { times: new Float64Array(), stepMs }];
    const measured = { ...noSteps, values: none };
    const forecast = { ...noSteps, expected: none, low: none, high: none };
    expect(loadShape({ resource: 'cpu', measured, forecast }, scale, plot)).toEqual({
      resource: 'cpu',
      measured: '',
      area: '',
      expected: '',
      band: '',
    });
  });

  it('never leaves the plot, whatever the forecast says', () => {
    const { band } = loadShape(loadOf([0.5], [0.97, 1, 0.02]), scale, plot);
    for (const [, y] of points(band).flat()) {
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(100);
    }
  });
});

describe('the forecast', () => {
  it('is a closed band around the expected line: out along the high side, back along the low one', () => {
    const shape = loadShape(loadOf([0.5, 0.5], [0.5, 0.2]), scale, plot);
    expect(shape.expected).toBe('M20,50L30,80');
    expect(shape.band).toBe('M20,40L30,70L30,90L20,60Z');
  });
});

describe('downsampling', () => {
  const series = fc
    .array(
      fc.record({ step: fc.double({ min: 0, max: 1.5, noNaN: true }), y: fc.integer({ min: 0, max: 100 }) }),
      {
        maxLength: 300,
      },
    )
    .map((points) => {
      let x = 0;
      return {
        xs: Float64Array.from(points, ({ step }) => (x += step)),
        ys: Float64Array.from(points, ({ y }) => y),
      };
    });

  it('keeps of every pixel column the first, last, lowest and highest, and at most four', () => {
    fc.assert(
      fc.property(series, ({ xs, ys }) => {
        const kept = [...downsample(xs, ys)];
        expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
        const byColumn = (indices: number[]) => Map.groupBy(indices, (index) => Math.floor(xs[index]!));
        const all = byColumn([...xs.keys()]);
        const few = byColumn(kept);
        expect([...few.keys()]).toEqual([...all.keys()]);
        for (const [column, indices] of all) {
          const chosen = few.get(column)!;
          expect(chosen.length).toBeLessThanOrEqual(4);
          expect([chosen[0], chosen.at(-1)]).toEqual([indices[0], indices.at(-1)]);
          const values = (of: number[]) => of.map((index) => ys[index]!);
          expect(Math.max(...values(chosen))).toBe(Math.max(...values(indices)));
          expect(Math.min(...values(chosen))).toBe(Math.min(...values(indices)));
        }
      }),
    );
  });

  it('keeps a peak of one minute in a year', () => {
    const count = 100_000;
    const xs = Float64Array.from({ length: count }, (_, index) => (index / count) * 800);
    const ys = Float64Array.from({ length: count }, (_, index) => (index === 54_321 ? 1 : 0.2));
    const kept = downsample(xs, ys);
    expect(kept).toContain(54_321);
    expect(kept.length).toBeLessThanOrEqual(3200);
  });
});

describe('reading the load at a moment', () => {
  const load = loadOf([0.1, 0.2, undefined, undefined, 0.5], [0.6, 0.7]);

  it('gives the step around it, and nothing in a gap or beyond the ends', () => {
    const at = (step: number) => measuredAt(load.measured, start + step * stepMs);
    expect([at(-1), at(0), at(1.4), at(2.6), at(4.2), at(6)]).toEqual([
      undefined,
      0.1,
      0.2,
      undefined,
      0.5,
      undefined,
    ]);
  });

  it('gives the forecast with its bounds', () => {
    expect(expectedAt(load.forecast, start + 5.5 * stepMs)).toMatchObject({ expected: 0.6, low: 0.5 });
    expect(expectedAt(load.forecast, start + 4.9 * stepMs)).toBeUndefined();
    expect(expectedAt(load.forecast, start + 8 * stepMs)).toBeUndefined();
  });

  it('cuts a series into stretches that cover what is seen of it, without a gap inside', () => {
    const sample = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    // What was never measured is not drawn.
    const measured = fc
      .array(sample, { minLength: 3, maxLength: 60 })
      .filter((samples) => samples.some((value) => value !== undefined));
    fc.assert(
      fc.property(
        measured,
        fc.integer({ min: -5, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (samples, fromStep, steps) => {
          const { times } = loadOf(samples).measured;
          const [from, until] = [start + fromStep * stepMs, start + (fromStep + steps) * stepMs];
          const stretches = stretchesWithin({ times, stepMs }, from, until);
          const covered = stretches.flatMap(({ start: first, end }) => [...times.slice(first, end)]);
          const seen = [...times].filter((time) => time >= from && time <= until);
          expect(seen.every((time) => covered.includes(time))).toBe(true);
          expect(covered.length).toBeLessThanOrEqual(seen.length + 2);
          for (const { start: first, end } of stretches) {
            expect(end).toBeGreaterThan(first);
            expect(times[end - 1]! - times[first]!).toBe((end - first - 1) * stepMs);
          }
        },
      ),
    );
  });
});
