import { describe, expect, it } from 'vitest';
import {
  EventLog,
  eventBodies,
  finished,
  scrape,
  service,
  totals,
} from '../../../test/golden/metrics-sample.ts';
import type { EventBody } from '../events/events.ts';
import type { ServiceMetricsOptions } from './metrics.ts';

describe('a part of the page that fails', () => {
  const broken = (): never => {
    throw new Error('broken');
  };
  const gauges = {
    keys: ['backup_key_created_timestamp_seconds', 'backup_key_max_age_seconds'],
    catalog: [
      'backup_success_rate',
      'backup_total_size_bytes',
      'backup_last_success_timestamp_seconds',
      'backup_running',
      'backup_store_bytes',
      'backup_key_backups',
      'backup_key_copies',
      'backup_key_bytes',
      'backup_key_rotation_progress_ratio',
    ],
    disk: ['backup_disk_usage_percent', 'backup_disk_free_bytes'],
    load: [
      'backup_load_ratio',
      'backup_load_pressure_ratio',
      'backup_load_throughput_bytes_per_second',
      'backup_load_forecast_ratio',
      'backup_load_forecast_regret_ratio',
      'backup_load_forecast_error_ratio',
      'backup_load_forecast_champion',
    ],
    reviews: ['backup_run_load_ratio', 'backup_best_load_ratio', 'backup_fixed_load_ratio'],
    health: ['backup_health_status'],
  };
  const faults: Readonly<Record<keyof typeof gauges, Partial<ServiceMetricsOptions>>> = {
    keys: { keys: broken },
    catalog: { catalog: { totals: broken, eventsAfter: new EventLog(eventBodies).eventsAfter } },
    disk: { disk: () => Promise.reject(new Error('broken')) },
    load: { load: broken },
    reviews: { runLoads: broken },
    health: { health: broken },
  };

  it.each(Object.keys(gauges) as (keyof typeof gauges)[])(
    'takes its own metrics away and no others: %s',
    async (name) => {
      const told: string[] = [];
      const whole = await scrape(service());
      const page = await scrape(service({ ...faults[name], onFailure: (what) => told.push(what) }));
      const names = gauges[name];
      const isLost = (series: string): boolean => names.some((gauge) => series.split('{')[0] === gauge);
      const success = `lowtide_collector_success{collector="${name}"}`;
      expect(page.get(success)).toBe(0);
      const kept = [...whole].filter(([series]) => !isLost(series) && series !== success);
      const isOfNewKey = (series: string): boolean =>
        /^backup_key_(backups|copies|bytes)\{key_id="key-0000000000bb"\}$/.test(series);
      expect([...page].filter(([series]) => series !== success)).toEqual(
        name === 'keys' ? kept.filter(([series]) => !isOfNewKey(series)) : kept,
      );
      expect([...whole.keys()].filter(isLost).length).toBeGreaterThan(0);
      expect(told).toEqual([name]);
    },
  );

  it('comes back whole, is reported once in a row of failures, and again when it fails anew', async () => {
    let fails = true;
    const told: string[] = [];
    const one = service({
      disk: () =>
        fails ? Promise.reject(new Error('gone')) : Promise.resolve({ freeBytes: 1, totalBytes: 4 }),
      onFailure: (what) => told.push(what),
    });
    await one.pages('text');
    expect((await scrape(one)).has('backup_disk_usage_percent')).toBe(false);
    fails = false;
    expect((await scrape(one)).get('backup_disk_usage_percent')).toBe(75);
    expect(told).toEqual(['disk']);
    fails = true;
    expect((await scrape(one)).has('backup_disk_free_bytes')).toBe(false);
    expect(told).toEqual(['disk', 'disk']);
  });

  it('holds the page up no longer than its deadline, and is not asked again while it hangs', async () => {
    let asked = 0;
    const hanging = Promise.withResolvers<never>();
    const told: string[] = [];
    const one = service({
      deadlineMs: 5,
      disk: () => {
        asked += 1;
        return hanging.promise;
      },
      onFailure: (what) => told.push(what),
    });
    for (let scrapes = 0; scrapes < 3; scrapes += 1) {
      const page = await scrape(one);
      expect(page.get('lowtide_collector_success{collector="disk"}')).toBe(0);
      expect(page.get('lowtide_collector_success{collector="health"}')).toBe(1);
    }
    expect([asked, told]).toEqual([1, ['disk']]);
  });

  it('leaves the counters out until the log could be read to its end once, then keeps them', async () => {
    const log = new EventLog(Array.from({ length: 1500 }, () => finished));
    let failsFrom = 1000;
    const eventsAfter: typeof log.eventsAfter = (sequence, limit) => {
      if (sequence >= failsFrom) return Promise.reject(new Error('the disk is gone'));
      return log.eventsAfter(sequence, limit);
    };
    const one = service({
      catalog: { totals: () => Promise.resolve(totals), eventsAfter },
      onFailure: () => undefined,
    });
    const series = 'backup_total{type="database",status="completed"}';
    const count = 'backup_duration_seconds_count{type="database",status="completed"}';
    expect((await scrape(one)).has(series)).toBe(false);
    expect((await scrape(one)).has(count)).toBe(false);
    expect((await scrape(one)).has('backup_encryption_time_seconds_count')).toBe(false);
    failsFrom = Infinity;
    expect((await scrape(one)).get(series)).toBe(1500);
    expect((await scrape(one)).get('backup_encryption_time_seconds_count')).toBe(0);
    log.append(finished);
    failsFrom = 0;
    const page = await scrape(one);
    expect(page.get(series)).toBe(1500);
    expect(page.get(count)).toBe(1500);
    expect(page.get('lowtide_collector_success{collector="events"}')).toBe(0);
    failsFrom = Infinity;
    expect((await scrape(one)).get(series)).toBe(1501);
  });

  it('is passed by when it is one event: the others are counted, and the fault is seen', async () => {
    const told: unknown[] = [];
    const log = new EventLog([
      finished,
      { ...finished, durationSeconds: NaN },
      { ...finished, name: 'run:teleported' } as unknown as EventBody,
      finished,
    ]);
    const one = service({
      catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter },
      onFailure: (_, error) => told.push(error),
    });
    const page = await scrape(one);
    expect(page.get('backup_total{type="database",status="completed"}')).toBe(2);
    expect(page.get('lowtide_collector_success{collector="events"}')).toBe(0);
    expect(told).toMatchObject([
      { code: 'state_invalid', message: expect.stringContaining('first is 2') as string },
    ]);
    expect((await scrape(one)).get('lowtide_collector_success{collector="events"}')).toBe(1);
  });
});
