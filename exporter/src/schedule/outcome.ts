import type { EpochMs } from '../units/instant.ts';
import { explainMisfit, heldUp } from './explain-misfit.ts';
import { explainSlot, type Explanation } from './explain.ts';
import type { FleetJob } from './fleet-jobs.ts';
import { unplaced, type Placement } from './placement.ts';
import type { Misfit, PlanJob, PlannedSlot } from './planner.ts';
import { makesDo, type Planning } from './planning.ts';
import { timeOf } from './slot-grid.ts';

export interface OutcomeListener {
  /** `host`: the number of the one that runs it. */
  readonly slot: (job: FleetJob, host: number, start: EpochMs) => void;
  /** `host` is undefined where it has no slot. */
  readonly misfit: (misfit: Misfit, job: FleetJob, host: number | undefined) => void;
}

/** Tells what became of each job, in the order of their starts, those without one first. */
export function tellOutcome(planning: Planning, listener: OutcomeListener): void {
  const { jobs, placement } = planning;
  const over = new Map<number, EpochMs>();
  for (const index of inOrderOfStart(placement)) {
    const fleetJob = jobs[index];
    if (fleetJob === undefined) continue;
    const { job } = fleetJob;
    const place = placement.places[index] ?? unplaced;
    if (place === unplaced) {
      const reason = explainMisfit(planning, index, undefined);
      listener.misfit({ job, start: undefined, lateMs: undefined, reason }, fleetJob, undefined);
      continue;
    }
    const { start, isMissed } = startIn(planning, index, place % placement.slots, over);
    if (isMissed) {
      listener.misfit(
        { job, start: undefined, lateMs: undefined, reason: heldUp(job, start) },
        fleetJob,
        undefined,
      );
      continue;
    }
    if (planning.turns.has(index)) over.set(index, start + job.durationMs);
    const host = placement.hostOf(place);
    listener.slot(fleetJob, host, start);
    const lateMs = Math.max(0, start - job.occurrence.deadline);
    if (lateMs === 0 && !makesDo(planning, index)) continue;
    listener.misfit({ job, start, lateMs, reason: explainMisfit(planning, index, lateMs) }, fleetJob, host);
  }
}

export function slotOf(job: PlanJob, start: EpochMs): PlannedSlot {
  const { schedule, occurrence, durationMs } = job;
  return { schedule, dueAt: occurrence.dueAt, start, end: start + durationMs, job };
}

/** Gives the reasons of slots, worked out when asked for: most are never looked at. */
export function explainer(planning: Planning): (slot: PlannedSlot) => Explanation {
  let indexes: Map<PlanJob, number> | undefined;
  return ({ job }) => {
    indexes ??= new Map(planning.jobs.map((each, index) => [each.job, index]));
    const index = indexes.get(job);
    if (index === undefined) throw new RangeError(`${job.schedule} is not in this plan`);
    return explainSlot(planning, index);
  };
}

/** The jobs by their slots, those without one first; in one slot, in the order in which they were given. */
function inOrderOfStart({ places, count, slots }: Placement): Float64Array {
  // Sorting numbers is ten times as fast as sorting by a function.
  const keys = Float64Array.from(places, (place, job) =>
    place === unplaced ? job : ((place % slots) + 1) * count + job,
  ).sort();
  return keys.map((key) => key % count);
}

/**
 * Amid its slot where its window opens there, or the run before is over; missed where that run goes on for too long. `over`: when
 * those before are.
 */
function startIn(
  { grid, jobs, turns, now }: Planning,
  index: number,
  slot: number,
  over: ReadonlyMap<number, EpochMs>,
): { readonly start: EpochMs; readonly isMissed: boolean } {
  const turn = turns.get(index);
  const { occurrence, supersededAt = Infinity } = jobs[index]?.job ?? {};
  const { windowStart = now, deadline = now } = occurrence ?? {};
  const planned = Math.max(timeOf(grid, slot), turn?.from ?? Math.max(windowStart, now));
  let before = turn?.follows;
  while (before !== undefined && !over.has(before)) before = turns.get(before)?.follows;
  const start = Math.max(planned, over.get(before ?? -1) ?? planned);
  const isHeldUp = start > planned;
  return {
    start,
    isMissed: isHeldUp && (start >= supersededAt || (start > deadline && planned <= deadline)),
  };
}
