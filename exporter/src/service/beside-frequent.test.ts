import { expect, it } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import { scheduleSchema } from '../config/schedule-schema.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { planDue } from '../schedule/plan-due.ts';
import { coarseStepMs, type LoadRecord } from '../load/load.ts';
import { Planning } from './planning.ts';
import { Scheduler } from './scheduler.ts';
import { Tide, type TideOptions } from './tide.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const evening = Date.parse('2026-03-02T20:00:00Z');

function schedule(id: string, more: object): ScheduleConfig {
  const given = { id, source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], ...more };
  const { estimated_duration = minute, ...parsed } = scheduleSchema.parse(given);
  return { ...parsed, estimated_duration, timezone: 'UTC' };
}

/** Quietest at two in the morning, 5 %, and busiest at two in the afternoon. */
const loadAt = (at: number): number => 0.3 - 0.25 * Math.cos(((at / hour - 2) / 24) * 2 * Math.PI);
const records = Array.from({ length: (21 * day) / coarseStepMs }, (_, index): LoadRecord => {
  const at = evening - 20 * day + index * coarseStepMs;
  return { at, cpu: loadAt(at), memory: 0.4, disk: NaN };
});

/** When the scheduler starts the nightly backup, by the plan that it follows. */
async function startOfNight(...schedules: readonly ScheduleConfig[]): Promise<number> {
  const settled = new Map(schedules.map(({ id }) => [id, evening]));
  const catalog: TideOptions['catalog'] = {
    load: {
      record: () => Promise.resolve(),
      records: (_, from, until) => Promise.resolve(records.filter(({ at }) => at >= from && at < until)),
    },
    hostLoads: { record: () => Promise.resolve(), records: () => Promise.resolve([]) },
    schedules: () => Promise.resolve(new Map()),
    runs: () => Promise.resolve([]),
    reviews: { uses: () => Promise.resolve([]) },
  };
  const planning = new Planning(new Tide({ catalog, timezone: 'UTC' }), {
    slots: (request) => planDue(request).slots,
  });
  const clock = new ManualClock(evening);
  const stop = new AbortController();
  const started = Promise.withResolvers<number>();
  const scheduler = new Scheduler({
    schedules,
    clock,
    plan: (due, running, now) => planning.starts(due, running, now),
    catalog: {
      schedules: () =>
        Promise.resolve(
          new Map([...settled].map(([id, settledUntil]) => [id, { paused: false, settledUntil }])),
        ),
      settleUpTo: (id, until) => {
        settled.set(id, until);
        return Promise.resolve();
      },
      recordMissed: (id, { dueAt }) => {
        settled.set(id, dueAt);
        return Promise.resolve();
      },
      append: () => Promise.resolve(undefined as never),
    },
    start: async ({ id, estimated_duration: takes }, dueAt) => {
      settled.set(id, dueAt);
      if (id === 'night') started.resolve(clock.now());
      await clock.wakeAt(clock.now() + takes, stop.signal).catch(() => undefined);
      return undefined;
    },
    onError: started.reject,
  });
  const loop = scheduler.run(stop.signal);
  let startedAt = Infinity;
  void started.promise.then((at) => (startedAt = at));
  for (let at = evening; at <= evening + 18 * hour && startedAt === Infinity; at += minute) {
    // Timers are late by a little.
    clock.set(at + 17);
    // The loop waits for nothing but the clock.
    for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  stop.abort();
  await loop;
  return startedAt;
}

const night = schedule('night', { every: '1d', window: '22:00-06:00', estimated_duration: '1h' });
const small = { estimated_duration: '1m', resources: { cpu: 0.02, memory: 0.02 } };

it.each([
  ['alone', []],
  ['beside one every 5 minutes', [schedule('often', { every: '5m', ...small })]],
  ['beside one every 15 minutes', [schedule('often', { every: '15m', ...small })]],
  ['beside one every half hour', [schedule('often', { every: '30m', ...small })]],
])('a nightly backup is started in the quiet hours, %s', async (_, others) => {
  const start = await startOfNight(night, ...others);
  expect(new Date(start).toISOString() < '2026-03-03T06:00').toBe(true);
  // At random it would meet 16 %.
  expect(loadAt(start + hour / 2)).toBeLessThan(0.13);
});

it.each([
  ['equally weighty', {}],
  ['weightier', { priority: 'critical' }],
  ['of which a run goes on as each slot begins', { estimated_duration: '270s' }],
])(
  'a backup that fills the host is started in the quiet hours beside one that comes every minute, %s',
  async (_, more) => {
    const whole = { resources: { cpu: 0.9, memory: 0.1 } };
    const often = schedule('often', { ...whole, every: '1m', max_delay: '1s', ...more });
    expect(loadAt((await startOfNight({ ...night, ...whole }, often)) + hour / 2)).toBeLessThan(0.1);
  },
);

it('a backup is started as the one before it is over, though that one began some milliseconds late', async () => {
  const long = { resources: { cpu: 0.6, memory: 0.1 }, estimated_duration: '1h', max_delay: '30m' };
  const before = schedule('before', { ...long, cron: '0 22 * * *' });
  const start = await startOfNight(before, schedule('night', { ...long, cron: '0 23 * * *' }));
  expect(new Date(start).toISOString().slice(11, 16)).toBe('23:00');
});

it('a heavy backup is not started as soon as a weightier one that comes often has begun', async () => {
  const heavy = { estimated_duration: '72m', resources: { cpu: 0.27, memory: 0.1 }, priority: 'high' };
  const night = schedule('night', { ...heavy, every: '1d', window: '22:30-06:00' });
  const frequent = { estimated_duration: '6m', resources: { cpu: 0.08, memory: 0.11 }, priority: 'critical' };
  const often = schedule('often', { ...frequent, cron: '10,30,50 * * * *', max_delay: '1s' });
  expect(loadAt((await startOfNight(night, often)) + 36 * minute)).toBeLessThan(0.1);
});

it('a weightier backup is started as planned, though a lighter one that has to be skipped for it may start before', async () => {
  const heavy = { estimated_duration: '1h', resources: { cpu: 0.6, memory: 0.1 }, max_delay: '5m' };
  const weighty = schedule('night', { ...heavy, every: '1d', window: '22:30-22:40', priority: 'high' });
  const light = schedule('light', { ...heavy, every: '1d', window: '22:00-22:40', on_deadline: 'skip' });
  const start = new Date(await startOfNight(weighty, light)).toISOString();
  expect(start >= '2026-03-02T22:30' && start < '2026-03-02T22:46').toBe(true);
});
