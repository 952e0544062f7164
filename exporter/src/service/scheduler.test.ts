import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  begin,
  beginWith,
  clock,
  errors,
  hour,
  ids,
  loop,
  minute,
  noon,
  schedule,
  setUp,
  settle,
  started,
  states,
  stop,
  tearDown,
} from '../../../test/conformance/scheduler-given.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { SchedulerOptions } from './scheduler.ts';

beforeEach(setUp);
afterEach(tearDown);

describe('the scheduler', () => {
  it('does not start again what ended while its state was read, nor undoes what was skipped meanwhile', async () => {
    let held: (() => void)[] | undefined;
    const read = states.schedules.bind(states);
    states.schedules = async () => {
      const all = await read();
      const gates = held;
      if (gates !== undefined) await new Promise<void>((resolve) => gates.push(resolve));
      return all;
    };
    const release = async (): Promise<void> => {
      const gates = held ?? [];
      held = undefined;
      for (const go of gates) go();
      await settle();
    };
    const ended = Promise.withResolvers<undefined>();
    const start: SchedulerOptions['start'] = async (each, dueAt) => {
      started.push({ id: each.id, dueAt, end: () => undefined });
      await ended.promise;
      await states.settleUpTo(each.id, dueAt);
      return undefined;
    };
    const scheduler = beginWith({ start }, schedule('shop'));
    await settle();
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    held = [];
    scheduler.poke();
    await settle();
    ended.resolve(undefined);
    await settle();
    await release();
    expect(started).toHaveLength(1);

    held = [];
    clock.set(noon + 49 * hour);
    await settle();
    await states.settleUpTo('shop', noon + 73 * hour);
    await release();
    expect(states.settled.get('shop')).toBe(noon + 73 * hour);
  });

  it('starts nothing any more where it is stopped while the state is read', async () => {
    begin(schedule('shop'));
    await settle();
    const read = states.schedules.bind(states);
    states.schedules = () => {
      stop.abort();
      return read();
    };
    clock.set(noon + hour);
    await loop;
    expect(ids()).toEqual([]);
  });

  it('runs a new schedule at its next time, and has missed nothing before', async () => {
    const scheduler = begin(schedule('shop'));
    await settle();
    expect(scheduler.nextRunAt('shop')).toBe(noon + hour);
    expect(scheduler.isPaused('shop')).toBe(false);
    clock.set(noon + hour - 1);
    await settle();
    expect(ids()).toEqual([]);
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    expect(started).toMatchObject([{ id: 'shop', dueAt: noon + hour }]);
    expect(scheduler.nextRunAt('shop')).toBeUndefined();
    expect(states.events).toEqual([]);
  });

  it('looks again as soon as a run is over', async () => {
    const scheduler = begin(schedule('shop'));
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    started[0]?.end();
    await vi.waitUntil(() => scheduler.nextRunAt('shop') === noon + 2 * hour);
  });

  it('never runs a schedule twice at once; what came due meanwhile runs afterwards, once', async () => {
    begin(schedule('shop', { max_delay: 2 * hour }));
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    clock.set(noon + 3 * hour + minute);
    await settle();
    expect(started).toHaveLength(1);
    started[0]?.end();
    await vi.waitUntil(() => started.length === 2);
    expect(started[1]).toMatchObject({ dueAt: noon + 3 * hour });
    const missed = { name: 'run:missed', dueAt: noon + 2 * hour, occurrences: 1, reason: 'still_running' };
    expect(states.events).toMatchObject([missed]);
  });

  it('runs nothing that is paused, and does not call it missed', async () => {
    states.paused.add('shop');
    const scheduler = begin(schedule('shop'));
    clock.set(noon + 5 * hour);
    await settle();
    expect(started).toEqual([]);
    expect(states.events).toEqual([]);
    expect([scheduler.nextRunAt('shop'), scheduler.isPaused('shop')]).toEqual([undefined, true]);
    states.paused.delete('shop');
    scheduler.poke();
    await vi.waitUntil(() => started.length === 1);
    expect(scheduler.isPaused('shop')).toBe(false);
    expect(started).toMatchObject([{ dueAt: noon + 5 * hour }]);
  });

  it('catches up once after the host was off for a day', async () => {
    await states.settleUpTo('shop', noon - 24 * hour);
    begin(schedule('shop'));
    await vi.waitUntil(() => started.length === 1);
    expect(started).toMatchObject([{ dueAt: noon }]);
    const missed = { name: 'run:missed', occurrences: 23, dueAt: noon - hour, reason: 'absent' };
    expect(states.events).toMatchObject([missed]);
  });

  it('calls absent what the host slept over, though the run before was over only when it was due', async () => {
    const plan: SchedulerOptions['plan'] = (due) =>
      Promise.resolve(
        new Map(due.map(({ schedule: { id }, occurrence: { dueAt } }) => [id, dueAt + 20 * minute])),
      );
    const scheduler = beginWith({ plan }, schedule('shop'));
    await settle();
    clock.set(noon + hour + 20 * minute);
    await vi.waitUntil(() => started.length === 1);
    clock.set(noon + 2 * hour + 5 * minute);
    started[0]?.end();
    await vi.waitUntil(() => scheduler.nextRunAt('shop') === noon + 2 * hour + 20 * minute);
    clock.set(noon + 2 * hour + 40 * minute);
    await vi.waitUntil(() => states.events.length === 1);
    const missed = { name: 'run:missed', dueAt: noon + 2 * hour, occurrences: 1, reason: 'absent' };
    expect(states.events).toMatchObject([missed]);
  });

  it('asks why nothing was run of what it has not seen wait, by the times of that', async () => {
    const window = { startMinute: 14 * 60, endMinute: 15 * 60 };
    await states.settleUpTo('shop', noon - 22 * hour);
    clock.set(noon + 5 * hour);
    const asked: unknown[] = [];
    const whyAbsent = (...about: unknown[]): Promise<string> => {
      asked.push(about);
      return Promise.resolve('absent_after_cpu');
    };
    beginWith({ whyAbsent }, schedule('shop', { every: 12 * hour, window }));
    await vi.waitUntil(() => states.events.length === 1);
    expect(states.events).toMatchObject([{ name: 'run:missed', dueAt: noon, reason: 'absent_after_cpu' }]);
    const times = { dueAt: noon, opensAt: noon + 2 * hour, lastLook: noon + 3.5 * hour - minute / 2 };
    expect(asked).toEqual([[{ schedule: 'shop', ...times }, noon + 5 * hour]]);
  });

  it('lets a run end whose schedule is removed meanwhile, and does not run it again', async () => {
    const scheduler = begin(schedule('shop'));
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    scheduler.replaceSchedules([]);
    started[0]?.end();
    clock.set(noon + 3 * hour);
    await settle();
    expect(ids()).toEqual(['shop']);
    expect(scheduler.nextRunAt('shop')).toBeUndefined();
    expect(states.events.filter(({ name }) => name === 'run:missed')).toEqual([]);
  });

  it('goes by the new times of a schedule that is changed while it runs, once the run is over', async () => {
    const scheduler = begin(schedule('shop'));
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    scheduler.replaceSchedules([schedule('shop', { every: 3 * hour })]);
    clock.set(noon + 2 * hour + minute);
    await settle();
    expect(started).toHaveLength(1);
    started[0]?.end();
    await settle();
    expect(started).toHaveLength(1);
    expect(scheduler.nextRunAt('shop')).toBe(noon + 3 * hour);
    clock.set(noon + 3 * hour);
    await vi.waitUntil(() => started.length === 2);
  });

  it('forgets what is removed before its slot, and calls it neither run nor missed', async () => {
    const scheduler = begin(schedule('shop'), schedule('docs'));
    await settle();
    expect(scheduler.nextRunAt('shop')).toBe(noon + hour);
    scheduler.replaceSchedules([schedule('docs')]);
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length > 0);
    await settle();
    expect(ids()).toEqual(['docs']);
    expect(scheduler.nextRunAt('shop')).toBeUndefined();
    expect(states.events).toEqual([]);
  });

  it('does not start what is removed while it puts on record what others have missed', async () => {
    states.settled.set('shop', noon - hour);
    states.settled.set('docs', noon - 2 * hour);
    const put = Promise.withResolvers<undefined>();
    vi.spyOn(states, 'recordMissed').mockReturnValueOnce(put.promise);
    const scheduler = begin(schedule('shop'), schedule('docs'));
    await settle();
    scheduler.replaceSchedules([schedule('docs')]);
    put.resolve(undefined);
    await vi.waitUntil(() => started.length > 0);
    await settle();
    expect(ids()).toEqual(['docs']);
  });

  it('starts as it is now what is changed while it puts on record what others have missed', async () => {
    states.settled.set('shop', noon - hour);
    states.settled.set('docs', noon - 2 * hour);
    const put = Promise.withResolvers<undefined>();
    vi.spyOn(states, 'recordMissed').mockReturnValueOnce(put.promise);
    const runs: ScheduleConfig[] = [];
    const start: SchedulerOptions['start'] = async (each, dueAt) => {
      runs.push(each);
      await states.settleUpTo(each.id, dueAt);
      return undefined;
    };
    const scheduler = beginWith({ start }, schedule('shop'), schedule('docs'));
    await settle();
    const changed = schedule('shop', { stores: ['offsite'] });
    scheduler.replaceSchedules([changed, schedule('docs')]);
    put.resolve(undefined);
    await vi.waitUntil(() => runs.length === 2);
    expect(runs.find(({ id }) => id === 'shop')).toBe(changed);
  });

  it('plans anew what is changed before its slot, by its new times alone', async () => {
    const scheduler = begin(schedule('shop'));
    await settle();
    expect(scheduler.nextRunAt('shop')).toBe(noon + hour);
    scheduler.replaceSchedules([schedule('shop', { every: 2 * hour })]);
    await settle();
    expect(scheduler.nextRunAt('shop')).toBe(noon + 2 * hour);
    clock.set(noon + hour + minute);
    await settle();
    expect(ids()).toEqual([]);
  });

  describe('due at other times than before by a reload', () => {
    const changed = async (settled: number): Promise<void> => {
      states.settled.set('shop', settled);
      const scheduler = begin(schedule('shop', { every: 24 * hour, max_delay: 13 * hour }));
      scheduler.replaceSchedules([schedule('shop')]);
      await vi.waitUntil(() => started.length === 1);
      expect(started).toMatchObject([{ id: 'shop', dueAt: noon }]);
    };

    it('has missed nothing of what it was not due at before', async () => {
      await changed(noon - 12 * hour);
      expect(states.events).toEqual([]);
      expect(states.settled.get('shop')).toBe(noon);
    });

    it('has missed nothing where what it was due at before waits still', async () => {
      states.settled.set('shop', noon - 24 * hour);
      const scheduler = begin(schedule('shop', { cron: '0 12 * * *', max_delay: 6 * hour }));
      scheduler.replaceSchedules([schedule('shop')]);
      await vi.waitUntil(() => started.length === 1);
      expect(states.events).toEqual([]);
    });

    it('has missed what came behind the reload while its run went on', async () => {
      states.settled.set('shop', noon - 24 * hour);
      const scheduler = begin(schedule('shop', { cron: '0 12 * * *' }));
      await vi.waitUntil(() => started.length === 1);
      clock.set(noon + 1.2 * hour);
      scheduler.replaceSchedules([schedule('shop')]);
      clock.set(noon + 4.1 * hour);
      started[0]?.end();
      await vi.waitUntil(() => started.length === 2);
      expect(states.events).toMatchObject([{ name: 'run:missed', dueAt: noon + 3 * hour, occurrences: 2 }]);
    });

    it('has missed nothing of the time in which it was not there', async () => {
      states.settled.set('shop', noon - hour);
      const scheduler = begin(schedule('shop'), schedule('docs'));
      await vi.waitUntil(() => started.length > 0);
      started[0]?.end();
      await settle();
      scheduler.replaceSchedules([schedule('docs')]);
      clock.set(noon + 5.1 * hour);
      scheduler.replaceSchedules([schedule('docs'), schedule('shop')]);
      await vi.waitUntil(() => started.filter(({ id }) => id === 'shop').length === 2);
      expect(states.events.filter((event) => 'schedule' in event && event.schedule === 'shop')).toEqual([]);
    });

    it('has missed what it was due at before', async () => {
      await changed(noon - 13 * hour);
      expect(states.events).toMatchObject([{ name: 'run:missed', dueAt: noon - hour, occurrences: 1 }]);
    });
  });

  it('goes on after a look that failed', async () => {
    states.fails = true;
    begin(schedule('shop'));
    await settle();
    expect(errors).toHaveLength(1);
    states.fails = false;
    await states.settleUpTo('shop', noon);
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
  });

  it('waits for an hour that a clock was set back over, and does not run it again', async () => {
    begin(schedule('shop'));
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    started[0]?.end();
    clock.set(noon + minute);
    await settle();
    clock.set(noon + hour + minute);
    await settle();
    expect(started).toHaveLength(1);
    clock.set(noon + 2 * hour);
    await vi.waitUntil(() => started.length === 2);
  });

  it('catches up once over a day that a clock was set forward by, and goes on by its new time', async () => {
    begin(schedule('shop'));
    await settle();
    clock.set(noon + 24 * hour + minute);
    await vi.waitUntil(() => started.length === 1);
    started[0]?.end();
    await settle();
    expect(started).toMatchObject([{ dueAt: noon + 24 * hour }]);
    expect(states.events).toMatchObject([{ name: 'run:missed', occurrences: 23, dueAt: noon + 23 * hour }]);
    clock.set(noon + 25 * hour);
    await vi.waitUntil(() => started.length === 2);
  });
});

