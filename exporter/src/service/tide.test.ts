import { describe, expect, it } from 'vitest';
import type { Run } from '../catalog/catalog.ts';
import type { RunUse } from '../catalog/reviews.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { LoadRecord } from '../load/load.ts';
import { latestStart, type DueJob } from '../schedule/due-job.ts';
import { planDue } from '../schedule/plan-due.ts';
import type { Limits } from '../schedule/limits.ts';
import type { Plan, PlanRequest } from '../schedule/planner.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { toRfc3339 } from '../units/instant.ts';
import { Outlook } from './outlook.ts';
import { PlanThread } from './plan-thread.ts';
import { Planning } from './planning.ts';
import { Tide } from './tide.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const midnight = Date.parse('2026-03-10T00:00:00Z');

/** Three weeks of a host that is quietest at half past four. */
const history: readonly LoadRecord[] = Array.from({ length: (21 * day) / (5 * minute) }, (_, index) => {
  const at = midnight - 21 * day + index * 5 * minute;
  const fromTrough = Math.abs((at % day) - 4.5 * hour) / hour;
  return { at, cpu: Math.min(0.9, 0.05 + fromTrough * 0.08), memory: 0.3, disk: 0.1 };
});

/** `settled`: up to when a schedule has run. */
function tide(
  records = history,
  runs: readonly Run[] = [],
  uses: readonly RunUse[] = [],
  settled: Readonly<Record<string, number>> = {},
  limits: Limits = {},
  hosts: Readonly<Record<string, readonly LoadRecord[]>> = {},
): Tide {
  const load = {
    record: () => Promise.resolve(),
    records: (_step: string, from: number, until: number) =>
      Promise.resolve(records.filter(({ at }) => at >= from && at < until)),
  };
  return new Tide({
    catalog: {
      load,
      hostLoads: { record: () => Promise.resolve(), records: (host) => Promise.resolve(hosts[host] ?? []) },
      schedules: () =>
        Promise.resolve(
          new Map(
            Object.entries(settled).map(
              ([id, settledUntil]) => [id, { paused: false, settledUntil }] as const,
            ),
          ),
        ),
      runs: ({ status }) => Promise.resolve(runs.filter((run) => run.status === status)),
      reviews: { uses: () => Promise.resolve(uses) },
    },
    timezone: 'UTC',
    limits: () => limits,
  });
}

/** Due once a night. */
function schedule(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return { ...windowless(id), window: { startMinute: 120, endMinute: 360 }, ...more };
}

function windowless(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return {
    id,
    source: { type: 'sqlite', path: `/srv/${id}.db` },
    every: day,
    timezone: 'UTC',
    priority: 'medium',
    max_delay: 2 * hour,
    on_deadline: 'run',
    run: { nice: 10, io_priority: 'low', pause: true },
    estimated_duration: 30 * minute,
    resources: { cpu: 0.3, memory: 0.1 },
    stores: ['local'],
    verify: { after_backup: true },
    ...more,
  };
}

async function planOf(one: Tide, jobs: readonly DueJob[]): Promise<Plan> {
  return planDue(await one.request(jobs, midnight));
}

function due(each: ScheduleConfig, now = midnight): DueJob {
  const [occurrence] = nextOccurrences(each, now, now + 7 * day);
  if (occurrence === undefined) throw new Error('nothing is due');
  return { schedule: each, occurrence };
}

