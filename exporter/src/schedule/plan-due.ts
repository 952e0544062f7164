import type { EpochMs } from '../units/instant.ts';
import { heldUp } from './explain-misfit.ts';
import type { Explanation } from './explain.ts';
import {
  planFleet,
  type FleetHost,
  type FleetMisfit,
  type FleetRequest,
  type FleetRun,
  type PlannedFleet,
} from './fleet.ts';
import { slotOf } from './outcome.ts';
import {
  planSlots,
  type Misfit,
  type Plan,
  type PlanJob,
  type PlannedSlot,
  type PlanRequest,
} from './planner.ts';
import { outlookOf } from './planning.ts';
import { isInItsOwnWay, turnsOf } from './turns.ts';

/*
 * Plans of all jobs: of nearly all by the planner, so that they make room for each other. Where a schedule is due every minute, each
 * run has the one time alone: there is nothing to plan, and in a grid of five minutes it would be in its own way.
 */

export function planDue(request: PlanRequest): Plan {
  const { free, fixed } = byChoice(request);
  const plan = planSlots({ ...request, jobs: free });
  const { slots, misfits } = asTheyCome(fixed, request, { now: request.now, instance: '' });
  const added = new Set(slots);
  return {
    slots: [...plan.slots, ...slots].sort(byStart),
    misfits: [...plan.misfits, ...misfits],
    explain: (slot) => explanation(slot, added.has(slot) ? request : undefined) ?? plan.explain(slot),
  };
}

/** What belongs to a pool has a choice of hosts, and so is always planned. */
export function planFleetDue(request: FleetRequest): PlannedFleet {
  const hosts = new Map<string, FleetHost>();
  const slots = new Map<string, readonly FleetRun[]>();
  const misfits: FleetMisfit[] = [];
  const added = new Map<FleetRun, FleetHost>();
  for (const [instance, host] of request.hosts) {
    const { free, fixed } = byChoice(host);
    hosts.set(instance, { ...host, jobs: free });
    const came = asTheyCome(fixed, host, { now: request.now, instance });
    const own = came.slots.map((slot) => ({ ...slot, owner: instance, runsOn: instance }));
    slots.set(instance, own);
    misfits.push(...came.misfits.map((misfit) => ({ ...misfit, owner: instance })));
    for (const slot of own) added.set(slot, host);
  }
  const plan = planFleet({ ...request, hosts });
  for (const [instance, planned] of plan.slots) {
    slots.set(instance, [...planned, ...(slots.get(instance) ?? [])].sort(byStart));
  }
  return {
    slots,
    misfits: [...plan.misfits, ...misfits],
    explain: (slot) => explanation(slot, added.get(slot)) ?? plan.explain(slot),
  };
}

/** Some of a schedule planned would not know of the rest: with one, all of it is fixed. */
function byChoice({ jobs, load }: Pick<FleetHost, 'jobs' | 'load'>): {
  readonly free: readonly PlanJob[];
  readonly fixed: readonly PlanJob[];
} {
  const isFixed = (job: PlanJob): boolean =>
    job.pool === undefined && hasNoChoice(job, load.stepMs) && isInItsOwnWay(job, load.stepMs);
  const crowded = new Set(jobs.filter(isFixed).map(({ schedule }) => schedule));
  const { free = [], fixed = [] } = Object.groupBy(jobs, ({ schedule, pool }) =>
    pool === undefined && crowded.has(schedule) ? 'fixed' : 'free',
  );
  return { free, fixed };
}

/** Each as it is due, or as the run before is over. */
function asTheyCome(
  fixed: readonly PlanJob[],
  { running = [], load }: Pick<FleetHost, 'running' | 'load'>,
  { now, instance }: { readonly now: EpochMs; readonly instance: string },
): { readonly slots: readonly PlannedSlot[]; readonly misfits: readonly Misfit[] } {
  const turns = turnsOf(
    fixed.map((job) => ({ job, owner: instance, hosts: [0] })),
    { now, slotMs: load.stepMs, running: [running], instances: [instance] },
  );
  const slots: PlannedSlot[] = [];
  const misfits: Misfit[] = [];
  for (const [index, job] of fixed.entries()) {
    const { from = Math.max(now, job.occurrence.windowStart), isMissed } = turns.get(index) ?? {};
    if (isMissed) misfits.push({ job, start: undefined, lateMs: undefined, reason: heldUp(job, from) });
    else slots.push(slotOf(job, from));
  }
  return { slots, misfits };
}

function hasNoChoice({ occurrence }: PlanJob, stepMs: number): boolean {
  return occurrence.deadline - occurrence.windowStart < stepMs;
}

function byStart(a: PlannedSlot, b: PlannedSlot): number {
  return a.start - b.start;
}

/** Of a slot that was not planned, on the host that runs it; undefined for any other. */
function explanation(
  slot: PlannedSlot,
  host: Pick<FleetHost, 'hosts' | 'load'> | undefined,
): Explanation | undefined {
  if (host === undefined) return undefined;
  const load = outlookOf(host, slot.job);
  const step = Math.floor((slot.start - load.startsAt) / load.stepMs);
  const there = { cpu: load.cpu[step] ?? 0, memory: load.memory[step] ?? 0 };
  return {
    code: 'only_start',
    text: 'it may start at no other time',
    load: there,
    isLoadKnown: load.isKnown,
    best: { start: slot.start, load: there },
    others: [],
  };
}
