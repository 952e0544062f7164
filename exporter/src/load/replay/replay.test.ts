import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScheduleConfig } from '../../config/schema.ts';
import { scheduleSchema } from '../../config/schedule-schema.ts';
import { zoneOf } from '../../schedule/zone.ts';
import type { LoadRecord } from '../load.ts';
import { replay, type Replay, type ReplayRequest, type ReplaySchedule } from './replay.ts';

const minute = 60_000;
const step = 5 * minute;
const hour = 60 * minute;
const day = 24 * hour;
const until = Date.parse('2026-03-10T00:00:00Z');
const highWater = { cpu: 0.75, memory: 0.9, disk: 0.8 };

function history(days: number, cpuAt: (at: number) => number): readonly LoadRecord[] {
  return Array.from({ length: (days * day) / step }, (_, index) => {
    const at = until - days * day + index * step;
    return { at, cpu: cpuAt(at), memory: 0.2, disk: NaN };
  }).filter(({ cpu }) => !Number.isNaN(cpu));
}

const hourOf = (at: number): number => (at % day) / hour;
/** Somebody else's batch job from two to three; quietest from half past four. */
const busyAtTwo = (at: number): number => {
  const time = hourOf(at);
  if (time >= 2 && time < 3) return 0.8;
  return time >= 4.5 && time < 5.5 ? 0.05 : 0.4;
};

interface Sample {
  readonly config?: Record<string, unknown>;
  readonly minutes?: number;
  readonly cpu?: number;
}

function nightly(id: string, { config = {}, minutes = 45, cpu = 0.1 }: Sample = {}): ReplaySchedule {
  const schedule: ScheduleConfig = {
    ...scheduleSchema.parse({
      id,
      source: { type: 'sqlite', path: '/srv/app.db' },
      every: '1d',
      window: '00:00-06:00',
      max_delay: '2h',
      stores: ['local'],
      ...config,
    }),
    timezone: 'UTC',
    estimated_duration: minutes * minute,
  };
  return { schedule, expected: { durationMs: minutes * minute, resources: { cpu, memory: 0.1 } } };
}

async function replayed(records: readonly LoadRecord[], more: Partial<ReplayRequest> = {}): Promise<Replay> {
  return await replay({
    jobs: [nightly('db')],
    records,
    from: until - 14 * day,
    until,
    timezone: 'UTC',
    highWater,
    ...more,
  });
}

