import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import type { Missed, ScheduleState } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { EventBody } from '../events/events.ts';
import { Scheduler, type SchedulerOptions, type StartTimes } from './scheduler.ts';

const minute = 60_000;
const hour = 60 * minute;
const noon = Date.parse('2026-03-02T12:00:00Z');

function schedule(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return {
    id,
    source: { type: 'sqlite', path: `/srv/${id}.db` },
    every: hour,
    timezone: 'UTC',
    priority: 'medium',
    max_delay: 30 * minute,
    on_deadline: 'run',
    run: { nice: 10, io_priority: 'low', pause: true },
    estimated_duration: minute,
    resources: { cpu: 0.25, memory: 0.1 },
    stores: ['local'],
    verify: { after_backup: true },
    ...more,
  };
}

/** What of the catalog the scheduler uses, in memory: the real one is in test/integration/service.test.ts. */
class States {
  readonly events: EventBody[] = [];
  readonly settled = new Map<string, number>();
  readonly paused = new Set<string>();
  fails = false;
  /** As of a pool's schedule while PostgreSQL is away. */
  drops = false;

  schedules(): Promise<ReadonlyMap<string, ScheduleState>> {
    if (this.fails) return Promise.reject(new Error('the disk is gone'));
    const ids = new Set([...this.settled.keys(), ...this.paused]);
    const stateOf = (id: string): ScheduleState => {
      const settledUntil = this.settled.get(id);
      return { paused: this.paused.has(id), ...(settledUntil !== undefined && { settledUntil }) };
    };
    return Promise.resolve(new Map([...ids].map((id) => [id, stateOf(id)])));
  }

  settleUpTo(id: string, until: number): Promise<void> {
    this.settled.set(id, Math.max(until, this.settled.get(id) ?? until));
    return Promise.resolve();
  }

  recordMissed(id: string, missed: Missed): Promise<void> {
    if (this.drops) return Promise.resolve();
    void this.settleUpTo(id, missed.dueAt);
    this.events.push({ name: 'run:missed', schedule: id, ...missed });
    return Promise.resolve();
  }

  append(body: EventBody): Promise<never> {
    this.events.push(body);
    return Promise.resolve(undefined as never);
  }
}

let clock: ManualClock;
let states: States;
let stop: AbortController;
let started: { id: string; dueAt: number; end: () => void }[];
let errors: unknown[];
let loop: Promise<void>;

function begin(...schedules: ScheduleConfig[]): Scheduler {
  return beginWith({}, ...schedules);
}

function beginWith(more: Partial<SchedulerOptions>, ...schedules: ScheduleConfig[]): Scheduler {
  const start: SchedulerOptions['start'] = (each, dueAt) => {
    const run = Promise.withResolvers<undefined>();
    void states.settleUpTo(each.id, dueAt);
    started.push({ id: each.id, dueAt, end: () => run.resolve(undefined) });
    return run.promise;
  };
  const scheduler = new Scheduler({
    schedules,
    catalog: states,
    clock,
    start,
    onError: (error) => errors.push(error),
    ...more,
  });
  loop = scheduler.run(stop.signal);
  return scheduler;
}

