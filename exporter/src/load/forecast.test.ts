import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayMs, zoneOf } from '../schedule/zone.ts';
import { forecastLoad as forecastBy, type LoadForecast } from './forecast.ts';
import { seriesOf, type LoadSeries } from './series.ts';

const stepMs = 300_000;
const hourMs = 3_600_000;
const stepsPerHour = hourMs / stepMs;
const now = Date.UTC(2026, 10, 24);

/** History up to now, one value for each step, as the load of `at`. */
function history(days: number, loadAt: (at: number) => number, timezone = 'UTC'): LoadSeries {
  const count = Math.round((days * dayMs) / stepMs);
  const times = Array.from({ length: count }, (_, index) => now - (count - index) * stepMs);
  return seriesOf(times, times.map(loadAt), stepMs, timezone);
}

const forecastLoad = (series: LoadSeries, at: number, horizonMs: number): LoadForecast =>
  forecastBy(series, at, horizonMs, 'learned');

/** A forecast with its band worked out, to be compared. */
const told = ({ band, ...forecast }: LoadForecast): object => ({ ...forecast, ...band() });

const hourOf = (at: number): number => (at % dayMs) / hourMs;
const nightly = (at: number): number => (hourOf(at) >= 2 && hourOf(at) < 4 ? 0.8 : 0.2);
const weekdayOf = (at: number): number => (Math.floor(at / dayMs) + 4) % 7;

function valueAt({ startsAt, expected }: LoadForecast, at: number): number {
  return expected[Math.floor((at - startsAt) / stepMs)] ?? NaN;
}

