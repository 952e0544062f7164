import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  begin,
  beginWith,
  clock,
  hour,
  ids,
  minute,
  noon,
  schedule,
  setUp,
  settle,
  started,
  states,
  tearDown,
} from '../../../test/conformance/scheduler-given.ts';
import type { Scheduler, SchedulerOptions } from './scheduler.ts';

beforeEach(setUp);
afterEach(tearDown);

describe('what finds no room', () => {
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

  it('lets no small run slip past a large one that matters more, unless it puts that off by nothing', async () => {
    const small = { priority: 'low', resources: { cpu: 0.2, memory: 0.1 } } as const;
    begin(
      schedule('first', {
        priority: 'critical',
        estimated_duration: 10 * minute,
        resources: { cpu: 0.5, memory: 0.1 },
      }),
      schedule('large', { priority: 'high', resources: { cpu: 0.9, memory: 0.1 } }),
      schedule('small-beside', { ...small, estimated_duration: hour, resources: { cpu: 0.1, memory: 0.1 } }),
      schedule('small-long', { ...small, estimated_duration: 11 * minute }),
      schedule('small-short', { ...small, estimated_duration: 10 * minute }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 3);
    await settle();
    expect(ids()).toEqual(['first', 'small-beside', 'small-short']);
    expect(states.events).toEqual(
      ['large', 'small-long'].map((id) => ({ name: 'run:deferred', schedule: id, reason: 'capacity' })),
    );
    for (const index of [0, 2]) started[index]?.end();
    await vi.waitUntil(() => started.length === 4);
    expect(ids()[3]).toBe('large');
  });

  it('lets nothing slip past what waits for a network into that, and all else', async () => {
    const storedBytes = { heavy: 60 * 60, light: 30 * 60, also: 30 * 60 } as const;
    beginWith(
      {
        limits: () => ({ networks: { lan: { bandwidth: 80 } } }),
        expectedOf: ({ id, resources, estimated_duration: durationMs }) => ({
          ...{ resources, durationMs },
          storedBytes: storedBytes[id as 'heavy'] * (durationMs / minute),
        }),
      },
      schedule('light', { priority: 'critical', network: 'lan', estimated_duration: 5 * minute }),
      schedule('heavy', { priority: 'high', network: 'lan' }),
      schedule('also', { network: 'lan', estimated_duration: 6 * minute }),
      schedule('elsewhere', { priority: 'low', estimated_duration: hour }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 2);
    await settle();
    expect(ids()).toEqual(['light', 'elsewhere']);
    expect(states.events).toEqual(
      ['heavy', 'also'].map((id) => ({ name: 'run:deferred', schedule: id, reason: 'network' })),
    );
    started[0]?.end();
    await vi.waitUntil(() => started.length === 3);
    expect(ids()[2]).toBe('heavy');
  });

  it('lets what comes every minute give way to what is planned, however much it matters', async () => {
    const whole = { cpu: 1, memory: 1 };
    begin(
      schedule('often', { priority: 'critical', every: minute, max_delay: 1000, resources: whole }),
      schedule('night', { priority: 'low', resources: whole }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => ids().includes('night'));
    expect(ids()).toEqual(['night']);
  });

  it('is given first to what can wait less, at most until its next one is due', async () => {
    const whole = { cpu: 1, memory: 1 };
    begin(
      schedule('hourly', { max_delay: 6 * hour, resources: whole }),
      schedule('seldom', { every: 2 * hour, max_delay: 5 * hour, resources: whole }),
    );
    await settle();
    clock.set(noon + 2 * hour);
    await vi.waitUntil(() => started.length > 0);
    expect(ids()).toEqual(['hourly']);
  });

  it('gives each of those that are alike its turn, where there is not enough for all', async () => {
    const whole = { cpu: 1, memory: 1 };
    begin(...['a', 'b', 'c'].map((id) => schedule(id, { every: minute, max_delay: 1000, resources: whole })));
    await settle();
    for (let turn = 1; turn <= 6; turn += 1) {
      clock.set(noon + (turn + 1) * minute);
      started[turn - 2]?.end();
      await vi.waitUntil(() => started.length === turn);
    }
    expect(ids()).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  describe('put off by a plan that begins in steps', () => {
    const waiting = async (planned: number, endsAt = noon + hour + minute / 4): Promise<void> => {
      let night = noon + hour;
      beginWith(
        {
          plan: (due) =>
            Promise.resolve(
              new Map(
                due.map(({ schedule: { id }, occurrence }) => [
                  id,
                  id === 'night' ? night : occurrence.windowStart,
                ]),
              ),
            ),
        },
        schedule('often', { every: minute, max_delay: 1000, resources: { cpu: 0.5, memory: 0.1 } }),
        schedule('night', { resources: { cpu: 0.9, memory: 0.1 } }),
      );
      await settle();
      clock.set(noon + 59 * minute);
      await vi.waitUntil(() => started.length === 1);
      clock.set(noon + hour);
      await vi.waitUntil(() => states.events.some(({ name }) => name === 'run:deferred'));
      // The plan goes on behind the run that is about to be over.
      night = planned;
      clock.set(endsAt);
      started[0]?.end();
      await settle();
    };

    it('begins as soon as there is room, where it is the next one', async () => {
      await waiting(noon + hour + 5 * minute);
      await vi.waitUntil(() => ids().includes('night'));
      expect(ids()).toEqual(['often', 'night']);
    });

    it('does not begin before its window opens, where the clock was set back meanwhile', async () => {
      await waiting(noon + hour, noon + 57 * minute);
      expect(ids()).toEqual(['often']);
      clock.set(noon + hour);
      await vi.waitUntil(() => ids().includes('night'));
    });

    it('leaves the room to others, where the plan has moved it away', async () => {
      await waiting(noon + hour + 20 * minute);
      clock.set(noon + hour + minute);
      await vi.waitUntil(() => started.length === 2);
      expect(ids()).toEqual(['often', 'often']);
    });
  });

  it('sends no more over a network than it takes, and takes no more dumps of a server than it gives', async () => {
    beginWith(
      {
        limits: () => ({ networks: { lan: { bandwidth: 100 } }, servers: { db: { dumps: 1 } } }),
        expectedOf: ({ resources }) => ({ resources, durationMs: minute, storedBytes: 60 * 60 }),
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
});