describe('the tide', () => {
  it('puts a backup into the low of the load, and says so', async () => {
    const plan = await planOf(tide(), [due(schedule('shop'))]);
    const [slot] = plan.slots;
    if (slot === undefined) throw new Error('there is no slot');
    expect(Math.abs(slot.start - (midnight + 4.25 * hour))).toBeLessThanOrEqual(20 * minute);
    expect(plan.explain(slot)).toMatchObject({
      code: 'quietest',
      text: expect.stringContaining('cpu 0.0') as string,
    });
  });

  it('starts as the window opens where nothing is known', async () => {
    const plan = await planOf(tide([]), [due(schedule('shop'))]);
    expect(plan.slots).toMatchObject([{ start: midnight + 2 * hour }]);
    expect(plan.slots.map((slot) => plan.explain(slot).code)).toEqual(['no_history']);
  });

  it('takes a busy host for full on its first day as far as that was seen', async () => {
    const steps = (minutes: number): readonly LoadRecord[] =>
      Array.from({ length: minutes / 5 }, (_, step) => {
        return { at: midnight - (step + 1) * 5 * minute, cpu: 0.95, memory: 0.3, disk: 0.1 };
      }).reverse();
    const nightly = ['a', 'b', 'c', 'd'].map((id) => due(schedule(id)));
    const early = await planOf(tide(steps(10)), nightly);
    expect(early.misfits).toEqual([]);
    expect(early.slots.every(({ start, job }) => start <= job.occurrence.windowEnd)).toBe(true);
    for (const slot of early.slots) expect(early.explain(slot).load.cpu).toBeCloseTo(0.95);
    const atLast = await planOf(tide(steps(23 * 60)), nightly);
    expect(atLast.misfits.map(({ reason }) => reason.code)).toEqual(Array(4).fill('cramped'));
  });

  it('leaves what has no choice at its time, however much of it there is', async () => {
    const rest = { max_delay: 10_000, estimated_duration: minute / 2, resources: { cpu: 1, memory: 1 } };
    const plan = await tide().planAhead([windowless('often', { every: minute, ...rest })], midnight, 1);
    expect(plan.slots).toHaveLength(60);
    expect(plan.misfits).toEqual([]);
    expect(plan.slots[7]).toMatchObject({ start: midnight + 8 * minute });
    expect(plan.slots.slice(0, 2).map((slot) => plan.explain(slot).code)).toEqual([
      'only_start',
      'only_start',
    ]);
  });

  it('puts nothing off until the next one is due', async () => {
    const hourly = windowless('hourly', { every: hour, max_delay: 6 * hour });
    expect(latestStart(due(hourly))).toBe(midnight + 2 * hour);
    const plan = await tide().planAhead([hourly], midnight, 24);
    expect(plan.slots).toHaveLength(24);
    for (const slot of plan.slots) expect(slot.start - slot.dueAt).toBeLessThanOrEqual(hour);
  });

  it('shows no start of what will be skipped or overtaken before it finds room, and says so', async () => {
    const all = {
      window: { startMinute: 120, endMinute: 121 },
      max_delay: 10 * minute,
      resources: { cpu: 0.6, memory: 0.1 },
    };
    const hog = schedule('hog', { ...all, priority: 'high', estimated_duration: 5 * hour });
    const skipped = schedule('skipped', { ...all, on_deadline: 'skip' });
    const often = windowless('often', { ...all, window: undefined, every: 2 * hour });
    const { slots, misfits } = await tide().planAhead([hog, skipped, often], midnight + minute, 6);
    const told = misfits.map(({ job: { schedule: id, occurrence }, reason }) => [
      ...[id, (occurrence.dueAt - midnight) / hour],
      reason.text.split(/[,:]/)[0],
    ]);
    expect(told).toEqual([
      ['skipped', 2, 'it will be skipped'],
      ['often', 2, 'it will be missed'],
      ['often', 4, 'it will be missed'],
      ['often', 6, 'starts 50m behind its deadline'],
    ]);
    expect(slots.map((slot) => [slot.schedule, (slot.start - midnight) / hour])).toEqual([
      ['hog', 2],
      ['often', 7],
    ]);
  });

  it('plans no more runs at once to a store than that takes', async () => {
    const small = { resources: { cpu: 0.01, memory: 0.01 } };
    const jobs = ['a', 'b', 'c'].map((id) => due(schedule(id, small)));
    const gaps = async (limits: Limits): Promise<number[]> => {
      const plan = await planOf(tide(history, [], [], {}, limits), jobs);
      const starts = plan.slots.map(({ start }) => start);
      return starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    };
    expect(Math.min(...(await gaps({})))).toBeLessThan(30 * minute);
    expect(Math.min(...(await gaps({ stores: { local: { streams: 1 } } })))).toBeGreaterThanOrEqual(
      30 * minute,
    );
  });

  it('plans no more at once over a network than it takes, by what runs have stored, nor dumps of a server', async () => {
    const small = { resources: { cpu: 0.01, memory: 0.01 } };
    const ran = { status: 'completed', startedAt: 0, finishedAt: 30 * minute, pausedSeconds: 0 };
    const runs = [1, 2, 3].map(() => ({ ...ran, storedBytes: 1800 * 60 }) as Run);
    const least = async (limits: Limits, past: readonly Run[]): Promise<number> => {
      const jobs = ['a', 'b'].map((id) => due(schedule(id, { ...small, network: 'lan', server: 'db' })));
      const { slots } = await planOf(tide(history, past, [], {}, limits), jobs);
      const [first = 0, second = 0] = slots.map(({ start }) => start);
      return second - first;
    };
    const lan = (bandwidth: number): Limits => ({ networks: { lan: { bandwidth } } });
    expect(await least(lan(100), runs)).toBeGreaterThanOrEqual(30 * minute);
    expect(await least(lan(120), runs)).toBeLessThan(30 * minute);
    expect(await least(lan(100), [])).toBeLessThan(30 * minute);
    expect(await least({ servers: { db: { dumps: 1 } } }, [])).toBeGreaterThanOrEqual(30 * minute);
  });

  it('puts a backup into the low of the host that its schedule names', async () => {
    const late = history.map((record) => ({ ...record, at: record.at + 90 * minute }));
    const one = tide(history, [], [], {}, {}, { db1: late });
    const plan = await planOf(one, [due(schedule('near')), due(schedule('far', { host: 'db1' }))]);
    const start = (id: string): number => plan.slots.find((slot) => slot.schedule === id)?.start ?? 0;
    expect(Math.abs(start('near') - (midnight + 4.25 * hour))).toBeLessThanOrEqual(20 * minute);
    expect(Math.abs(start('far') - (midnight + 5.75 * hour))).toBeLessThanOrEqual(20 * minute);
    expect((await one.forecasts(midnight, 'db1')).cpu.basis).toBe('weeks');
    expect((await one.forecasts(midnight, 'gone')).cpu.basis).toBe('none');
    expect(one.lowestExpected('cpu', midnight, midnight + 3 * hour, 'db1')).toBeGreaterThan(
      one.lowestExpected('cpu', midnight, midnight + 3 * hour) ?? 1,
    );
  });

  it('learns from runs how long they take, how large they are, and what they take of the host', async () => {
    const ran = (ms: number): Run =>
      ({
        status: 'completed',
        startedAt: 0,
        finishedAt: ms + 500,
        pausedSeconds: 0.5,
        sizeBytes: 2 * ms,
        storedBytes: ms,
      }) as Run;
    const runs = [ran(60_000), ran(61_000), ran(62_000)];
    const use = { cpu: 0.5, memory: 0.25 };
    const { resources } = schedule('shop');
    expect(tide(history).learning.of(schedule('shop'))).toEqual({
      runs: 0,
      durationMs: 30 * minute,
      resources,
    });
    const taught = tide(history, runs, [use, use, use]);
    await taught.learning.learn([schedule('shop')], midnight);
    expect(taught.learning.of(schedule('shop'))).toEqual({
      runs: 3,
      durationMs: 62_000,
      resources: use,
      sizeBytes: 124_000,
      storedBytes: 62_000,
    });
    const [slot] = (await planOf(taught, [due(schedule('shop'))])).slots;
    expect(slot?.job).toMatchObject({ durationMs: 62_000, resources: use });
  });

  it('learns anew when a run has ended, and within the hour of what others have done', async () => {
    const runs: Run[] = [];
    const { learning } = tide(history, runs);
    const expected = async (at: number): Promise<number> => {
      await learning.learn([schedule('shop')], at);
      return learning.of(schedule('shop')).durationMs;
    };
    expect(await expected(midnight)).toBe(30 * minute);
    for (const finishedAt of [1000, 1001, 1002]) {
      runs.push({ status: 'completed', startedAt: 0, finishedAt, pausedSeconds: 0 } as Run);
    }
    expect(await expected(midnight + 59 * minute)).toBe(30 * minute);
    expect(await expected(midnight + hour)).toBe(1002);
    runs.splice(0);
    expect(await expected(midnight + hour)).toBe(1002);
    learning.forget('shop');
    expect(await expected(midnight + hour)).toBe(30 * minute);
  });

  it("follows yesterday's curve where that has chosen better, and says so with the slot", async () => {
    // Each day the quiet hours come twenty minutes later than the day before.
    const drifting = Array.from({ length: (60 * day) / (5 * minute) }, (_, index) => {
      const at = midnight - 60 * day + index * 5 * minute;
      const from = (((at - at / 72) % day) + day) % day;
      return { at, cpu: 0.1 + 0.8 * (Math.min(from, day - from) / day), memory: 0.3, disk: 0.1 };
    });
    const one = tide(drifting);
    expect((await one.accuracy(midnight)).cpu.champion).toBe('yesterday');
    expect((await one.forecasts(midnight)).cpu.basis).toBe('yesterday');
    const plan = await planOf(one, [due(schedule('shop'))]);
    const [slot] = plan.slots;
    if (slot === undefined) throw new Error('there is no slot');
    expect(plan.explain(slot).text).toMatch(/: cpu 0\.\d\d as yesterday, memory 0\.30$/);
  });

  it('tells the lowest load that is to come, where it can tell hours apart', async () => {
    const one = tide();
    await one.forecasts(midnight);
    expect(one.lowestExpected('cpu', midnight, midnight + 9 * hour)).toBeCloseTo(0.05, 1);
    expect(one.lowestExpected('cpu', midnight + 5 * hour, midnight + 9 * hour)).toBeCloseTo(0.09, 1);
    expect(one.lowestExpected('cpu', midnight + 8 * hour, midnight + 9 * hour)).toBeGreaterThan(0.3);
    expect(one.lowestExpected('cpu', midnight + minute, midnight + 4 * minute)).toBeUndefined();
    for (const records of [[], history.slice(-36)]) {
      const other = tide(records);
      await other.forecasts(midnight);
      expect(other.lowestExpected('cpu', midnight, midnight + 9 * hour)).toBeUndefined();
    }
    expect(tide().lowestExpected('cpu', midnight, midnight + 9 * hour)).toBeUndefined();
  });

  it('forecasts anew with each step, and not at every look', async () => {
    const one = tide();
    const forecasts = await one.forecasts(midnight);
    expect(await one.forecasts(midnight + minute)).toBe(forecasts);
    expect(await one.forecasts(midnight + 5 * minute)).not.toBe(forecasts);
  });

  it('takes notice at once of weeks that arrive late, and so does the plan that is followed', async () => {
    const records: LoadRecord[] = [];
    const one = tide(records);
    const planning = new Planning(one, new PlanThread());
    const jobs = [due(schedule('shop'))];
    expect((await planning.starts(jobs, [], midnight)).get('shop')).toBe(midnight + 2 * hour);
    records.push(...history);
    expect((await one.forecasts(midnight + minute)).cpu.basis).toBe('none');
    one.renew();
    expect((await one.forecasts(midnight + minute)).cpu.basis).toBe('weeks');
    const start = (await planning.starts(jobs, [], midnight + minute)).get('shop') ?? 0;
    expect(Math.abs(start - (midnight + 4.25 * hour))).toBeLessThanOrEqual(20 * minute);
  });
});

