import { describe, expect, it } from 'vitest';
import { dayMs } from '../schedule/zone.ts';
import { seriesOf, type LoadSeries } from './series.ts';

const stepMs = 300_000;
const noon = Date.UTC(2026, 9, 24, 12);

function valueAt({ startsAt, values }: LoadSeries, local: number): number {
  return values[Math.round((local - startsAt) / stepMs)] ?? NaN;
}

describe('seriesOf', () => {
  it('averages what begins in one step, whatever the order, and leaves gaps open', () => {
    const series = seriesOf([noon + 2 * stepMs, noon, noon + 60_000], [0.9, 0.2, 0.4], stepMs);
    expect(valueAt(series, noon)).toBeCloseTo(0.3);
    expect(valueAt(series, noon + stepMs)).toBeNaN();
    expect(valueAt(series, noon + 2 * stepMs)).toBeCloseTo(0.9);
  });

  it('takes what is no number for missing, and what is beyond 0 and 1 for full and idle', () => {
    const series = seriesOf([noon, noon + stepMs, noon + 2 * stepMs, NaN], [NaN, 1.7, -0.2, 0.5], stepMs);
    expect(valueAt(series, noon)).toBeNaN();
    expect(valueAt(series, noon + stepMs)).toBe(1);
    expect(valueAt(series, noon + 2 * stepMs)).toBe(0);
  });

  it('is laid out by the clock of its zone, an hour that comes twice being one', () => {
    const twice = Date.UTC(2026, 9, 25, 0, 30);
    const series = seriesOf([twice, twice + 3_600_000], [0.2, 0.6], stepMs, 'Europe/Madrid');
    expect(valueAt(series, Date.UTC(2026, 9, 25, 2, 30))).toBeCloseTo(0.4);
  });

  it('does not grow without end over a sample with a wrong time', () => {
    const series = seriesOf([0, noon], [0.5, 0.5], stepMs);
    expect(series.values.length).toBeLessThan((95 * dayMs) / stepMs);
    expect(valueAt(series, noon)).toBe(0.5);
  });
});
