import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import type { ScheduleState } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { EventBody } from '../events/events.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

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

  schedule(id: string): ScheduleState {
    if (this.fails) throw new Error('the disk is gone');
    const settledUntil = this.settled.get(id);
    return { paused: this.paused.has(id), ...(settledUntil !== undefined && { settledUntil }) };
  }

  settle(id: string, until: number): void {
    this.settled.set(id, until);
  }

  recordMissed(id: string, dueAt: number, occurrences: number): void {
    this.settled.set(id, dueAt);
    this.events.push({ name: 'run:missed', schedule: id, dueAt, occurrences });
  }

  append(body: EventBody): never {
    this.events.push(body);
    return undefined as never;
  }
}

let clock: ManualClock;
let states: States;
let stop: AbortController;
let started: { id: string; dueAt: number; end: () => void }[];
let errors: unknown[];
let loop: Promise<void>;

function begin(...schedules: ScheduleConfig[]): Scheduler {
  const start: SchedulerOptions['start'] = (each, dueAt) => {
    const run = Promise.withResolvers<undefined>();
    states.settle(each.id, dueAt);
    started.push({ id: each.id, dueAt, end: () => run.resolve(undefined) });
    return run.promise;
  };
  const scheduler = new Scheduler({
    schedules,
    catalog: states,
    clock,
    start,
    onError: (error) => errors.push(error),
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
  it('runs a new schedule at its next time, and has missed nothing before', async () => {
    const scheduler = begin(schedule('shop'));
    await settle();
    expect(scheduler.nextRunAt('shop')).toBe(noon + hour);
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
    expect(states.events).toMatchObject([{ name: 'run:missed', dueAt: noon + 2 * hour, occurrences: 1 }]);
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

  it('records what was missed while it waited for room until its deadline', async () => {
    const whole = { cpu: 1, memory: 1 };
    begin(
      schedule('hog', { priority: 'critical', resources: whole }),
      schedule('late', { resources: whole, max_delay: 10 * minute }),
    );
    clock.set(noon + hour);
    await vi.waitUntil(() => started.length === 1);
    clock.set(noon + hour + 11 * minute);
    await vi.waitUntil(() => states.events.length === 2);
    expect(states.events[1]).toEqual({
      name: 'run:missed',
      schedule: 'late',
      dueAt: noon + hour,
      occurrences: 1,
    });
  });

  it('runs nothing that is paused, and does not call it missed', async () => {
    states.paused.add('shop');
    const scheduler = begin(schedule('shop'));
    clock.set(noon + 5 * hour);
    await settle();
    expect(started).toEqual([]);
    expect(states.events).toEqual([]);
    expect(scheduler.nextRunAt('shop')).toBeUndefined();
    states.paused.delete('shop');
    scheduler.poke();
    await vi.waitUntil(() => started.length === 1);
    expect(started).toMatchObject([{ dueAt: noon + 5 * hour }]);
  });

  it('catches up once after the host was off for a day', async () => {
    states.settle('shop', noon - 24 * hour);
    begin(schedule('shop'));
    await vi.waitUntil(() => started.length === 1);
    expect(started).toMatchObject([{ dueAt: noon }]);
    expect(states.events).toMatchObject([{ name: 'run:missed', occurrences: 23, dueAt: noon - hour }]);
  });

  it('goes on after a look that failed', async () => {
    states.fails = true;
    begin(schedule('shop'));
    await settle();
    expect(errors).toHaveLength(1);
    states.fails = false;
    states.settle('shop', noon);
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
});
