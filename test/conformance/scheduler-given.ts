import { ManualClock } from '../../exporter/src/clock/manual.ts';
import type { Missed, ScheduleState } from '../../exporter/src/catalog/catalog.ts';
import type { ScheduleConfig } from '../../exporter/src/config/schema.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import { Scheduler, type SchedulerOptions } from '../../exporter/src/service/scheduler.ts';

/** A scheduler on a clock that is set by hand. */
export const minute = 60_000;
export const hour = 60 * minute;
export const noon = Date.parse('2026-03-02T12:00:00Z');

export function schedule(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
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

export let clock: ManualClock;
export let states: States;
export let stop: AbortController;
export let started: { id: string; dueAt: number; end: () => void }[];
export let errors: unknown[];
export let loop: Promise<void>;

export function begin(...schedules: ScheduleConfig[]): Scheduler {
  return beginWith({}, ...schedules);
}

export function beginWith(more: Partial<SchedulerOptions>, ...schedules: ScheduleConfig[]): Scheduler {
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

export const ids = (): string[] => started.map(({ id }) => id);
/** Lets the loop take its turn: it waits for nothing but the clock. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Before each test: the files that run in one process share what is here. */
export function setUp(): void {
  clock = new ManualClock(noon + minute);
  states = new States();
  stop = new AbortController();
  started = [];
  errors = [];
}

export async function tearDown(): Promise<void> {
  for (const { end } of started) end();
  stop.abort();
  await loop;
}
