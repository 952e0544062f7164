import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import type { Catalog } from '../../catalog/catalog.ts';
import { ManualClock } from '../../clock/manual.ts';
import type { Fleet, HostFacts } from '../../fleet/fleet.ts';
import type { Job, Offer, Queue } from '../../queue/queue.ts';
import { planFleetDue } from '../../schedule/plan-due.ts';
import { FleetPlanner, type FleetPlannerOptions } from './planner.ts';

const minute = 60_000;
const noon = Date.parse('2026-03-02T12:00:00Z');

/** One host, and what its pool has to run every minute. */
function facts(dueAts: readonly number[]): HostFacts {
  const flat = (share: number): Float64Array => new Float64Array(576).fill(share);
  return {
    jobs: dueAts.map((dueAt) => ({
      schedule: 'often',
      pool: 'any',
      occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt + minute, deadline: dueAt + minute },
      durationMs: 20_000,
      resources: { cpu: 0.1, memory: 0.1 },
      stores: ['local'],
      priority: 'medium',
      supersededAt: dueAt + minute,
    })),
    running: [],
    load: { startsAt: noon, stepMs: 300_000, cpu: flat(0.1), memory: flat(0.1), isKnown: true },
    limits: {},
    shared: {},
  };
}

interface Given {
  readonly clock: ManualClock;
  readonly queue: Partial<Queue>;
  /** By pool, what its host has to run. */
  readonly due?: readonly number[];
  readonly catalog?: Partial<FleetPlannerOptions['catalog']>;
  readonly log?: FleetPlannerOptions['log'];
  /** How long a plan takes. */
  readonly planMs?: number;
}

/** Has one host, of the pool, plan for all. */
async function look({
  clock,
  queue,
  due = [],
  catalog = {},
  log = pino({ level: 'silent' }),
  planMs = 0,
}: Given): Promise<void> {
  const planner = new FleetPlanner({
    fleet: {
      leases: { acquire: (name: string) => Promise.resolve({ name, holder: 'db1', token: 1 }) },
      hosts: () => Promise.resolve([{ instance: 'db1', state: 'alive', pools: ['any'] }]),
      facts: { read: () => Promise.resolve(new Map([['db1', { revision: 1, facts: facts(due) }]])) },
      plan: { readAll: () => Promise.resolve(new Map()), write: () => Promise.resolve(1) },
    } as unknown as Fleet,
    queue: {
      ...{
        offer: nothing,
        sweep: none,
        reports: none,
        acknowledge: nothing,
        forget: () => Promise.resolve(0),
      },
      ...queue,
    } as unknown as Queue,
    thread: {
      fleet: (request) => {
        clock.advance(planMs);
        return Promise.resolve([...planFleetDue(request).slots.values()].flat());
      },
    },
    instance: 'db1',
    interruptRunsOf: () => Promise.resolve({ ended: [], isDone: true }),
    catalog: catalog as FleetPlannerOptions['catalog'],
    poolOf: () => undefined,
    aheadMs: () => 0,
    clock,
    log,
  });
  await planner.look({
    ...{ planVersion: 0, isPlanned: false, isNew: false, hasRequests: false, hasTasks: false },
  });
}

const nothing = (): Promise<void> => Promise.resolve();
const none = (): Promise<[]> => Promise.resolve([]);

it('offers nothing whose time has gone by while the plan was made', async () => {
  const offered: Offer[] = [];
  const offer = (offers: readonly Offer[]): Promise<void> => {
    offered.push(...offers);
    return Promise.resolve();
  };
  const clock = new ManualClock(noon + minute - 500);
  await look({ clock, queue: { offer }, due: [noon, noon + minute], planMs: 1500 });
  expect(offered.map(({ dueAt }) => dueAt)).toEqual([noon + minute]);
});

it('tells what a pool has missed, in the log as well', async () => {
  const missed = {
    owner: { pool: 'any' },
    schedule: 'often',
    dueAt: noon,
    state: 'missed',
  } as unknown as Job;
  const lines: unknown[] = [];
  const append = vi.fn<Catalog['append']>();
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const queue = { reports: () => Promise.resolve([missed]), sweep: () => Promise.resolve([missed]) };
  await look({ clock: new ManualClock(noon + 10 * minute), queue, catalog: { append }, log });
  expect(append.mock.calls).toMatchObject([
    [{ name: 'run:missed', schedule: 'often', dueAt: noon }, noon + 10 * minute],
  ]);
  expect(lines.filter((line) => JSON.stringify(line).includes('missed'))).toMatchObject([
    {
      schedule: 'often',
      due: '2026-03-02T12:00:00.000Z',
      msg: expect.stringMatching(/^a backup was missed: /) as string,
    },
  ]);
});