const ids = (): string[] => started.map(({ id }) => id);
/** Lets the loop take its turn: it waits for nothing but the clock. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = new ManualClock(noon + minute);
  states = new States();
  stop = new AbortController();
  started = [];
  errors = [];
});

afterEach(async () => {
  for (const { end } of started) end();
  stop.abort();
  await loop;
});

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

  it('gives way to what matters more when not all fits, and says so once', async () => {
    const large = { cpu: 0.6, memory: 0.1 };
    begin(
      schedule('low', { priority: 'low', resources: large }),
      schedule('critical', { priority: 'critical', resources: large }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    expect(ids()).toEqual(['critical']);
    clock.advance(minute);
    await settle();
    expect(states.events).toEqual([{ name: 'run:deferred', schedule: 'low', reason: 'capacity' }]);
    started[0]?.end();
    await vi.waitUntil(() => started.length === 2);
    expect(ids()).toEqual(['critical', 'low']);
  });

  it('lets no small run slip past a large one that matters more', async () => {
    begin(
      schedule('first', { priority: 'critical', resources: { cpu: 0.5, memory: 0.1 } }),
      schedule('large', { priority: 'high', resources: { cpu: 0.9, memory: 0.1 } }),
      schedule('small', { priority: 'low', resources: { cpu: 0.1, memory: 0.1 } }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    await settle();
    expect(ids()).toEqual(['first']);
  });

  it('sends no more over a network than it takes, and takes no more dumps of a server than it gives', async () => {
    beginWith(
      {
        limits: () => ({ networks: { lan: { bandwidth: 100 } }, servers: { db: { dumps: 1 } } }),
        waysOf: ({ stores, network, server }) => ({
          stores,
          ...(network !== undefined && { network }),
          ...(server !== undefined && { server }),
          bytesPerSecond: 60,
        }),
      },
      schedule('a', { priority: 'critical', network: 'lan', server: 'db' }),
      schedule('b', { priority: 'high', network: 'lan' }),
      schedule('c', { priority: 'medium', server: 'db' }),
      schedule('d', { priority: 'low' }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 2);
    expect(ids()).toEqual(['a', 'd']);
    expect(states.events).toEqual([
      { name: 'run:deferred', schedule: 'b', reason: 'network' },
      { name: 'run:deferred', schedule: 'c', reason: 'server' },
    ]);
    started[0]?.end();
    await vi.waitUntil(() => started.length === 4);
    expect(ids().slice(2)).toEqual(['b', 'c']);
  });

  it('lets no more runs write to a store than it takes, and holds up nobody else for that', async () => {
    let streams = 1;
    const scheduler = beginWith(
      { limits: () => ({ stores: { tape: { streams } } }) },
      schedule('a', { priority: 'critical', stores: ['tape'] }),
      schedule('b', { priority: 'high', stores: ['local', 'tape'] }),
      schedule('c', { priority: 'low' }),
      schedule('d', { priority: 'low', stores: ['tape'] }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 2);
    expect(ids()).toEqual(['a', 'c']);
    expect(states.events).toEqual([
      { name: 'run:deferred', schedule: 'b', reason: 'store' },
      { name: 'run:deferred', schedule: 'd', reason: 'store' },
    ]);
    started[0]?.end();
    await vi.waitUntil(() => started.length === 3);
    expect(ids()[2]).toBe('b');
    // A reload lets the store take more.
    streams = 2;
    scheduler.poke();
    await vi.waitUntil(() => started.length === 4);
    expect(ids()[3]).toBe('d');
  });

  it('tries again every ten seconds what other hosts leave no room for, tells it once, and starts others meanwhile', async () => {
    const tries: number[] = [];
    let full: string | undefined = 'network';
    const start: SchedulerOptions['start'] = async (each, dueAt) => {
      if (each.id === 'sent') tries.push(clock.now() - noon - hour);
      if (each.id === 'sent' && full !== undefined) return full;
      started.push({ id: each.id, dueAt, end: () => undefined });
      await states.settleUpTo(each.id, dueAt);
      return undefined;
    };
    const scheduler = beginWith(
      { start },
      schedule('sent', { priority: 'critical', resources: { cpu: 1, memory: 1 } }),
      schedule('kept', { priority: 'low', on_deadline: 'skip' }),
    );
    await settle();
    clock.set(noon + hour);
    await vi.waitUntil(() => ids().includes('kept'));
    expect(scheduler.deferral('sent')).toMatchObject({ since: noon + hour, reason: 'network' });
    for (const second of [4, 10, 15, 20]) {
      clock.set(noon + hour + second * 1000);
      scheduler.poke();
      await settle();
    }
    expect(tries).toEqual([0, 10_000, 20_000]);
    const deferred = { name: 'run:deferred', schedule: 'sent', reason: 'network' };
    expect(states.events.filter(({ name }) => name === 'run:deferred')).toContainEqual(deferred);
    expect(states.events.filter((event) => 'reason' in event && event.reason === 'network')).toEqual([
      deferred,
    ]);
    full = undefined;
    clock.set(noon + hour + 30_000);
    await vi.waitUntil(() => ids().includes('sent'));
    expect(scheduler.deferral('sent')).toBeUndefined();
  });

  it('tries at once what others left no room for before the clock was set back', async () => {
    const tries: number[] = [];
    const start: SchedulerOptions['start'] = () => {
      tries.push(clock.now());
      return Promise.resolve('store');
    };
    const scheduler = beginWith({ start }, schedule('sent'));
    await settle();
    clock.set(noon + hour + 60_000);
    await vi.waitUntil(() => tries.length === 1);
    await settle();
    clock.set(noon + hour);
    scheduler.poke();
    await vi.waitUntil(() => tries.length === 2);
  });

  it('tries at the last call, however short a time ago others left no room for it', async () => {
    const tries: number[] = [];
    const start: SchedulerOptions['start'] = () => {
      tries.push(clock.now() - noon - hour);
      return Promise.resolve('store');
    };
    beginWith({ start }, schedule('sent', { max_delay: 30_000, on_deadline: 'skip' }));
    await settle();
    for (const second of [0, 10, 20, 25, 28, 40]) {
      clock.set(noon + hour + second * 1000);
      await settle();
    }
    expect(tries).toEqual([0, 10_000, 20_000, 25_000]);
    expect(states.events.at(-1)).toMatchObject({ name: 'run:missed', schedule: 'sent', reason: 'store' });
  });

  describe('held up to its deadline, for the state is away', () => {
    const cutOff = async (onDeadline: 'run' | 'skip'): Promise<() => void> => {
      let isAway = true;
      const gate: SchedulerOptions['gate'] = () => (isAway ? 'cut_off' : undefined);
      const scheduler = beginWith({ gate }, schedule('shop', { on_deadline: onDeadline }));
      clock.set(noon + hour);
      await settle();
      for (const minutes of [29, 29.75, 31, 45]) {
        clock.set(noon + hour + minutes * minute);
        await settle();
      }
      return () => {
        isAway = false;
        scheduler.poke();
      };
    };

    it('starts once the state is back', async () => {
      const back = await cutOff('run');
      expect(states.events).toEqual([{ name: 'run:deferred', schedule: 'shop', reason: 'cut_off' }]);
      back();
      await vi.waitUntil(() => started.length === 1);
      expect(started[0]).toMatchObject({ id: 'shop', dueAt: noon + hour });
    });

    it('tells those before it as well, where they could not be put on record meanwhile', async () => {
      states.drops = true;
      const back = await cutOff('run');
      for (const minutes of [60, 89, 89.75, 91]) {
        clock.set(noon + hour + minutes * minute);
        await settle();
      }
      states.drops = false;
      back();
      await vi.waitUntil(() => started.length === 1);
      expect(started[0]).toMatchObject({ id: 'shop', dueAt: noon + 2 * hour });
      expect(states.events.filter(({ name }) => name === 'run:missed')).toMatchObject([
        { schedule: 'shop', dueAt: noon + hour, occurrences: 1 },
      ]);
    });

    it('is missed, with the reason, where it would rather not be made than be late', async () => {
      const back = await cutOff('skip');
      expect(states.events.at(-1)).toMatchObject({ name: 'run:missed', schedule: 'shop', reason: 'cut_off' });
      back();
      await settle();
      expect(started).toEqual([]);
    });
  });

  describe('without room until its deadline', () => {
    const whole = { cpu: 1, memory: 1 };
    const crowded = async (onDeadline: 'run' | 'skip' = 'run'): Promise<Scheduler> => {
      const scheduler = begin(
        schedule('hog', { priority: 'critical', resources: whole }),
        schedule('late', { resources: whole, max_delay: 10 * minute, on_deadline: onDeadline }),
      );
      clock.set(noon + hour);
      await vi.waitUntil(() => started.length === 1);
      for (const minutes of [9.75, 11]) {
        clock.set(noon + hour + minutes * minute);
        await settle();
      }
      return scheduler;
    };

    it('starts as soon behind it as there is some', async () => {
      const scheduler = await crowded();
      expect(scheduler.deferral('late')).toMatchObject({ dueAt: noon + hour, reason: 'capacity' });
      clock.set(noon + hour + 40 * minute);
      started[0]?.end();
      await vi.waitUntil(() => started.length === 2);
      expect(started[1]).toMatchObject({ id: 'late', dueAt: noon + hour });
      expect(states.events.map(({ name }) => name)).toEqual(['run:deferred']);
    });

    it('is missed, with the reason, once the next one has come', async () => {
      await crowded();
      expect(states.events.map(({ name }) => name)).toEqual(['run:deferred']);
      clock.set(noon + 2 * hour);
      await vi.waitUntil(() => states.events.some(({ name }) => name === 'run:missed'));
      expect(states.events.find(({ name }) => name === 'run:missed')).toEqual({
        name: 'run:missed',
        schedule: 'late',
        dueAt: noon + hour,
        occurrences: 1,
        reason: 'capacity',
      });
      started[0]?.end();
      await vi.waitUntil(() => started.length === 2);
      // By then the hog is due as well, and goes first.
      started[1]?.end();
      await vi.waitUntil(() => started.length === 3);
      expect(started.slice(1)).toMatchObject([
        { id: 'hog', dueAt: noon + 2 * hour },
        { id: 'late', dueAt: noon + 2 * hour },
      ]);
    });

    it('is given up in the moment in which the next one is due, so that this one is not missed as well', async () => {
      begin(
        schedule('hog', { priority: 'critical', resources: whole }),
        schedule('late', { resources: whole, max_delay: 1000 }),
      );
      clock.set(noon + hour);
      await vi.waitUntil(() => started.length === 1);
      // By itself it looks twice a minute, not at the full hour.
      clock.set(noon + 2 * hour - 15_000);
      await settle();
      clock.set(noon + 2 * hour);
      await settle();
      clock.advance(15_000);
      await settle();
      expect(states.events).toMatchObject([
        { name: 'run:deferred', schedule: 'late', reason: 'capacity' },
        { name: 'run:missed', schedule: 'late', dueAt: noon + hour, occurrences: 1, reason: 'capacity' },
        { name: 'run:deferred', schedule: 'late', reason: 'capacity' },
      ]);
    });

    it('is missed at once where it would rather not be made than be late', async () => {
      await crowded('skip');
      expect(states.events.at(-1)).toMatchObject({
        name: 'run:missed',
        schedule: 'late',
        reason: 'capacity',
      });
    });

    it('is given up when it is paused or removed', async () => {
      const scheduler = await crowded();
      states.paused.add('late');
      scheduler.poke();
      await settle();
      states.paused.delete('late');
      started[0]?.end();
      await settle();
      expect(ids()).toEqual(['hog']);
    });
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

  describe('with a gate', () => {
    let busy: string | undefined;
    let asked: StartTimes[];
    const gated = (...schedules: ScheduleConfig[]): Scheduler => {
      const gate: SchedulerOptions['gate'] = ({ schedule: { on_deadline: onDeadline } }, times) => {
        asked.push(times);
        return onDeadline === 'run' && times.now >= times.deadline ? undefined : busy;
      };
      return beginWith({ gate }, ...schedules);
    };
    beforeEach(() => {
      busy = 'cpu';
      asked = [];
    });

    it('waits while it holds, says why once for each reason, and starts when it lets go', async () => {
      const scheduler = gated(schedule('shop'));
      clock.set(noon + hour);
      await settle();
      for (const reason of ['cpu', 'disk', 'cpu', 'disk']) {
        busy = reason;
        clock.advance(minute);
        await settle();
        expect(scheduler.deferral('shop')).toMatchObject({ dueAt: noon + hour, since: noon + hour, reason });
      }
      expect(states.events).toEqual([
        { name: 'run:deferred', schedule: 'shop', reason: 'cpu' },
        { name: 'run:deferred', schedule: 'shop', reason: 'disk' },
      ]);
      busy = undefined;
      clock.advance(minute);
      await vi.waitUntil(() => started.length === 1);
      expect(scheduler.deferral('shop')).toBeUndefined();
    });

    it('forgets what is removed while it waits, and keeps to what is changed', async () => {
      const scheduler = gated(schedule('shop'), schedule('docs'));
      clock.set(noon + hour);
      await settle();
      expect(scheduler.deferral('shop')).toBeDefined();
      scheduler.replaceSchedules([schedule('docs', { max_delay: 5 * minute })]);
      await settle();
      expect([scheduler.deferral('shop'), scheduler.nextRunAt('shop')]).toEqual([undefined, undefined]);
      // Its new deadline, at which it starts whatever the load; the other one never does.
      clock.set(noon + hour + 5 * minute - 1000);
      await vi.waitUntil(() => started.length > 0);
      busy = undefined;
      clock.set(noon + hour + 40 * minute);
      await settle();
      expect(ids()).toEqual(['docs']);
    });

    it('starts right before its deadline whatever the load', async () => {
      gated(schedule('shop'));
      clock.set(noon + hour);
      await settle();
      const lastCall = asked.at(-1)?.deadline ?? 0;
      expect(lastCall).toBeGreaterThan(noon + hour + 29 * minute);
      expect(lastCall).toBeLessThan(noon + hour + 30 * minute);
      // It has just looked, and would not look again before its time is over but for the last call.
      clock.set(lastCall - 1000);
      await settle();
      expect(started).toEqual([]);
      clock.set(lastCall);
      await vi.waitUntil(() => started.length === 1);
      expect(started).toMatchObject([{ dueAt: noon + hour }]);
      expect(states.events.filter(({ name }) => name === 'run:missed')).toEqual([]);
    });

    it('starts before the next one takes its place', async () => {
      gated(schedule('shop', { max_delay: 5 * hour }));
      clock.set(noon + hour);
      await settle();
      clock.set(noon + 2 * hour - 1000);
      await vi.waitUntil(() => started.length === 1);
      expect(started).toMatchObject([{ dueAt: noon + hour }]);
    });

    it('passes over what is still held at its deadline where that is wanted, once and with the reason', async () => {
      const scheduler = gated(schedule('shop', { on_deadline: 'skip' }));
      clock.set(noon + hour);
      await settle();
      clock.set(noon + hour + 30 * minute - 1000);
      await settle();
      const missed = {
        name: 'run:missed',
        schedule: 'shop',
        dueAt: noon + hour,
        occurrences: 1,
        reason: 'cpu',
      };
      await vi.waitUntil(() => states.events.length === 2);
      expect(states.events).toEqual([{ name: 'run:deferred', schedule: 'shop', reason: 'cpu' }, missed]);
      clock.set(noon + hour + 31 * minute);
      await settle();
      expect(states.events).toHaveLength(2);
      expect(started).toEqual([]);
      expect(scheduler.nextRunAt('shop')).toBe(noon + 2 * hour);
      expect(scheduler.deferral('shop')).toBeUndefined();
      busy = undefined;
      clock.set(noon + 2 * hour);
      await vi.waitUntil(() => started.length === 1);
    });

    it('says of what it had held that nobody was there where the host slept over its deadline', async () => {
      gated(schedule('shop', { on_deadline: 'skip' }));
      clock.set(noon + hour);
      await settle();
      clock.set(noon + hour + 40 * minute);
      await vi.waitUntil(() => states.events.length === 2);
      const missed = { name: 'run:missed', dueAt: noon + hour, reason: 'absent_after_cpu' };
      expect(states.events[1]).toMatchObject(missed);
    });

    it('counts its patience from the first slot, however often it is planned anew', async () => {
      const gate: SchedulerOptions['gate'] = (_due, times) => {
        asked.push(times);
        return 'cpu';
      };
      const plan: SchedulerOptions['plan'] = (due, _running, now) =>
        Promise.resolve(
          new Map(due.map((job) => [job.schedule.id, Math.max(now, job.occurrence.windowStart)])),
        );
      beginWith({ gate, plan }, schedule('shop'));
      clock.set(noon + hour);
      await settle();
      clock.set(noon + hour + 20 * minute);
      await settle();
      expect(asked.at(-1)).toMatchObject({ now: noon + hour + 20 * minute, slot: noon + hour });
    });

    it('counts it from the end of the window at the latest, where a plan has put the start behind that', async () => {
      const gate: SchedulerOptions['gate'] = (_due, times) => {
        asked.push(times);
        return 'cpu';
      };
      const plan: SchedulerOptions['plan'] = (due) =>
        Promise.resolve(new Map(due.map((job) => [job.schedule.id, job.occurrence.windowEnd + 10 * minute])));
      beginWith({ gate, plan }, schedule('shop'));
      clock.set(noon + hour + 10 * minute);
      await settle();
      expect(asked.at(-1)).toMatchObject({ now: noon + hour + 10 * minute, slot: noon + hour });
    });

    it('starts at the last call what the plan has put behind that, and says until then what is planned', async () => {
      const plan: SchedulerOptions['plan'] = (due) =>
        Promise.resolve(new Map(due.map((job) => [job.schedule.id, job.occurrence.deadline + hour])));
      const scheduler = beginWith({ plan }, schedule('shop', { every: 6 * hour }));
      await settle();
      expect(scheduler.nextRunAt('shop')).toBe(noon + 7.5 * hour);
      clock.set(noon + 6.5 * hour - 1000);
      await vi.waitUntil(() => started.length === 1);
    });

    it('leaves what room there is to others up to the last call, where a plan has none for it', async () => {
      const plan: SchedulerOptions['plan'] = () => Promise.resolve(new Map());
      const scheduler = beginWith({ plan }, schedule('shop'));
      clock.set(noon + hour);
      await settle();
      expect([ids(), scheduler.nextRunAt('shop')]).toEqual([[], undefined]);
      clock.set(noon + hour + 30 * minute - 1000);
      await vi.waitUntil(() => started.length === 1);
    });

    it('starts what a pool has given to this host ahead of the last call, at which all others reach for it', async () => {
      const plan: SchedulerOptions['plan'] = (due) =>
        Promise.resolve(new Map(due.map((job) => [job.schedule.id, job.occurrence.deadline])));
      beginWith({ plan }, schedule('shop', { pool: 'any' }), schedule('files'));
      clock.set(noon + hour + 30 * minute - 10_000);
      await vi.waitUntil(() => started.length > 0);
      await settle();
      expect(ids()).toEqual(['shop']);
      clock.set(noon + hour + 30 * minute - 5000);
      await vi.waitUntil(() => started.length === 2);
    });

    it('starts by the last call what was left to another host, and says of it until then no next run', async () => {
      const plan: SchedulerOptions['plan'] = (due) =>
        Promise.resolve(
          new Map(due.map(({ schedule: { id } }) => [id, id === 'shop' ? Infinity : noon + 2 * hour])),
        );
      const scheduler = beginWith({ plan }, schedule('shop'), schedule('files', { every: 2 * hour }));
      await settle();
      expect([scheduler.nextRunAt('shop'), scheduler.nextRunAt('files')]).toEqual([
        undefined,
        noon + 2 * hour,
      ]);
      clock.set(noon + hour + 30 * minute - 1000);
      await vi.waitUntil(() => started.length === 1);
      expect(started).toMatchObject([{ id: 'shop', dueAt: noon + hour }]);
    });
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
