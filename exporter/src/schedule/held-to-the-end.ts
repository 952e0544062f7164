import { itAndThoseBehind } from './explain-misfit.ts';
import type { FleetHost, FleetMisfit, FleetRun } from './fleet.ts';
import { busyAt, lastStart, metBy, nameOf, type Busy } from './high-water.ts';
import { byStart } from './outcome.ts';
import type { Misfit, PlannedSlot, PlanRequest } from './planner.ts';

/** What is told of runs that will be skipped, and which these are. */
export interface Held {
  readonly misfits: readonly Misfit[];
  readonly slots: ReadonlySet<PlannedSlot>;
}

/**
 * Of what is skipped at its deadline (`on_deadline: skip`), that for which the host is expected to be too busy from its slot to its
 * latest start: there it waits all the time, and then it is skipped. What runs at its deadline in any case is not told. Of `runs`, which
 * come as they are due, those of a schedule that are held in a row by the same are told of as one.
 */
export function heldToTheEnd(
  planned: readonly PlannedSlot[],
  runs: readonly PlannedSlot[],
  request: Pick<PlanRequest, 'hosts' | 'load'>,
): Held {
  const rows = planned.flatMap((slot): readonly Row[] => {
    const least = heldBy(slot, request);
    return least === undefined ? [] : [{ slots: [slot], least }];
  });
  const mayBeSkipped = runs.filter(({ job }) => job.isSkipped);
  for (const ofSchedule of Map.groupBy(mayBeSkipped, ({ schedule }) => schedule).values()) {
    rows.push(...rowsOf(ofSchedule, request));
  }
  return { misfits: rows.map(misfitOf), slots: new Set(rows.flatMap(({ slots }) => slots)) };
}

/** Runs of one schedule that are held by the same. */
interface Row {
  readonly slots: [PlannedSlot, ...PlannedSlot[]];
  /** When it is closest to its mark. */
  least: Busy;
}

function rowsOf(runs: readonly PlannedSlot[], request: Pick<PlanRequest, 'hosts' | 'load'>): readonly Row[] {
  const rows: Row[] = [];
  let open: Row | undefined;
  for (const slot of runs.toSorted(byStart)) {
    const least = heldBy(slot, request);
    if (least === undefined) open = undefined;
    else if (open !== undefined && isSame(open.least, least)) {
      open.slots.push(slot);
      if (isCloser(least, open.least)) open.least = least;
    } else rows.push((open = { slots: [slot], least }));
  }
  return rows;
}

function isSame(a: Busy, b: Busy): boolean {
  return a.resource === b.resource && a.isThere === b.isThere;
}

function isCloser(a: Busy, b: Busy): boolean {
  return a.load - a.mark < b.load - b.mark;
}

/** What holds it up all the time, as it is when that is closest to its mark; undefined where nothing does, or it runs all the same. */
function heldBy(slot: PlannedSlot, request: Pick<PlanRequest, 'hosts' | 'load'>): Busy | undefined {
  return slot.job.isSkipped && leastBusy(slot, request);
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
    const least = host && heldBy(run, host);
    if (least === undefined) return [];
    const lastCall = { ...run, start: lastStart(job) };
    const others = job.pool === undefined ? [] : membersOf(job.pool);
    const isHeld = others.every((other) => heldBy(lastCall, other) !== undefined);
    return isHeld ? [{ ...misfitOf({ slots: [run], least }), owner, runsOn }] : [];
  });
}

function isMemberOf(pool: string): (host: FleetHost) => boolean {
  return ({ jobs }) => jobs.some((job) => job.pool === pool);
}

/** Of the steps in which it may start; undefined where it may in one of them. */
function leastBusy(slot: PlannedSlot, request: Pick<PlanRequest, 'hosts' | 'load'>): Busy | undefined {
  const met = metBy(slot, request);
  const latest = lastStart(slot.job);
  const { startsAt, stepMs } = request.load;
  let least: Busy | undefined;
  // It may start amid a step, and in the first moment of the last one.
  for (let at = slot.start; at <= latest; at += stepMs - ((at - startsAt) % stepMs)) {
    const busy = busyAt(met, at);
    if (busy === undefined) return undefined;
    if (least === undefined || isCloser(busy, least)) least = busy;
  }
  return least;
}

function misfitOf({ slots, least }: Row): Misfit {
  const [slot] = slots;
  const { job, start } = slot;
  const count = slots.length;
  const [latest, it, does] =
    count > 1 ? ['the latest start of each', 'they', 'do'] : ['its latest start', 'it', 'does'];
  const text = `${itAndThoseBehind(count)} will be skipped, for the host is forecast to be busy up to ${latest}: ${nameOf(least, slot)} at ${least.load.toFixed(2)} or more, and above its high_water of ${least.mark} ${it} ${does} not start`;
  return { job, start, lateMs: undefined, reason: { code: 'busy', text } };
}
