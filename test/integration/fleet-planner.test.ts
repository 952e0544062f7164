import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import type { Fleet, HostFacts, Lease } from '../../exporter/src/fleet/fleet.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { openPgBossQueue } from '../../exporter/src/queue/pg-boss.ts';
import type { Queue } from '../../exporter/src/queue/queue.ts';
import { FleetPlanner, type FleetPlannerOptions } from '../../exporter/src/service/fleet/planner.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { PlanThread } from '../../exporter/src/service/plan-thread.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

const minute = 60_000;
const silent = { ended: [], isDone: true };

let server: PostgresServer;
let postgres: Postgres;
let fleet: Fleet;
let queue: Queue;
let folder: string;
let catalog: Catalog;
let thread: PlanThread;
const log: string[] = [];
beforeAll(async () => {
  server = await startPostgres();
  postgres = openPostgres(server.url(), { applicationName: 'lowtide test' });
  fleet = await openFleet(postgres);
  queue = await openPgBossQueue(postgres);
  folder = mkdtempSync(join(tmpdir(), 'lowtide-planner-'));
  catalog = openSqliteCatalog(folder);
  thread = new PlanThread();
});
afterAll(async () => {
  await thread[Symbol.asyncDispose]();
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  await queue[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  log.length = 0;
  server.query('TRUNCATE lowtide.hosts CASCADE; TRUNCATE lowtide.leases; TRUNCATE lowtide_jobs.job');
});

function plannerOf(more: Partial<FleetPlannerOptions> = {}): FleetPlanner {
  return new FleetPlanner({
    ...{ fleet, queue, thread, catalog, instance: 'planner', clock: systemClock },
    log: createLog({
      level: 'warn',
      format: 'json',
      redact: (text) => text,
      write: (line) => log.push(line),
    }),
    aheadMs: () => 0,
    poolOf: () => undefined,
    interruptRunsOf: () => Promise.resolve(silent),
    ...more,
  });
}

const heard = { planVersion: 0, isPlanned: false, isNew: false, hasRequests: false, hasTasks: false };
const enter = (instance: string, pools: readonly string[] = []): Promise<Lease> =>
  fleet.enter({ instance, version: '1', address: '', pools }, `home of ${instance}`, minute);

function factsAt(now: number): HostFacts {
  const steps = 600;
  return {
    jobs: [
      {
        schedule: 'db',
        occurrence: {
          dueAt: now,
          windowStart: now,
          windowEnd: now + 30 * minute,
          deadline: now + 30 * minute,
        },
        durationMs: 5 * minute,
        resources: { cpu: 0.2, memory: 0.1 },
        stores: ['local'],
        priority: 'medium',
      },
    ],
    running: [],
    load: {
      startsAt: now - (now % (5 * minute)),
      stepMs: 5 * minute,
      cpu: new Float64Array(steps),
      memory: new Float64Array(steps),
      isKnown: false,
    },
    limits: {},
    shared: {},
  };
}

it('plans by the clock of PostgreSQL, however far its own is ahead', async () => {
  const hour = 60 * minute;
  await fleet.facts.publish(await enter('db1'), factsAt(Date.now()));
  const clock = { ...systemClock, now: () => Date.now() + hour };
  await plannerOf({ clock, aheadMs: () => hour }).look(heard);
  expect((await fleet.plan.read('db1')).slots).toMatchObject([{ schedule: 'db' }]);
});

it('warns once where hosts of a pool say different things of a schedule of it', async () => {
  const settings = { pool: 'any', source: 'postgres db', timezone: 'UTC', max_delay: 1, priority: 'low' };
  const tell = async (instance: string, stores: readonly string[]): Promise<void> => {
    const pooled = { shop: { ...settings, stores } };
    await fleet.facts.publish(await enter(instance, ['any']), { ...factsAt(Date.now()), pooled });
  };
  await tell('db1', ['a']);
  await tell('db2', ['b']);
  const planner = plannerOf();
  await planner.look(heard);
  const warning = 'shop of the pool any has another `stores` on db1 than on db2';
  const warned = (): number => log.filter((line) => line.includes(warning)).length;
  expect(warned()).toBe(1);
  await tell('db3', ['a']);
  await planner.look(heard);
  expect(warned()).toBe(1);
  await tell('db2', ['a']);
  await planner.look(heard);
  await tell('db2', ['b']);
  await planner.look(heard);
  expect(warned()).toBe(2);
});

it('does its other duties where it can make no plan, and says why it cannot', async () => {
  await fleet.facts.publish(await enter('db1'), factsAt(Date.now()));
  await enter('dead');
  server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/dead'`);
  const asked: string[] = [];
  const planner = plannerOf({
    thread: { fleet: () => Promise.reject(new Error('too much')) },
    interruptRunsOf: (instance) => {
      asked.push(instance);
      return Promise.resolve(silent);
    },
  });
  for (let beat = 0; beat < 3; beat += 1) await planner.look(heard);
  // What was done is not done with each beat.
  expect(asked).toEqual(['dead']);
  expect(log.join('')).toContain('too much');
  expect(log.join('')).toContain('nothing is heard of dead any more');
});

it('speaks for a host that two looks have found silent, and each time anew that it plans', async () => {
  const spokenFor: string[] = [];
  const planner = plannerOf({
    interruptRunsOf(instance) {
      spokenFor.push(instance);
      return Promise.resolve(silent);
    },
  });
  const at = (when: string): string =>
    server.query(`UPDATE lowtide.leases SET expires_at = now() + interval '${when}' WHERE name = 'host/db1'`);
  await enter('db1');
  // As after an outage: its next beat is still to come.
  at('-1 second');
  await planner.look(heard);
  at('1 minute');
  await planner.look(heard);
  at('-1 second');
  await planner.look(heard);
  expect(spokenFor).toEqual([]);
  await planner.look(heard);
  await planner.look(heard);
  expect(spokenFor).toEqual(['db1']);
  // Another has planned for a while, and it was there again meanwhile.
  await planner.giveUp();
  await planner.look(heard);
  await planner.look(heard);
  expect(spokenFor).toEqual(['db1', 'db1']);
});

it('tells what a pool has missed, and takes no schedule of its own for it that is called the same', async () => {
  await enter('db1', ['any']);
  const before = await catalog.latestSequence();
  const dueAt = Date.now() - 60 * minute;
  await catalog.settle('db', dueAt - minute);
  const offer = { owner: { pool: 'any' }, schedule: 'db', slot: dueAt, deadline: dueAt + minute };
  await queue.offer([{ ...offer, dueAt, priority: 1, attempts: 3 }]);
  await plannerOf().look(heard);
  const missed = (await catalog.eventsAfter(before, 100)).map(({ body }) => body);
  expect(missed).toEqual([{ name: 'run:missed', schedule: 'db', dueAt, occurrences: 1, reason: 'absent' }]);
  expect((await catalog.schedule('db')).settledUntil).toBe(dueAt - minute);

  const next = dueAt + 2 * minute;
  await queue.offer([{ ...offer, dueAt: next, deadline: next + minute, priority: 1, attempts: 3 }]);
  server.query('TRUNCATE lowtide.leases');
  await enter('db1', ['any']);
  await plannerOf({ poolOf: () => 'any' }).look(heard);
  expect((await catalog.schedule('db')).settledUntil).toBe(next);
});

it('calls no claim silent until a minute after PostgreSQL was away', async () => {
  await enter('db1', ['any']);
  const dueAt = Date.now();
  const offer = { owner: { pool: 'any' }, schedule: 'db', dueAt, slot: dueAt, deadline: dueAt + 60 * minute };
  await queue.claim({ instance: 'db1', pools: ['any'] }, 1, [{ ...offer, priority: 1, attempts: 3 }]);
  let now = Date.now();
  const planner = plannerOf({ clock: { ...systemClock, now: () => now } });
  const states = async (): Promise<unknown> => (await queue.jobs([{ pool: 'any' }])).map((job) => job.state);
  await planner.look(heard);
  server.query('UPDATE lowtide_jobs.job SET beat_at = beat_at - 61000');
  now += 31_000;
  await planner.look(heard);
  for (let beat = 1; beat < 6; beat += 1) {
    now += 10_000;
    await planner.look(heard);
  }
  expect(await states()).toEqual(['claimed']);
  now += 10_000;
  await planner.look(heard);
  expect(await states()).toEqual(['waiting']);
});
