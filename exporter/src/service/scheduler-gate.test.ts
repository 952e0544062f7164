import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
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
import type { ScheduleConfig } from '../config/schema.ts';
import type { Scheduler, SchedulerOptions, StartTimes } from './scheduler.ts';

beforeEach(setUp);
afterEach(tearDown);

describe('the scheduler with a gate', () => {
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

  it('keeps to what is changed while it puts on record that it waits', async () => {
    const put = Promise.withResolvers<never>();
    vi.spyOn(states, 'append').mockReturnValueOnce(put.promise);
    const scheduler = gated(schedule('shop'));
    clock.set(noon + hour);
    await settle();
    scheduler.replaceSchedules([schedule('shop', { max_delay: 10 * minute })]);
    put.resolve(undefined as never);
    await settle();
    clock.set(noon + hour + 10 * minute - 5000);
    await vi.waitUntil(() => started.length === 1);
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
    expect([scheduler.nextRunAt('shop'), scheduler.nextRunAt('files')]).toEqual([undefined, noon + 2 * hour]);
    clock.set(noon + hour + 30 * minute - 1000);
    await vi.waitUntil(() => started.length === 1);
    expect(started).toMatchObject([{ id: 'shop', dueAt: noon + hour }]);
  });
});
