import { describe, expect, it } from 'vitest';
import { dayMs } from '../schedule/zone.ts';
import { forecastLoad, type LoadForecast } from './forecast.ts';
import { Forecaster } from './forecaster.ts';
import { seriesOf, type LoadSeries } from './series.ts';

const stepMs = 300_000;
const hourMs = 3_600_000;
const now = Date.UTC(2026, 10, 24, 0, 10);

function history(days: number, until: number, loadAt: (at: number) => number): LoadSeries {
  const count = Math.round((days * dayMs) / stepMs);
  const times = Array.from({ length: count }, (_, index) => until - (count - index) * stepMs);
  return seriesOf(times, times.map(loadAt), stepMs);
}

const steady = (at: number): number => (Math.abs((at % dayMs) / hourMs - 4) < 1.5 ? 0.1 : 0.5);
/** Each day the quiet hours come twenty minutes later than the day before. */
const drifting = (at: number): number => {
  const quietest = ((at / dayMs) * hourMs) / 3;
  const from = (((at - quietest) % dayMs) + dayMs) % dayMs;
  return 0.1 + 0.8 * (Math.min(from, dayMs - from) / dayMs);
};

/** A forecast with its band worked out, to be compared. */
const told = ({ band, ...forecast }: LoadForecast): object => ({ ...forecast, ...band() });

describe('Forecaster', () => {
  it('follows what was learned where that is as good', () => {
    const { forecast, accuracy } = new Forecaster().outlook(history(40, now, steady), now, dayMs);
    expect(accuracy).toMatchObject({ champion: 'learned', days: 21 });
    expect(told(forecast)).toEqual(told(forecastLoad(history(40, now, steady), now, dayMs, 'learned')));
  });

  it("follows yesterday's curve where that has chosen better for weeks, and says so", () => {
    const { forecast, accuracy } = new Forecaster().outlook(history(60, now, drifting), now, dayMs);
    expect(accuracy.champion).toBe('yesterday');
    expect(accuracy.figures?.regret.yesterday).toBeLessThan((accuracy.figures?.regret.learned ?? 0) / 2);
    expect(forecast.basis).toBe('yesterday');
    const { low, high } = forecast.band();
    for (const step of [0, 100, 287]) {
      expect(forecast.expected[step]).toBeCloseTo(drifting(forecast.startsAt + step * stepMs - dayMs), 10);
      expect(low[step]).toBeLessThanOrEqual(forecast.expected[step] ?? 0);
      expect(high[step]).toBeGreaterThanOrEqual(forecast.expected[step] ?? 1);
    }
  });

  it('says the same after a restart as without one', () => {
    const turning = (at: number): number => (at < now - 28 * dayMs ? drifting(at) : steady(at));
    const going = new Forecaster();
    const champions = new Set<string>();
    for (let at = now - 12 * dayMs; at <= now; at += 2 * dayMs - 3 * stepMs) {
      const series = history(70, at, turning);
      const outlook = going.outlook(series, at, dayMs);
      champions.add(outlook.accuracy.champion);
      const { accuracy, forecast } = new Forecaster().outlook(series, at, dayMs);
      expect(accuracy).toEqual(outlook.accuracy);
      expect(told(forecast)).toEqual(told(outlook.forecast));
    }
    expect(champions).toEqual(new Set(['learned', 'yesterday']));
  });

  it('judges anew when the history behind a score changes', () => {
    const forecaster = new Forecaster();
    forecaster.outlook(history(60, now, steady), now, dayMs);
    expect(forecaster.outlook(history(60, now, drifting), now, dayMs).accuracy.champion).toBe('yesterday');
  });

  it('has nothing to judge by without history', () => {
    const { forecast, accuracy } = new Forecaster().outlook(seriesOf([], [], stepMs), now, dayMs);
    expect(accuracy).toEqual({ champion: 'learned', days: 0 });
    expect(forecast.basis).toBe('none');
  });
});
