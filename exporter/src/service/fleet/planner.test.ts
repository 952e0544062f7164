import { pino } from 'pino';
import { expect, it } from 'vitest';
import { ManualClock } from '../../clock/manual.ts';
import type { Fleet, HostFacts } from '../../fleet/fleet.ts';
import type { Offer, Queue } from '../../queue/queue.ts';
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

it('offers nothing whose time has gone by while the plan was made', async () => {
  const clock = new ManualClock(noon + minute - 500);
  const offered: Offer[] = [];
  const planner = new FleetPlanner({
    fleet: {
      leases: { acquire: (name: string) => Promise.resolve({ name, holder: 'db1', token: 1 }) },
      hosts: () => Promise.resolve([{ instance: 'db1', state: 'alive', pools: [] }]),
      facts: {
        read: () => Promise.resolve(new Map([['db1', { revision: 1, facts: facts([noon, noon + minute]) }]])),
      },
      plan: { readAll: () => Promise.resolve(new Map()), write: () => Promise.resolve(1) },
    } as unknown as Fleet,
    queue: {
      offer: (offers: readonly Offer[]) => {
        offered.push(...offers);
        return Promise.resolve();
      },
      sweep: () => Promise.resolve([]),
      forget: () => Promise.resolve(0),
    } as unknown as Queue,
    thread: {
      fleet: (request) => {
        clock.advance(1500);
        return Promise.resolve([...planFleetDue(request).slots.values()].flat());
      },
    },
    instance: 'db1',
    interruptRunsOf: () => Promise.resolve({ ended: [], isDone: true }),
    catalog: {} as FleetPlannerOptions['catalog'],
    poolOf: () => undefined,
    aheadMs: () => 0,
    clock,
    log: pino({ level: 'silent' }),
  });
  const heard = { planVersion: 0, isPlanned: false, isNew: false, hasRequests: false, hasTasks: false };
  await planner.look(heard);
  expect(offered.map(({ dueAt }) => dueAt)).toEqual([noon + minute]);
});
