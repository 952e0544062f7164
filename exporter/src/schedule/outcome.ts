import type { EpochMs } from '../units/instant.ts';
import { explainMisfit, heldUp } from './explain-misfit.ts';
import { explainSlot, type Explanation } from './explain.ts';
import type { FleetJob } from './fleet-jobs.ts';
import { unplaced, type Placement } from './placement.ts';
import type { Misfit, PlanJob, PlannedSlot } from './planner.ts';
import { makesDo, type Planning } from './planning.ts';
import { timeOf } from './slot-grid.ts';

export interface OutcomeListener<Slot> {
  /** Makes the slot of a job, in the order of the jobs. `host`: the number of the one that runs it. */
  readonly slotOf: (job: FleetJob, host: number, start: EpochMs) => Slot;
  /** Tells of it, in the order of the slots they begin in. */
  readonly slot: (slot: Slot, host: number) => void;
  /** `host` is undefined where it has no slot. */
  readonly misfit: (misfit: Misfit, job: FleetJob, host: number | undefined) => void;
}

/** Tells what became of each job, in the order of their slots, those without one first. */
export function tellOutcome<Slot>(planning: Planning, listener: OutcomeListener<Slot>): void {
  const { jobs, placement } = planning;
  const hostOf = (index: number): number => placement.hostOf(placement.places[index] ?? 0);
  const turns = startsInTurn(planning);
  const misfits = new Map<number, Misfit>();
  // As they lie in memory: to look at thousands of jobs in the order of their starts takes several times as long.
  const slots = jobs.map((fleetJob, index): Slot | undefined => {
    const { job } = fleetJob;
    const turn = turns.get(index);
    const start = turn?.start ?? plannedStart(planning, index);
    if (start === undefined || turn?.isMissed) {
      const reason = start === undefined ? explainMisfit(planning, index, undefined) : heldUp(job, start);
      misfits.set(index, { job, start: undefined, lateMs: undefined, reason });
      return undefined;
    }
    const lateMs = Math.max(0, start - job.occurrence.deadline);
    if (lateMs > 0 || makesDo(planning, index)) {
      misfits.set(index, { job, start, lateMs, reason: explainMisfit(planning, index, lateMs) });
    }
    return listener.slotOf(fleetJob, hostOf(index), start);
  });
  for (const index of inOrderOfStart(placement)) {
    const slot = slots[index];
    const host = slot === undefined ? undefined : hostOf(index);
    if (slot !== undefined && host !== undefined) listener.slot(slot, host);
    const misfit = misfits.get(index);
    const fleetJob = jobs[index];
    if (misfit !== undefined && fleetJob !== undefined) listener.misfit(misfit, fleetJob, host);
  }
}

export function slotOf(job: PlanJob, start: EpochMs): PlannedSlot {
  const { schedule, occurrence, durationMs } = job;
  return { schedule, dueAt: occurrence.dueAt, start, end: start + durationMs, job };
}

/** Of one slot of the grid, some begin amid it, or as the run before is over. */
export function byStart(a: PlannedSlot, b: PlannedSlot): number {
  return a.start - b.start;
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
function inOrderOfStart({ places, count, slots }: Placement): Int32Array {
  const rankOf = (job: number): number => {
    const place = places[job] ?? unplaced;
    return place === unplaced ? 0 : (place % slots) + 1;
  };
  /** By rank, where the next of its jobs goes: counting takes a tenth of the time of sorting. */
  const next = new Int32Array(slots + 2);
  for (let job = 0; job < count; job += 1) {
    const behind = rankOf(job) + 1;
    next[behind] = (next[behind] ?? 0) + 1;
  }
  for (let rank = 1; rank <= slots; rank += 1) next[rank] = (next[rank] ?? 0) + (next[rank - 1] ?? 0);
  const order = new Int32Array(count);
  for (let job = 0; job < count; job += 1) {
    const rank = rankOf(job);
    const at = next[rank] ?? 0;
    order[at] = job;
    next[rank] = at + 1;
  }
  return order;
}

interface StartInTurn {
  readonly start: EpochMs;
  readonly isMissed: boolean;
}

/** Amid its slot where its window opens there, or it is its turn; undefined: it has no slot. */
function plannedStart({ grid, jobs, turns, now, placement }: Planning, index: number): EpochMs | undefined {
  const place = placement.places[index] ?? unplaced;
  if (place === unplaced) return undefined;
  const opens = turns.get(index)?.from ?? Math.max(jobs[index]?.job.occurrence.windowStart ?? now, now);
  return Math.max(timeOf(grid, place % grid.slots), opens);
}

/** As the run before is over; missed where that goes on for too long. Those of a schedule come in their order. */
function startsInTurn(planning: Planning): ReadonlyMap<number, StartInTurn> {
  const { jobs, turns } = planning;
  const starts = new Map<number, StartInTurn>();
  const over = new Map<number, EpochMs>();
  for (const [index, { follows }] of turns) {
    const job = jobs[index]?.job;
    const planned = plannedStart(planning, index);
    if (job === undefined || planned === undefined) continue;
    let before = follows;
    while (before !== undefined && !over.has(before)) before = turns.get(before)?.follows;
    const start = Math.max(planned, over.get(before ?? -1) ?? planned);
    const { deadline } = job.occurrence;
    const isTooLate = start >= (job.supersededAt ?? Infinity) || (start > deadline && planned <= deadline);
    const isMissed = start > planned && isTooLate;
    if (!isMissed) over.set(index, start + job.durationMs);
    starts.set(index, { start, isMissed });
  }
  return starts;
}
