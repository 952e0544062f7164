import { describe, expect, it } from 'vitest';
import {
  EventLog,
  eventBodies,
  finished,
  metricsSample,
  noon,
  scrape,
  service,
  shown,
  totals,
} from '../../../test/golden/metrics-sample.ts';
import type { ShownSchedule } from './from-state.ts';

const golden = (name: string): string => new URL(`../../../test/golden/${name}`, import.meta.url).pathname;

describe('the metrics page', () => {
  it.each([
    ['text', 'metrics.txt'],
    ['openmetrics', 'metrics.openmetrics.txt'],
  ] as const)('as %s is what test/golden/%s shows', async (format, file) => {
    const page = await service().pages(format);
    await expect(page.body.toString()).toMatchFileSnapshot(golden(file));
  });

  it('reads as text the same before and after it was read as OpenMetrics', async () => {
    const one = service();
    const before = (await one.pages('text')).body.toString();
    await one.pages('openmetrics');
    expect((await one.pages('text')).body.toString()).toBe(before);
  });

  it('tells of a pool’s schedule when any host of the pool has made a backup of it last', async () => {
    const of = (id: string, completedInPoolAt?: number): ShownSchedule => ({
      ...{ id, type: 'files', intervalSeconds: 60, maxDelayMs: 0, isPaused: false, expectedSeconds: 1 },
      ...(completedInPoolAt !== undefined && { completedInPoolAt }),
    });
    const page = await scrape(
      service({
        schedules: () => [of('by-another', 5000), of('by-this', 5000), of('own'), of('by-nobody')],
        catalog: {
          totals: () =>
            Promise.resolve({
              ...totals,
              lastSuccessBySchedule: { 'by-another': 2000, 'by-this': 7000, own: 3000 },
            }),
          eventsAfter: new EventLog().eventsAfter,
        },
      }),
    );
    const at = (id: string): number | undefined =>
      page.get(`backup_last_success_timestamp_seconds{schedule="${id}"}`);
    expect(['by-another', 'by-this', 'own', 'by-nobody'].map(at)).toEqual([5, 7, 3, undefined]);
  });

  it('gives both formats the same series and values', async () => {
    const one = service();
    const text = await scrape(one);
    const open = await scrape(one, 'openmetrics');
    expect([...open.values()]).toEqual([...text.values()]);
  });

  it('is the same whether the events were seen one by one, at once, or again after a restart', async () => {
    const log = new EventLog();
    const catalog = { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter };
    const following = service({ catalog });
    for (const body of eventBodies) {
      await following.pages('text');
      log.append(body);
    }
    const seen = await scrape(following);
    expect(seen).toEqual(await scrape(following));
    expect(seen).toEqual(await scrape(service({ catalog })));
    expect(seen).toEqual(await scrape(service()));
  });

  it('counts each event once when pages of both formats are made at the same time', async () => {
    const one = service();
    const pages = await Promise.all([scrape(one), scrape(one, 'openmetrics'), scrape(one)]);
    for (const page of pages) expect(page.get('backup_total{type="database",status="completed"}')).toBe(1);
  });

  it.each([0, 249, 250, 251, 1000])('reads a log of %i events to its end', async (count) => {
    const log = new EventLog(Array.from({ length: count }, () => finished));
    const page = await scrape(
      service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter } }),
    );
    expect(page.get('backup_total{type="database",status="completed"}')).toBe(count);
    expect(page.get('backup_duration_seconds_count{type="database",status="completed"}')).toBe(count);
  });

  it('counts as skipped what has waited to its end, and not what nobody was there for', async () => {
    const missed = { name: 'run:missed', schedule: 'etc', dueAt: noon, occurrences: 2 } as const;
    const log = new EventLog([
      { ...missed, reason: 'cpu' },
      { ...missed, reason: 'absent' },
    ]);
    const page = await scrape(
      service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter } }),
    );
    expect(page.get('backup_missed_total{schedule="etc"}')).toBe(4);
    expect(page.get('backup_skipped_total{schedule="etc",reason="cpu"}')).toBe(1);
    expect([...page.keys()].filter((name) => name.includes('absent'))).toEqual([]);
  });

  it('counts an event once even if it is given again', async () => {
    const log = new EventLog(Array.from({ length: 300 }, () => finished));
    const eventsAfter: typeof log.eventsAfter = (sequence, limit) =>
      log.eventsAfter(Math.max(0, sequence - 10), limit);
    const one = service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter } });
    await scrape(one);
    expect((await scrape(one)).get('backup_total{type="database",status="completed"}')).toBe(300);
  });

  it('lets the event loop have its turn between batches', async () => {
    const log = new EventLog(Array.from({ length: 5000 }, () => finished));
    let turn = 0;
    const turning = setInterval(() => (turn += 1), 0);
    const turnOfRead: number[] = [];
    const eventsAfter: typeof log.eventsAfter = (sequence, limit) => {
      turnOfRead.push(turn);
      const until = performance.now() + 3;
      while (performance.now() < until);
      return log.eventsAfter(sequence, limit);
    };
    await service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter } }).catchUp();
    clearInterval(turning);
    expect(turnOfRead).toHaveLength(21);
    expect(turnOfRead).toEqual([...new Set(turnOfRead)]);
  });

  it('shows a schedule, type and provider that come by a reload, and keeps what was counted', async () => {
    let schedules = metricsSample().schedules();
    let stores = metricsSample().stores();
    const one = service({ schedules: () => schedules, stores: () => stores });
    expect((await scrape(one)).get('backup_missed_total{schedule="late"}')).toBeUndefined();
    schedules = [...schedules, shown('late', 'command')];
    stores = [...stores, { id: 'far', provider: 'gcs' }];
    const page = await scrape(one);
    expect(page.get('backup_missed_total{schedule="late"}')).toBe(0);
    expect(page.get('backup_total{type="command",status="failed"}')).toBe(0);
    expect(page.get('backup_duration_seconds_count{type="command",status="failed"}')).toBe(0);
    expect(page.get('backup_upload_time_seconds_count{cloud_provider="gcs"}')).toBe(0);
    expect(page.get('backup_duration_seconds_count{type="database",status="completed"}')).toBe(1);
  });

  it('no longer has among its gauges what is gone: schedules, stores, keys, and what they had', async () => {
    let now = noon;
    let sample = metricsSample();
    const one = service({
      now: () => now,
      schedules: () => sample.schedules(),
      stores: () => sample.stores(),
      keys: () => sample.keys(),
    });
    const gaugesOf = (page: ReadonlyMap<string, number>): string[] =>
      [...page.keys()].filter((series) =>
        /^backup_(last|next|schedule|expected|running|run_(started|load)|start|key_created|store_up)/.test(
          series,
        ),
      );
    expect(gaugesOf(await scrape(one))).toHaveLength(17);
    now += 60_000;
    sample = metricsSample({ schedules: () => [], stores: () => [], keys: () => Promise.resolve([]) });
    expect(gaugesOf(await scrape(one))).toEqual([]);
  });

  it('counts a duration that a stepping clock made negative as none at all', async () => {
    const log = new EventLog([
      { ...finished, durationSeconds: -30 },
      { name: 'run:started', runId: 'r', schedule: 'db-prod', dueAt: noon + 5000 },
    ]);
    const page = await scrape(
      service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter } }),
    );
    expect(page.get('backup_duration_seconds_sum{type="database",status="completed"}')).toBe(0);
    expect(page.get('backup_duration_seconds_count{type="database",status="completed"}')).toBe(1);
    expect(page.get('backup_start_delay_seconds{schedule="db-prod"}')).toBe(0);
  });

  it('keeps the delay of the last scheduled run while runs are begun by hand', async () => {
    const page = await scrape(service());
    expect(page.get('backup_start_delay_seconds{schedule="db-prod"}')).toBe(90);
  });

  it('tells when a run failed last and since when one goes on, of configured schedules alone', async () => {
    const log = new EventLog([
      { name: 'run:started', runId: 'a', schedule: 'db-prod' },
      { ...finished, runId: 'a', status: 'interrupted' },
      { name: 'run:started', runId: 'b', schedule: 'db-prod' },
      { name: 'run:started', runId: 'c', schedule: 'gone' },
      { name: 'run:started', runId: 'd', schedule: 'etc' },
      // The end of an earlier one, told late.
      { ...finished, runId: 'older', schedule: 'etc', status: 'failed' },
    ]);
    const one = service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter } });
    const of = (page: ReadonlyMap<string, number>, name: string): unknown[] =>
      [...page].filter(([series]) => series.startsWith(name));
    const page = await scrape(one);
    expect(of(page, 'backup_last_failure_timestamp_seconds')).toEqual([
      ['backup_last_failure_timestamp_seconds{schedule="db-prod"}', noon / 1000],
      ['backup_last_failure_timestamp_seconds{schedule="etc"}', noon / 1000],
    ]);
    expect(of(page, 'backup_run_started_timestamp_seconds')).toEqual([
      ['backup_run_started_timestamp_seconds{schedule="db-prod"}', noon / 1000],
      ['backup_run_started_timestamp_seconds{schedule="etc"}', noon / 1000],
    ]);
    log.append({ ...finished, runId: 'b', status: 'cancelled' });
    log.append({ ...finished, runId: 'd', schedule: 'etc', status: 'completed' });
    expect(of(await scrape(one), 'backup_run_started_timestamp_seconds')).toEqual([]);
  });

  it('tells how the latest rotation stands, and nothing before the first', async () => {
    const log = new EventLog();
    const one = service({ catalog: { totals: () => Promise.resolve(totals), eventsAfter: log.eventsAfter } });
    const statuses = async (): Promise<unknown[]> =>
      [...(await scrape(one))].filter(([series]) => series.startsWith('backup_key_rotation_status'));
    expect(await statuses()).toEqual([]);
    log.append({ name: 'rotation:started', rotationId: 'o1', mode: 'rewrap', trigger: 'manual' });
    expect(await statuses()).toContainEqual(['backup_key_rotation_status{status="running"}', 1]);
    const end = { mode: 'rewrap', done: 0, skipped: 0, failed: 0 } as const;
    log.append({ name: 'rotation:finished', rotationId: 'o1', status: 'interrupted', ...end });
    expect(await statuses()).toEqual(
      ['running', 'completed', 'failed', 'cancelled', 'interrupted'].map((status) => [
        `backup_key_rotation_status{status="${status}"}`,
        status === 'interrupted' ? 1 : 0,
      ]),
    );
  });

  it('tells of no limit to the age of a key where there is none', async () => {
    expect((await scrape(service())).get('backup_key_max_age_seconds')).toBe(180 * 86_400);
    const page = await scrape(service({ maxKeyAgeSeconds: () => undefined }));
    expect(page.has('backup_key_max_age_seconds')).toBe(false);
  });

  it('is made for schedules and stores whatever they are called', async () => {
    const page = await scrape(
      service({
        schedules: () => [shown('constructor', 'files')],
        stores: () => [{ id: '__proto__', provider: 'local' }],
      }),
    );
    expect(page.get('backup_running{schedule="constructor"}')).toBe(0);
    expect(page.has('backup_last_success_timestamp_seconds{schedule="constructor"}')).toBe(false);
    expect(page.get('backup_store_bytes{store="__proto__"}')).toBe(0);
  });

  it('asks the keystore once in ten seconds, also when the clock was set back', async () => {
    let now = noon;
    let asked = 0;
    const one = service({
      now: () => now,
      keys: () => {
        asked += 1;
        return Promise.resolve([]);
      },
    });
    for (const at of [noon, noon + 9999, noon + 10_000, noon + 19_999, noon - 60_000]) {
      now = at;
      await one.pages('text');
    }
    expect(asked).toBe(3);
  });

  it('of more than 10,000 series is given again for a second', async () => {
    let now = noon;
    let pagesMade = 0;
    const many = Array.from({ length: 4000 }, (_, index) => ({
      ...shown(`s${index}`, 'files'),
      nextRunAt: noon,
    }));
    const one = service({
      now: () => now,
      schedules: () => many,
      disk: () => {
        pagesMade += 1;
        return Promise.resolve({ freeBytes: 1, totalBytes: 2 });
      },
    });
    for (const at of [noon, noon + 999, noon + 1000]) {
      now = at;
      await one.pages('text');
    }
    expect(pagesMade).toBe(2);
  });
});