describe('forecastLoad', () => {
  it('expects at a time of day what came at that time before', () => {
    const forecast = forecastLoad(history(30, nightly), now, 2 * dayMs);
    expect(forecast.expected).toHaveLength(576);
    expect(forecast.basis).toBe('weeks');
    for (const hour of [1, 5, 12, 25, 30]) expect(valueAt(forecast, now + hour * hourMs)).toBeCloseTo(0.2, 2);
    for (const hour of [3, 27]) expect(valueAt(forecast, now + hour * hourMs)).toBeCloseTo(0.8, 2);
  });

  it('tells a weekday apart where it is always different', () => {
    // 2026-11-24 is a Tuesday.
    const busyTuesdays = history(70, (at) => (weekdayOf(at) === 2 ? 0.9 : 0.1));
    const forecast = forecastLoad(busyTuesdays, now, 2 * dayMs);
    expect(valueAt(forecast, now + 12 * hourMs)).toBeGreaterThan(0.6);
    expect(valueAt(forecast, now + 36 * hourMs)).toBeLessThan(0.3);
  });

  it('follows a host whose load has changed for good', () => {
    const forecast = forecastLoad(
      history(60, (at) => (at < now - 20 * dayMs ? 0.7 : 0.1)),
      now,
      dayMs,
    );
    expect(valueAt(forecast, now + 12 * hourMs)).toBeLessThan(0.3);
  });

  it('is not led astray by a single day that stands out', () => {
    const once = (at: number): number => (now - at > 5 * dayMs && now - at < 6 * dayMs ? 1 : 0.1);
    const forecast = forecastLoad(history(40, once), now, dayMs);
    // The plain weighted mean would be above 0.14.
    expect(Math.max(...forecast.expected)).toBeLessThan(0.14);
  });

  it('knows the minutes at which something runs every hour, for however short a time it looks ahead', () => {
    // From ten past to twenty past, busiest by day.
    const atTenPast = (at: number): boolean => at % hourMs >= 2 * stepMs && at % hourMs < 4 * stepMs;
    const hourly = (at: number): number => 0.2 + (atTenPast(at) ? 0.4 : 0) + 0.01 * hourOf(at);
    for (const hours of [2, 48]) {
      const forecast = forecastLoad(history(30, hourly), now, hours * hourMs);
      expect(forecast.expected).toHaveLength(hours * stepsPerHour);
      for (let at = now + hourMs; at < now + 2 * hourMs - 6 * stepMs; at += stepMs) {
        expect(valueAt(forecast, at)).toBeCloseTo(hourly(at), 2);
      }
    }
  });

  it('carries on a load that is unusual now, less and less', () => {
    const busyNow = (at: number): number => (now - at <= hourMs ? 0.9 : 0.2);
    const forecast = forecastLoad(history(30, busyNow), now, dayMs);
    const course = [0.25, 2, 6, 20].map((hours) => valueAt(forecast, now + hours * hourMs));
    expect(course[0]).toBeGreaterThan(0.75);
    for (const [index, load] of course.slice(1).entries()) expect(load).toBeLessThan(course[index] ?? 0);
    expect(course.at(-1)).toBeLessThan(0.26);
  });

  it('does not take a shock for noise, which is gone at once', () => {
    const noise = (at: number): number => 0.15 + 0.03 * Math.sin(1e4 * Math.sin(at / stepMs));
    const shocked = history(21, (at) => (now - at <= hourMs ? 0.95 : noise(at)));
    const forecast = forecastLoad(shocked, now, dayMs);
    expect(valueAt(forecast, now + 0.5 * hourMs)).toBeGreaterThan(0.7);
    expect(valueAt(forecast, now + 18 * hourMs)).toBeLessThan(0.25);
    // Of an excess no larger than the noise it is known that it does not last.
    const usual = forecastLoad(
      history(21, (at) => (now - at <= hourMs ? 0.18 : noise(at))),
      now,
      dayMs,
    );
    expect(valueAt(usual, now + 0.5 * hourMs)).toBeLessThan(0.165);
  });

  it('has learned how long an excess lasts on this host', () => {
    // Bursts begin at any hour, so that no time of day tells when they end; one began half an hour ago.
    const burst = (lastsHours: number) => (at: number) => {
      const sinceHours = (now - 0.5 * hourMs - at) / hourMs;
      const cycle = 29;
      const inCycle = ((-sinceHours % cycle) + cycle) % cycle;
      return inCycle < lastsHours ? 0.9 : 0.1;
    };
    const later = (lastsHours: number): number =>
      valueAt(forecastLoad(history(60, burst(lastsHours)), now, dayMs), now + 3 * hourMs);
    expect(later(1)).toBeLessThan(0.3);
    expect(later(9)).toBeGreaterThan(0.5);
  });

  it.each([
    ['no history at all', seriesOf([], [], stepMs), 'none', 0.5],
    ['nothing but gaps', history(20, () => NaN), 'none', 0.5],
    ['one hour', history(1 / 24, () => 0.4), 'level', 0.4],
    ['three days', history(3, () => 0.4), 'days', 0.4],
    ['a constant', history(40, () => 0.4), 'weeks', 0.4],
    ['a host that is always full', history(40, () => 1), 'weeks', 1],
    ['a host that does nothing', history(40, () => 0), 'weeks', 0],
  ] as const)('says what it rests on: %s', (_, series, basis, level) => {
    const forecast = forecastLoad(series, now, 2 * dayMs);
    expect(forecast.basis).toBe(basis);
    for (const load of forecast.expected) expect(load).toBeCloseTo(level, 6);
    const { low, high } = forecast.band();
    const width = Math.max(...high) - Math.min(...low);
    if (basis === 'none' || basis === 'level') expect(width).toBe(1);
  });

  it('does not look at what comes from now on', () => {
    const known = history(30, nightly);
    const peeking = {
      ...known,
      values: known.values.map((value, step) => (step * stepMs + known.startsAt < now ? value : 1)),
    };
    expect(told(forecastLoad(peeking, now, dayMs))).toEqual(told(forecastLoad(known, now, dayMs)));
  });

  it('begins with the step that holds now, also amid one', () => {
    const forecast = forecastLoad(history(20, nightly), now + 100_000, hourMs);
    expect(forecast.startsAt).toBe(now);
    expect(forecast.expected).toHaveLength(13);
  });

  it('keeps to the clock on the wall when that is set', () => {
    // Clocks in Madrid went back on 2026-10-25: half past two UTC is what half past two by the clock was an hour before.
    const zone = zoneOf('Europe/Madrid');
    const change = Date.UTC(2026, 9, 25, 1);
    const byClock = (at: number): number => nightly(zone.localAt(at));
    const count = (30 * dayMs) / stepMs;
    const times = Array.from({ length: count }, (_, index) => change + 4 * dayMs - (count - index) * stepMs);
    const series = seriesOf(times, times.map(byClock), stepMs, 'Europe/Madrid');
    const after = forecastLoad(series, change + 4 * dayMs, dayMs);
    for (let step = 0; step < 288; step += 6) {
      const at = after.startsAt + step * stepMs;
      const isEdge = [1.8, 2, 3.8, 4].some((hour) => Math.abs(hourOf(zone.localAt(at)) - hour) < 0.4);
      if (!isEdge) expect(after.expected[step]).toBeCloseTo(byClock(at), 1);
    }
  });

  it.each([
    ['forward', Date.UTC(2026, 2, 29, 1)],
    ['back', Date.UTC(2026, 9, 25, 1)],
  ])('goes on over the hour in which clocks go %s', (_, change) => {
    for (const minutes of [-125, -60, -35, -5, 0, 25, 55, 60]) {
      const at = change + minutes * 60_000;
      const times = Array.from({ length: 20 * 288 }, (_, index) => at - (index + 1) * stepMs);
      const series = seriesOf(
        times,
        times.map(() => 0.3),
        stepMs,
        'Europe/Madrid',
      );
      const forecast = forecastLoad(series, at, 2 * dayMs);
      expect(forecast.startsAt).toBe(at);
      expect(forecast.expected).toHaveLength(576);
      for (const load of forecast.expected) expect(load).toBeCloseTo(0.3, 6);
    }
  });

  it('is a number between 0 and 1, inside its band, whatever the history', () => {
    const anyLoad = fc.oneof(
      { weight: 6, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
      fc.constantFrom(NaN, Infinity, -Infinity, -5, 7, 1e300),
    );
    fc.assert(
      fc.property(
        fc.array(anyLoad, { minLength: 1, maxLength: 50 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 25 * 288 }),
        fc.integer({ min: -400, max: 400 }),
        (loads, gaps, count, shift) => {
          const times: number[] = [];
          const values: number[] = [];
          for (let index = 0; index < count; index += 1) {
            if (gaps[index % gaps.length] === 0) continue;
            times.push(now - (count - index + shift) * stepMs);
            values.push((loads[(index * 7) % loads.length] ?? 0) * (index % 288 < 100 ? 1 : 0.3));
          }
          const forecast = forecastLoad(seriesOf(times, values, stepMs), now, 2 * dayMs);
          expect(forecast.expected).toHaveLength(576);
          const band = forecast.band();
          expect([band.low.length, band.high.length]).toEqual([576, 576]);
          forecast.expected.forEach((load, step) => {
            const low = band.low[step] ?? NaN;
            const high = band.high[step] ?? NaN;
            if (!(low >= 0 && low <= load && load <= high && high <= 1)) {
              throw new Error(`step ${step}: ${low} ${load} ${high}`);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has eight of ten values in its band', () => {
    // Noise that no forecast can know, the same in each run of this test.
    const noise = (at: number): number => {
      const mixed = Math.imul((at / stepMs) ^ ((at / stepMs) >>> 7), 0x9e3779b1) >>> 0;
      return 0.2 + 0.5 * (mixed / 2 ** 32);
    };
    const { low, high } = forecastLoad(history(40, noise), now, 2 * dayMs).band();
    const counts = { below: 0, above: 0 };
    // From six hours ahead on: by then the present says nothing any more.
    for (let step = 72; step < 576; step += 1) {
      const load = noise(now + step * stepMs);
      if (load < (low[step] ?? NaN)) counts.below += 1;
      if (load > (high[step] ?? NaN)) counts.above += 1;
    }
    for (const share of [counts.below / 504, counts.above / 504]) {
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.15);
    }
  });

  it('takes a few milliseconds with 92 days of history', () => {
    const long = history(92, (at) => 0.5 + 0.4 * Math.sin(at / 7e6));
    forecastLoad(long, now, 2 * dayMs);
    const began = performance.now();
    for (let round = 0; round < 10; round += 1) forecastLoad(long, now, 2 * dayMs);
    // Some 3 ms alone on a core: the bound is for a change of kind, not of degree.
    expect((performance.now() - began) / 10).toBeLessThan(50);
  });
});