describe('replay', () => {
  it('tells what Lowtide would have met, beside a fixed time, random starts and the best', async () => {
    const { total, schedules, leftOut, from } = await replayed(history(30, busyAtTwo));
    expect(total.runs).toBe(14);
    expect(from).toBe(until - 14 * day);
    expect(leftOut).toEqual({ tooEarly: 0, unknown: 0 });
    expect(total.best).toBeCloseTo(0.7 * 0.05 + 0.3 * 0.2, 6);
    expect(total.fixed).toMatchObject({ load: expect.closeTo(0.7 * 0.8 + 0.06, 6) as number, peaks: 14 });
    expect(total.fixed.gapClosed).toBeLessThan(-0.5);
    expect(total.lowtide.gapClosed).toBeGreaterThan(0.97);
    expect(total.lowtide).toMatchObject({ peaks: 0, collisions: 0, late: 0, missed: 0 });
    expect(total.random).toBeGreaterThan(total.best);
    expect(schedules).toEqual([{ schedule: 'db', ...total }]);
  });

  it.each(['5m', '15m'])(
    'keeps a nightly one in its quiet hour beside one that comes every %s',
    async (every) => {
      const often = nightly('often', { config: { every, window: undefined }, minutes: 1, cpu: 0.02 });
      const records = history(24, busyAtTwo);
      const jobs = [nightly('db'), often];
      const { schedules } = await replayed(records, { jobs, from: until - 4 * day });
      const db = schedules.find(({ schedule }) => schedule === 'db');
      expect(db?.lowtide).toMatchObject({ late: 0, missed: 0 });
      expect(db?.lowtide.gapClosed).toBeGreaterThan(0.9);
    },
  );

  it('shows where many days say more than the last', async () => {
    // Every third night is turned around: the quiet hour is the busy one.
    const odd = (at: number): number =>
      Math.floor(at / day) % 3 === 0 ? busyAtTwo(at + 2.5 * hour) : busyAtTwo(at);
    const { lowtide, yesterday } = (await replayed(history(50, odd))).total;
    expect(lowtide.load).toBeLessThan(yesterday.load);
  });

  it('counts the backups that meet each other, and those that meet a peak', async () => {
    const jobs = ['a', 'b', 'c', 'd'].map((id) => nightly(id, { minutes: 60, cpu: 0.3 }));
    const { total, schedules } = await replayed(
      history(30, (at) => (hourOf(at) < 6 ? 0.2 : 0.9)),
      { jobs },
    );
    expect(total.runs).toBe(56);
    expect(total.fixed).toMatchObject({ collisions: 56, late: 0 });
    expect(total.lowtide).toMatchObject({ collisions: 0, late: 0, missed: 0, peaks: 0 });
    expect(schedules.map(({ schedule, runs }) => [schedule, runs])).toEqual([
      ['a', 14],
      ['b', 14],
      ['c', 14],
      ['d', 14],
    ]);
  });

  it('starts at the deadline what the others leave no room for until then', async () => {
    const tight = { config: { window: '02:00-02:30', max_delay: '5m' }, minutes: 60, cpu: 0.6 };
    const jobs = [nightly('a', tight), nightly('b', tight)];
    const { total } = await replayed(
      history(20, () => 0.1),
      { jobs, from: until - 4 * day },
    );
    expect(total.runs).toBe(8);
    expect(total.lowtide).toMatchObject({ missed: 0, late: 4, collisions: 8 });
  });

  it('starts in the window what the host never has room for, and collides', async () => {
    const jobs = [nightly('db', { config: { window: '02:00-03:00', max_delay: '1h' }, cpu: 0.5 })];
    const { lowtide } = (
      await replayed(
        history(30, (at) => (hourOf(at) < 12 ? 0.9 : 0.1)),
        { jobs },
      )
    ).total;
    expect(lowtide).toMatchObject({ missed: 0, collisions: 14 });
  });

  it('tells apart what is started behind its window, where that is far quieter', async () => {
    const jobs = [nightly('db', { config: { window: '02:00-03:00', max_delay: '2h' } })];
    const { lowtide, fixed } = (
      await replayed(
        history(30, (at) => (hourOf(at) < 3.5 ? 0.8 : 0.05)),
        { jobs },
      )
    ).total;
    expect(lowtide).toMatchObject({ late: 14, missed: 0, peaks: 0 });
    expect(lowtide.gapClosed).toBeGreaterThan(1);
    expect(fixed).toMatchObject({ late: 0, peaks: 14 });
  });

  it('starts in time what a lighter one, for which there is no room, would be in the way of', async () => {
    const heavy = { minutes: 60, cpu: 0.6 };
    const light = { window: '00:00-00:40', max_delay: '1m', on_deadline: 'skip', priority: 'low' };
    const weighty = { window: '00:30-00:40', max_delay: '5m', priority: 'high' };
    const jobs = [
      nightly('light', { ...heavy, config: light }),
      nightly('weighty', { ...heavy, config: weighty }),
    ];
    const { schedules } = await replayed(
      history(30, () => 0.2),
      { jobs },
    );
    const found = schedules.find(({ schedule }) => schedule === 'weighty');
    expect(found?.lowtide).toMatchObject({ late: 0, missed: 0 });
  });

  it('misses what is due while the run before goes on', async () => {
    const long = nightly('long', {
      config: { every: '6h', window: undefined, max_delay: '30m' },
      minutes: 500,
    });
    const { total } = await replayed(history(30, busyAtTwo), { jobs: [long] });
    expect(total.lowtide.missed).toBeGreaterThan(20);
    expect(total.lowtide.missed).toBeLessThan(total.runs);
    expect(total.fixed.missed).toBeGreaterThan(20);
    expect(total.fixed.missed).toBeLessThan(total.runs);
  });

  it('starts what is due several times within five minutes each time', async () => {
    const config = { every: '1m', window: undefined, max_delay: '30s' };
    const often = nightly('often', { config, minutes: 0.5, cpu: 0.01 });
    const request = { jobs: [often, nightly('db')], from: until - 2 * day };
    const { total, schedules } = await replayed(history(10, busyAtTwo), request);
    expect(schedules.map(({ schedule, runs }) => [schedule, runs])).toEqual([
      ['often', 2 * 24 * 60],
      ['db', 2],
    ]);
    expect(total.lowtide).toMatchObject({ missed: 0, collisions: 0, late: 0 });
    expect(schedules.find(({ schedule }) => schedule === 'db')?.lowtide.gapClosed).toBeGreaterThan(0.97);
    // Of three that take half a minute more, the second begins at its deadline, and the third is missed.
    const longer = { jobs: [nightly('often', { config, minutes: 1.5, cpu: 0.01 })], from: until - day };
    const { lowtide, runs } = (await replayed(history(10, busyAtTwo), longer)).total;
    expect(lowtide.missed / runs).toBeCloseTo(1 / 3, 2);
  });

  it('tells how far it has come, and stops where that is answered with an error', async () => {
    const told: number[] = [];
    const onStep = (done: number): Promise<void> => Promise.resolve(void told.push(done));
    const from = until - 3 * day;
    const all = await replayed(history(10, busyAtTwo), { from, onStep });
    expect(all).toEqual(await replayed(history(10, busyAtTwo), { from }));
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.length).toBeGreaterThan(100);
    expect(told[0]).toBeLessThan(0.01);
    expect(told.at(-1)).toBeGreaterThan(0.9);
    const refusing = { from, onStep: () => Promise.reject(new Error('stop')) };
    await expect(replayed(history(10, busyAtTwo), refusing)).rejects.toThrow('stop');
  });

  it('is honest about too little history, and about gaps', async () => {
    const short = await replayed(history(5, busyAtTwo));
    expect(short).toMatchObject({ from: until - 4 * day, historyFrom: until - 5 * day });
    expect(short.total.runs).toBe(4);
    expect(short.leftOut).toEqual({ tooEarly: 10, unknown: 0 });
    const none = await replayed([]);
    expect(none).toMatchObject({ historyFrom: undefined, leftOut: { tooEarly: 14, unknown: 0 } });
    expect(none.total.runs).toBe(0);
    const gap = await replayed(
      history(30, (at) => (at >= until - 3 * day && at < until - 2.9 * day ? NaN : busyAtTwo(at))),
    );
    expect(gap.leftOut).toEqual({ tooEarly: 0, unknown: 1 });
    expect(gap.total.runs).toBe(13);
  });

  it('knows at no moment what comes behind it', async () => {
    const cut = until - 2 * day;
    const steady = history(20, busyAtTwo);
    const before = async (records: readonly LoadRecord[]): Promise<Replay> =>
      await replayed(records, { from: cut - 4 * day, until: cut });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 97 }), async (salt) => {
        const changed = steady.map((record) =>
          record.at < cut ? record : { ...record, cpu: ((record.at / step) * salt * 7) % 1 },
        );
        expect(await before(changed)).toEqual(await before(steady));
      }),
      { numRuns: 3 },
    );
  });

  it('keeps within the window by the clocks of the schedule, also where they are set', async () => {
    // Clocks in Madrid go forward on 29 March 2026.
    const end = Date.parse('2026-04-05T00:00:00Z');
    const zone = zoneOf('Europe/Madrid');
    const shifted = history(30, busyAtTwo).map(({ at, ...rest }) => {
      const then = at + end - until;
      return { ...rest, at: then, cpu: busyAtTwo(zone.localAt(then)) };
    });
    const madrid = nightly('db');
    const jobs = [{ ...madrid, schedule: { ...madrid.schedule, timezone: 'Europe/Madrid' } }];
    const { total } = await replayed(shifted, {
      jobs,
      from: end - 14 * day,
      until: end,
      timezone: 'Europe/Madrid',
    });
    // By the clocks of Madrid, the first night had begun before, and the last is not over.
    expect(total.runs).toBe(13);
    expect(total.lowtide).toMatchObject({ late: 0, missed: 0 });
  });
});