describe('while a plan is being made', () => {
  type Starts = ReadonlyMap<string, number>;
  let plans: { readonly ids: readonly string[]; readonly resolve: (starts: Starts) => void }[];
  const slowly: SchedulerOptions['plan'] = (due) => {
    const { promise, resolve } = Promise.withResolvers<Starts>();
    plans.push({ ids: due.map((job) => job.schedule.id), resolve });
    return promise;
  };
  const atOnce = (...names: string[]): Starts => new Map(names.map((name) => [name, noon]));
  beforeEach(() => {
    plans = [];
  });
  afterEach(() => {
    for (const { resolve } of plans) resolve(new Map());
  });

  it('starts nothing, and then what the plan says', async () => {
    beginWith({ plan: slowly }, schedule('shop'), schedule('files'));
    clock.set(noon + hour);
    await settle();
    expect(ids()).toEqual([]);
    plans[0]?.resolve(
      new Map([
        ['shop', noon + hour],
        ['files', noon + 2 * hour],
      ]),
    );
    await vi.waitUntil(() => started.length === 1);
    expect(ids()).toEqual(['shop']);
  });

  it('does not start what was paused meanwhile, nor what has come and is not in it', async () => {
    const scheduler = beginWith({ plan: slowly }, schedule('shop'), schedule('files'));
    clock.set(noon + hour);
    await settle();
    states.paused.add('shop');
    scheduler.replaceSchedules([schedule('shop'), schedule('files'), schedule('new')]);
    states.settled.set('new', noon);
    plans[0]?.resolve(atOnce('shop', 'files'));
    await vi.waitUntil(() => plans.length === 2);
    expect(ids()).toEqual(['files']);
    expect(plans[1]?.ids).toEqual(['new']);
    plans[1]?.resolve(atOnce('new'));
    await vi.waitUntil(() => started.length === 2);
    expect(ids()).toEqual(['files', 'new']);
  });

  describe('of what has little time', () => {
    const plannedIn = async (ms: number): Promise<void> => {
      beginWith({ plan: slowly }, schedule('shop', { max_delay: 1000 }));
      await settle();
      plans[0]?.resolve(new Map([['shop', noon + hour]]));
      await settle();
      clock.set(noon + hour);
      await vi.waitUntil(() => plans.length === 2);
      clock.set(noon + hour + ms);
      plans[1]?.resolve(new Map([['shop', noon + hour]]));
    };

    it('starts what was in time before', async () => {
      await plannedIn(3500);
      await vi.waitUntil(() => started.length === 1);
      expect(states.events).toEqual([]);
    });

    it('does not, where the host slept meanwhile', async () => {
      await plannedIn(20 * minute);
      await vi.waitUntil(() => states.events.length === 1);
      expect(states.events).toMatchObject([{ name: 'run:missed', dueAt: noon + hour, reason: 'absent' }]);
      expect(ids()).toEqual([]);
    });
  });

  it('starts nothing before its window opens, where that was changed meanwhile', async () => {
    const cron = '0 13 * * *';
    const scheduler = beginWith({ plan: slowly }, schedule('shop', { cron }));
    clock.set(noon + hour);
    await settle();
    const window = { startMinute: 14 * 60, endMinute: 15 * 60 };
    scheduler.replaceSchedules([schedule('shop', { cron, window })]);
    plans[0]?.resolve(new Map([['shop', noon + hour]]));
    await vi.waitUntil(() => plans.length === 2);
    expect(ids()).toEqual([]);
    plans[1]?.resolve(new Map([['shop', noon + 2 * hour]]));
    await settle();
    clock.set(noon + 2 * hour);
    await vi.waitUntil(() => plans.length === 3);
    plans[2]?.resolve(new Map([['shop', noon + 2 * hour]]));
    await vi.waitUntil(() => started.length === 1);
  });

  it('starts nothing any more where it is stopped meanwhile', async () => {
    beginWith({ plan: slowly }, schedule('shop'));
    await settle();
    plans[0]?.resolve(new Map());
    await settle();
    clock.set(noon + hour);
    await vi.waitUntil(() => plans.length === 2);
    stop.abort();
    plans[1]?.resolve(atOnce('shop'));
    await loop;
    expect(ids()).toEqual([]);
  });

  it('looks again after one that failed', async () => {
    let fails = true;
    const plan: SchedulerOptions['plan'] = (due) =>
      fails
        ? Promise.reject(new Error('no thread'))
        : Promise.resolve(atOnce(...due.map((job) => job.schedule.id)));
    const scheduler = beginWith({ plan }, schedule('shop'));
    clock.set(noon + hour);
    await vi.waitUntil(() => errors.length > 0);
    fails = false;
    scheduler.poke();
    await vi.waitUntil(() => started.length === 1);
  });
});
