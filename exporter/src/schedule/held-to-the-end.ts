import type { FleetHost, FleetMisfit, FleetRun } from './fleet.ts';
import { busyAt, lastStart, metBy, nameOf, type Busy } from './high-water.ts';
import type { Misfit, PlannedSlot, PlanRequest } from './planner.ts';

/**
 * Of what is skipped at its deadline (`on_deadline: skip`), that for which the host is expected to be too busy from its slot to its
 * latest start: there it waits all the time, and then it is skipped. What runs at its deadline in any case is not told.
 */
export function heldToTheEnd(
  slot: PlannedSlot,
  request: Pick<PlanRequest, 'hosts' | 'load'>,
): Misfit | undefined {
  const { job, start } = slot;
  const least = job.isSkipped && leastBusy(slot, request);
  return least && { job, start, lateMs: undefined, reason: { code: 'busy', text: explained(least, slot) } };
}

/** The same on many hosts. At the last call all those of a pool reach for what is its own: each would have to be too busy then. */
export function heldInFleet(
  runs: readonly FleetRun[],
  hosts: ReadonlyMap<string, FleetHost>,
): readonly FleetMisfit[] {
  const members = new Map<string, readonly FleetHost[]>();
  const membersOf = (pool: string): readonly FleetHost[] => {
    const known = members.get(pool) ?? hosts.values().filter(isMemberOf(pool)).toArray();
    members.set(pool, known);
    return known;
  };
  return runs.flatMap((run): readonly FleetMisfit[] => {
    const { job, owner, runsOn } = run;
    const host = hosts.get(runsOn);
    const held = host && heldToTheEnd(run, host);
    if (held === undefined) return [];
    const lastCall = { ...run, start: lastStart(job) };
    const others = job.pool === undefined ? [] : membersOf(job.pool);
    const isHeld = others.every((other) => heldToTheEnd(lastCall, other) !== undefined);
    return isHeld ? [{ ...held, owner, runsOn }] : [];
  });
}

function isMemberOf(pool: string): (host: FleetHost) => boolean {
  return ({ jobs }) => jobs.some((job) => job.pool === pool);
}

/** Of the steps in which it may start; undefined where it may in one of them. */
function leastBusy(slot: PlannedSlot, request: Pick<PlanRequest, 'hosts' | 'load'>): Busy | undefined {
  const met = metBy(slot, request);
  const latest = lastStart(slot.job);
  let least: Busy | undefined;
  for (let at = slot.start; at <= latest; at += request.load.stepMs) {
    const busy = busyAt(met, at);
    if (busy === undefined) return undefined;
    if (least === undefined || busy.load - busy.mark < least.load - least.mark) least = busy;
  }
  return least;
}

function explained(busy: Busy, slot: PlannedSlot): string {
  return `it will be skipped, for the host is forecast to be busy up to its latest start: ${nameOf(busy, slot)} at ${busy.load.toFixed(2)} or more, and above its high_water of ${busy.mark} it does not start`;
}
