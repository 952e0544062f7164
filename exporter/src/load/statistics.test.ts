import { describe, expect, it } from 'vitest';
import { loadStatistics, throughputStatistics } from './statistics.ts';

const hour = 3_600_000;
/** A Monday. */
const monday = Date.parse('2026-03-02T00:00:00Z');

describe('loadStatistics', () => {
  it('knows nothing of nothing', () => {
    expect(loadStatistics([], [], 'UTC')).toBeUndefined();
    expect(loadStatistics([monday], [NaN], 'UTC')).toBeUndefined();
  });

  it('gives the figures over what was measured', () => {
    const times = Array.from({ length: 100 }, (_, index) => monday + index * 60_000);
    const loads = times.map((_, index) => (index === 7 ? NaN : (index + 1) / 100));
    expect(loadStatistics(times, loads, 'UTC')).toMatchObject({
      samples: 99,
      minimum: 0.01,
      median: 0.51,
      p90: 0.91,
      p95: 0.96,
      p99: 1,
      maximum: 1,
      maximumAt: times[99],
    });
    expect(loadStatistics(times, loads, 'UTC')?.trend).toBeCloseTo(0.49, 1);
  });

  it('finds the quiet hours of each weekday, by the clocks of the zone', () => {
    const times = Array.from({ length: 14 * 24 }, (_, index) => monday + index * hour);
    // Quiet from two to five in Madrid, which is an hour ahead of UTC.
    const loads = times.map((at) => {
      const local = new Date(at + hour).getUTCHours();
      return local >= 2 && local < 5 ? 0.1 : 0.6;
    });
    const statistics = loadStatistics(times, loads, 'Europe/Madrid');
    expect(statistics?.quietHours.find(({ weekday }) => weekday === 3)).toEqual({
      weekday: 3,
      hours: [2, 3, 4],
    });
    expect(statistics?.busyHours.find(({ weekday }) => weekday === 3)).toEqual({
      weekday: 3,
      hours: [0, 1, 5],
    });
    expect(statistics?.profile.find(({ weekday, hour: at }) => weekday === 1 && at === 12)?.mean).toBeCloseTo(
      0.6,
    );
  });

  it('has no trend in one moment', () => {
    expect(loadStatistics([monday], [0.5], 'UTC')).toMatchObject({ samples: 1, mean: 0.5, trend: 0 });
  });
});

describe('throughputStatistics', () => {
  it('tells of each flow that was measured', () => {
    const records = [4, 1, 3, 2, NaN].map((read) => ({
      throughput: { read, written: 7, received: NaN, sent: NaN },
    }));
    expect(throughputStatistics([...records, {}])).toEqual([
      { flow: 'read', mean: 2.5, median: 2, p95: 4, maximum: 4 },
      { flow: 'written', mean: 7, median: 7, p95: 7, maximum: 7 },
    ]);
    expect(throughputStatistics([{}])).toEqual([]);
  });
});
