import { asTheyCome, comesAsDue } from './as-they-come.ts';
import type { Explanation } from './explain.ts';
import { planFleet, type FleetHost, type FleetRequest, type PlannedFleet } from './fleet.ts';
import { heldForAWhile } from './held-for-a-while.ts';
import { heldInFleet, heldToTheEnd } from './held-to-the-end.ts';
import { byStart } from './outcome.ts';
import {
  planSlots,
  type Plan,
  type PlanJob,
  type PlannedSlot,
  type PlanRequest,
  type RunningJob,
} from './planner.ts';
import { outlookOf } from './planning.ts';
import { knownOf, loadAt } from './slot-grid.ts';
import { scheduleKey } from './turns.ts';
import { withoutRoom } from './without-room.ts';

/*
 * Plans of all jobs: of nearly all by the planner, so that they make room for each other. Where a schedule is due every minute, each
 * run has the one time alone: there is nothing to plan, and in a grid of five minutes it would be in its own way.
 */

export function planDue({ beside = [], ...request }: PlanRequest): Plan {
  if (beside.length === 0) return planAll(request);
  const plan = planAll({ ...request, jobs: [...request.jobs, ...beside] });
  const others = new Set(beside);
  return {
    ...plan,
    slots: plan.slots.filter(({ job }) => !others.has(job)),
    misfits: plan.misfits.filter(({ job }) => !others.has(job)),
  };
}

function planAll(request: PlanRequest): Plan {
  const { now, jobs } = request;
  const crowded = crowdedIn(new Map([[onlyHost, request]]));
  const { free = [], fixed = [] } = Object.groupBy(jobs, (job) => partOf(job, onlyHost, crowded));
  const plan = planSlots({ ...request, jobs: free, running: plannedAround(request, onlyHost, crowded) });
  const { runs, misfits } = asTheyCome(now, new Map([[onlyHost, { ...request, jobs: fixed }]]));
  const added = new Set<PlannedSlot>(runs);
  const held = heldToTheEnd(plan.slots, runs, request);
  // What is skipped for a busy host takes no room, and misses none.
  const isMade = (slot: PlannedSlot): boolean => !held.slots.has(slot);
  return {
    slots: [...plan.slots, ...runs].sort(byStart),
    misfits: [
      ...plan.misfits,
      ...misfits,
      ...withoutRoom(runs.filter(isMade), plan.slots.filter(isMade), request),
      ...held.misfits,
    ],
    explain: (slot) =>
      withWait(added.has(slot) ? onlyStart(slot, request) : plan.explain(slot), slot, request),
  };
}

function withWait(
  reason: Explanation,
  slot: PlannedSlot,
  request: Pick<FleetHost, 'hosts' | 'load'>,
): Explanation {
  const wait = heldForAWhile(slot, request);
  return wait === undefined ? reason : { ...reason, text: `${reason.text}; ${wait}` };
}

export function planFleetDue(request: FleetRequest): PlannedFleet {
  const crowded = crowdedIn(request.hosts);
  const hosts = { free: new Map<string, FleetHost>(), fixed: new Map<string, FleetHost>() };
  for (const [instance, host] of request.hosts) {
    const { free = [], fixed = [] } = Object.groupBy(host.jobs, (job) => partOf(job, instance, crowded));
    hosts.free.set(instance, { ...host, jobs: free, running: plannedAround(host, instance, crowded) });
    hosts.fixed.set(instance, { ...host, jobs: fixed });
  }
  const plan = planFleet({ ...request, hosts: hosts.free });
  const { runs, misfits } = asTheyCome(request.now, hosts.fixed);
  const added = new Set(runs);
  const came = Map.groupBy(runs, ({ runsOn }) => runsOn);
  const slots = new Map(
    [...plan.slots].map(([instance, planned]) => [
      instance,
      [...planned, ...(came.get(instance) ?? [])].sort(byStart),
    ]),
  );
  return {
    slots,
    misfits: [...plan.misfits, ...misfits, ...heldInFleet([...slots.values()].flat(), request.hosts)],
    explain: (slot) => {
      const host = request.hosts.get(slot.runsOn);
      if (host === undefined) return plan.explain(slot);
      return withWait(added.has(slot) ? onlyStart(slot, host) : plan.explain(slot), slot, host);
    },
  };
}

const onlyHost = '';

/** Some of a schedule planned would not know of the rest: with one run that is fixed, all of it is. */
function crowdedIn(hosts: ReadonlyMap<string, Pick<FleetHost, 'jobs' | 'load'>>): ReadonlySet<string> {
  const crowded = new Set<string>();
  for (const [instance, { jobs, load }] of hosts) {
    for (const job of jobs) {
      if (comesAsDue(job, load.stepMs)) crowded.add(scheduleKey(job.pool ?? instance, job));
    }
  }
  return crowded;
}

function partOf(job: PlanJob, instance: string, crowded: ReadonlySet<string>): 'free' | 'fixed' {
  return crowded.size > 0 && crowded.has(scheduleKey(job.pool ?? instance, job)) ? 'fixed' : 'free';
}

/**
 * What of that which runs is in the way of what is planned. Not what begins as it is due, as little as what comes behind that is: at
 * each slot one of them goes on, and from each the next slot would be put off to the one behind.
 */
function plannedAround(
  { running = [] }: Pick<FleetHost, 'running'>,
  instance: string,
  crowded: ReadonlySet<string>,
): readonly RunningJob[] {
  return running.filter((run) => !crowded.has(scheduleKey(run.pool ?? instance, run)));
}

/** Of a slot that was not planned, on the host that runs it. */
function onlyStart(slot: PlannedSlot, host: Pick<FleetHost, 'hosts' | 'load'>): Explanation {
  const load = outlookOf(host, slot.job);
  const there = knownOf(load, loadAt(load, slot.start));
  return {
    code: 'only_start',
    text: 'it may start at no other time',
    load: there,
    isLoadKnown: load.isKnown,
    best: { start: slot.start, load: there },
    others: [],
  };
}