describe('what changes while the past is read', () => {
  it('is not missing in the next look, nor in what is learned next', async () => {
    const read: (() => void)[] = [];
    const records: LoadRecord[] = [];
    const runs: Run[] = [];
    /** As it was when it was asked for, and not before it is let through. */
    const held = <T>(answer: readonly T[]): Promise<readonly T[]> => {
      const asOf = [...answer];
      return new Promise((resolve) => read.push(() => resolve(asOf)));
    };
    const one = new Tide({
      catalog: {
        load: { record: () => Promise.resolve(), records: () => held(records) },
        hostLoads: { record: () => Promise.resolve(), records: () => Promise.resolve([]) },
        schedules: () => Promise.resolve(new Map()),
        runs: () => held(runs),
        reviews: { uses: () => Promise.resolve([]) },
      },
      timezone: 'UTC',
    });
    const shop = schedule('shop');
    const [looked, learned] = [one.forecasts(midnight), one.learning.learn([shop], midnight)];
    records.push(...history);
    one.renew();
    for (const finishedAt of [1000, 1001, 1002]) {
      runs.push({ status: 'completed', startedAt: 0, finishedAt, pausedSeconds: 0 } as Run);
    }
    one.learning.forget('shop');
    for (const go of read.splice(0)) go();
    expect((await looked).cpu.basis).toBe('none');
    await learned;
    expect(one.learning.of(shop).durationMs).toBe(30 * minute);
    const [again, anew] = [one.forecasts(midnight), one.learning.learn([shop], midnight)];
    for (const go of read.splice(0)) go();
    expect((await again).cpu.basis).toBe('weeks');
    await anew;
    expect(one.learning.of(shop).durationMs).toBe(1002);
  });
});

