import { planFleet, type FleetHost, type FleetRequest, type FleetRun, type PlannedFleet } from './fleet.ts';
import type { Explanation } from './explain.ts';
import { slotOf } from './outcome.ts';
import { planSlots, type Plan, type PlanJob, type PlannedSlot, type PlanRequest } from './planner.ts';
import { outlookOf } from './planning.ts';

/*
 * Plans of all jobs: of nearly all by the planner, so that they make room for each other. Where a schedule is due every minute, each
 * run has the one time alone: there is nothing to plan, and in a grid of five minutes it would be in its own way.
 */

export function planDue(request: PlanRequest): Plan {
  const { free, fixed } = byChoice(request);
  const plan = planSlots({ ...request, jobs: free });
  const added = new Map(fixed.map((job) => [slotOf(job, onlyStart(job, request.now)), request]));
  return {
    ...plan,
    slots: [...plan.slots, ...added.keys()].sort(byStart),
    explain: (slot) => explanation(slot, added.get(slot)) ?? plan.explain(slot),
  };
}

/** What belongs to a pool has a choice of hosts, and so is always planned. */
export function planFleetDue(request: FleetRequest): PlannedFleet {
  const hosts = new Map<string, FleetHost>();
  const slots = new Map<string, readonly FleetRun[]>();
  const added = new Map<FleetRun, FleetHost>();
  for (const [instance, host] of request.hosts) {
    const { free, fixed } = byChoice(host);
    hosts.set(instance, { ...host, jobs: free });
    const own = fixed.map((job) => ({
      ...slotOf(job, onlyStart(job, request.now)),
      owner: instance,
      runsOn: instance,
    }));
    slots.set(instance, own);
    for (const slot of own) added.set(slot, host);
  }
  const plan = planFleet({ ...request, hosts });
  for (const [instance, planned] of plan.slots) {
    slots.set(instance, [...planned, ...(slots.get(instance) ?? [])].sort(byStart));
  }
  return {
    ...plan,
    slots,
    explain: (slot) => explanation(slot, added.get(slot)) ?? plan.explain(slot),
  };
}

function byChoice({ jobs, load }: Pick<FleetHost, 'jobs' | 'load'>): {
  readonly free: readonly PlanJob[];
  readonly fixed: readonly PlanJob[];
} {
  const { free = [], fixed = [] } = Object.groupBy(jobs, (job) =>
    job.pool === undefined && hasNoChoice(job, load.stepMs) && isInItsOwnWay(job, load.stepMs)
      ? 'fixed'
      : 'free',
  );
  return { free, fixed };
}

function hasNoChoice({ occurrence }: PlanJob, stepMs: number): boolean {
  return occurrence.deadline - occurrence.windowStart < stepMs;
}

/** The next one begins before this one is over, in the slots that it touches. */
function isInItsOwnWay(
  { occurrence, durationMs, supersededAt = Infinity }: PlanJob,
  stepMs: number,
): boolean {
  const touched = (Math.ceil(durationMs / stepMs) + 1) * stepMs;
  return supersededAt - occurrence.windowStart < touched;
}

function onlyStart({ occurrence }: PlanJob, now: number): number {
  return Math.max(now, occurrence.windowStart);
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
  const best = { start: slot.start, load: there };
  return { code: 'only_start', text: 'it may start at no other time', load: there, best, others: [] };
}