describe('the plan of what is to come', () => {
  const shop = schedule('shop');
  const startsOf = (plan: Plan): readonly string[] =>
    plan.slots.map(({ schedule: id, start }) => `${id} ${new Date(start).toISOString().slice(8, 16)}`);

  it('has what is due now and waits for its slot, until it has run or is passed over', async () => {
    const now = midnight + 3 * hour;
    const waits = await tide(history, [], [], { shop: midnight - 22 * hour }).planAhead([shop], now, 12);
    expect(startsOf(waits)).toEqual(['shop 10T04:15']);
    expect(waits.slots[0]).toMatchObject({ dueAt: midnight + 2 * hour });
    const ran = tide(history, [], [], { shop: midnight + 2 * hour });
    expect((await ran.planAhead([shop], now, 12)).slots).toEqual([]);
    expect((await ran.planAhead([shop], now, 24)).slots).toMatchObject([{ dueAt: midnight + 26 * hour }]);
    // Skipped by somebody: the night after next is the next one.
    const skipped = tide(history, [], [], { shop: midnight + 26 * hour });
    expect((await skipped.planAhead([shop], now, 48)).slots).toMatchObject([{ dueAt: midnight + 50 * hour }]);
  });

  it('leaves room for what runs already, as long as that is expected to go on', async () => {
    const now = midnight + 4 * hour;
    const large = { resources: { cpu: 0.6, memory: 0.1 }, max_delay: 6 * hour };
    const running = { schedule: 'files', status: 'running', startedAt: now - 10 * minute } as Run;
    const plan = await tide(history, [running], [], { shop: midnight - 22 * hour }).planAhead(
      [schedule('shop', large), schedule('files', { ...large, estimated_duration: 2 * hour })],
      now,
      12,
    );
    expect(plan.slots.map(({ schedule: id }) => id)).toContain('shop');
    expect(plan.slots.find((slot) => slot.schedule === 'shop')?.start).toBeGreaterThanOrEqual(
      now + 110 * minute,
    );
  });

  it('reckons with what comes behind what it tells of', async () => {
    const night = schedule('night', { window: { startMinute: 120, endMinute: 720 }, priority: 'low' });
    const often = windowless('often', { every: 15 * minute, estimated_duration: minute, max_delay: minute });
    const now = midnight + 6.5 * hour;
    const settled = { night: now, often: now };
    const plan = await tide(history, [], [], settled).planAhead([night, often], now, 24);
    expect(Math.max(...plan.slots.map(({ dueAt }) => dueAt))).toBe(now + 24 * hour);
    // At 6:35 nothing else would be known to come, and the load be three times as high.
    const start = plan.slots.find(({ schedule: id }) => id === 'night')?.start ?? 0;
    expect(Math.abs(start - (midnight + 28.25 * hour))).toBeLessThan(hour);
    const { slots } = await new Outlook(
      tide(history, [], [], settled),
      new PlanThread(),
      { version: 0, startOf: () => undefined },
      { latest: () => undefined },
    ).plan([night, often], now, 24);
    expect(slots.find(({ schedule: id }) => id === 'night')?.start).toBe(toRfc3339(start));
    expect(slots).toHaveLength(plan.slots.length);
  });

  it('is the plan that is followed, where another would hardly be better', async () => {
    const one = tide(history, [], [], { shop: midnight - 22 * hour });
    const followed = [{ schedule: 'shop', dueAt: midnight + 2 * hour, start: midnight + 4.5 * hour }];
    const shown = planDue({ ...(await one.requestAhead([shop], midnight, 24)), previous: followed });
    expect(startsOf(shown)).toEqual(['shop 10T04:30']);
    expect(startsOf(await one.planAhead([shop], midnight, 24))).toEqual(['shop 10T04:15']);
  });
});

describe('the plan that the scheduler follows', () => {
  it('stays as it is until something changes', async () => {
    const planning = new Planning(tide(), new PlanThread());
    const jobs = [due(schedule('shop')), due(schedule('files'))];
    const starts = await planning.starts(jobs, [], midnight);
    expect([...starts.keys()].sort()).toEqual(['files', 'shop']);
    expect(await planning.starts(jobs, [], midnight + minute)).toBe(starts);
    const fewer = await planning.starts(jobs.slice(0, 1), [], midnight + minute);
    expect([...fewer.keys()]).toEqual(['shop']);
  });

  it('is made anew beside where all lay before, what comes later included', async () => {
    const asked: PlanRequest[] = [];
    const planning = new Planning(tide(), {
      slots: (request) => {
        asked.push(request);
        return planDue(request).slots;
      },
    });
    const often = windowless('often', { every: 15 * minute, estimated_duration: minute });
    const jobs = [due(schedule('shop')), due(often)];
    const start = (await planning.starts(jobs, [], midnight)).get('shop');
    await planning.starts(jobs, [], midnight + 5 * minute);
    const [first, second] = asked;
    expect(first?.previous).toEqual([]);
    expect(second?.previous).toHaveLength(first?.jobs.length ?? NaN);
    expect(second?.previous).toContainEqual({ schedule: 'shop', dueAt: jobs[0]?.occurrence.dueAt, start });
  });

  it('keeps those apart that do not fit beside each other', async () => {
    const planning = new Planning(tide(), new PlanThread());
    const large = { cpu: 0.6, memory: 0.1 };
    const jobs = [due(schedule('a', { resources: large })), due(schedule('b', { resources: large }))];
    const [a = 0, b = 0] = [...(await planning.starts(jobs, [], midnight)).values()];
    expect(Math.abs(a - b)).toBeGreaterThanOrEqual(30 * minute);
  });

  it('is what is shown: by the plan of all hosts, and without what another host of a pool has', async () => {
    const one = tide();
    const thread = new PlanThread();
    const planning = new Planning(one, thread);
    const tonight = midnight + 2 * hour;
    planning.follow({
      planVersion: 1,
      startOf: (id, dueAt) =>
        id === 'files' ? dueAt + 2.5 * hour : dueAt === tonight ? Infinity : dueAt + 2 * hour,
    });
    const schedules = [schedule('pooled', { pool: 'any' }), schedule('files')];
    const { slots } = await new Outlook(one, thread, planning, { latest: () => undefined }).plan(
      schedules,
      midnight,
      36,
    );
    expect(slots.map(({ schedule: id, start }) => `${id} ${start.slice(5, 16)}`).sort()).toEqual([
      'files 03-10T04:30',
      'files 03-11T04:30',
      'pooled 03-11T04:00',
    ]);
  });
});
