import type { ScheduleConfig } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import { explainMisfit, explainSlot, type Explanation, type MisfitReason } from './explain.ts';
import { findPlacement, type Effort } from './optimise.ts';
import type { PlacementJob, PlacementResource } from './placement-problem.ts';
import { unplaced, type Placement } from './placement.ts';
import { makesDo, type Planning } from './planning.ts';
import type { Occurrence } from './recurrence.ts';
import { withinRoom } from './room.ts';
import { occupy, slotGrid, timeOf, type HostLoad, type SlotGrid } from './slot-grid.ts';
import { dayMs } from './zone.ts';

/**
 * Which occurrence runs when. Laws, in this order:
 *
 * 1. Nothing starts before its window opens, or before now.
 * 2. What runs at one time never takes more than the host has beside its own load, nor more streams than a store allows.
 *    A job for which even the idle hours of its window have no room runs where most is free: the forecast may be wrong, a
 *    missing backup is certain.
 * 3. Everything starts by its deadline. What the others leave no room for starts as soon behind it as there is some, and
 *    is listed among the misfits with the reason and the delay; so is what finds none at all.
 *
 * Within them, jobs share the quiet hours: the sum of the load that each meets (the host's and that of the other jobs), by
 * weight of its priority, is made as small as the effort allows. The same request gives the same plan, unless a budget
 * ends first. Pure: times, load and what runs are arguments.
 */
export interface PlanRequest {
  readonly now: EpochMs;
  readonly jobs: readonly PlanJob[];
  readonly load: HostLoad;
  /** That of other hosts, by name, in the same steps: of those that jobs name. */
  readonly hosts?: Readonly<Record<string, HostLoad>>;
  readonly running?: readonly RunningJob[];
  /** How many runs may write to a store at once; a store that is not named allows any number. */
  readonly streams?: Readonly<Record<string, number>>;
  /** The plan before: a job leaves its slot only for a gain that is worth it. */
  readonly previous?: readonly PreviousSlot[];
  /** Absent: `settled` where there is a plan before, else `improved`. */
  readonly effort?: Effort;
}

export interface PlanJob {
  readonly schedule: string;
  readonly occurrence: Occurrence;
  readonly durationMs: number;
  readonly resources: Resources;
  /** The stores it writes to, one stream each. */
  readonly stores: readonly string[];
  readonly priority: Priority;
  /** The host whose load it is to meet, one of the request's; absent: this one. It takes its resources of this one. */
  readonly host?: string;
}

export interface RunningJob {
  /** When it is expected to be over. */
  readonly until: EpochMs;
  readonly resources: Resources;
  readonly stores: readonly string[];
}

export interface PreviousSlot {
  readonly schedule: string;
  readonly dueAt: EpochMs;
  readonly start: EpochMs;
}

export interface Plan {
  /** In the order of their starts. */
  readonly slots: readonly PlannedSlot[];
  /** What could not be placed as it should be. One that starts late has a slot as well. */
  readonly misfits: readonly Misfit[];
  /** Why a slot of this plan lies where it lies. Worked out when asked for: most slots are never looked at. */
  readonly explain: (slot: PlannedSlot) => Explanation;
}

export interface PlannedSlot extends PreviousSlot {
  readonly end: EpochMs;
  readonly job: PlanJob;
}

export interface Misfit {
  readonly job: PlanJob;
  /** When it is to start all the same; undefined where no time has room for it. */
  readonly start: EpochMs | undefined;
  /** How far that lies behind the deadline; 0 for one that is in time but makes do with less than it asks for. */
  readonly lateMs: number | undefined;
  readonly reason: MisfitReason;
}

export type Priority = ScheduleConfig['priority'];
export type Resources = ScheduleConfig['resources'];

/** What the load that a job meets counts, and what it counts that another job meets this one's. */
const weights: Readonly<Record<Priority, number>> = { critical: 8, high: 4, medium: 2, low: 1 };
/** What each resource counts in "the load", wherever that is one number. */
export const loadWeights = { cpu: 0.7, memory: 0.3 };
/** An hour behind the window is as bad as meeting a load that is higher by a quarter. */
const delayPenaltyPerHour = 0.25;
/** So much that no gain of others pays for leaving one out. */
const unplacedPenalty = 100;
/** A slot is left for another that is quieter by at least two hundredths of the host. */
const movePenalty = 0.02;
/** How far behind the last deadline room is looked for. */
const latestRescueMs = dayMs;

export function planSlots(request: PlanRequest): Plan {
  const { now, load, jobs, previous = [] } = request;
  const until = jobs.reduce((last, { occurrence, durationMs }) => {
    return Math.max(last, Math.max(occurrence.deadline, now) + durationMs + load.stepMs);
  }, now);
  const grid = slotGrid(load, now, until + latestRescueMs);
  const hosts = new Map(
    Object.entries(request.hosts ?? {}).map(([name, of]) => [
      name,
      slotGrid(of, now, until + latestRescueMs),
    ]),
  );
  const names = [...hosts.keys()];
  const resources = resourcesOf(request, grid);
  const stores = Object.keys(request.streams ?? {});
  const before = Map.groupBy(previous, ({ schedule }) => schedule);
  const wanted = jobs.map((job): PlacementJob => {
    const { dueAt } = job.occurrence;
    const start = before.get(job.schedule)?.find((slot) => slot.dueAt === dueAt)?.start;
    const elsewhere = job.host === undefined ? -1 : names.indexOf(job.host);
    return { ...placementJob(grid, job, now, stores, start), elsewhere };
  });
  const shared = {
    elsewhere: [...hosts.values()].map((of) => differenceOf(of, grid)),
    slots: grid.slots,
    slotHours: grid.slotMs / 3_600_000,
    resources,
    delayPenaltyPerHour,
    unplacedPenalty,
    movePenalty,
  };
  const placement = findPlacement(
    { ...shared, jobs: withinRoom(wanted, shared) },
    request.effort ?? { thoroughness: previous.length > 0 ? 'settled' : 'improved' },
  );
  rescue(placement, wanted);
  return planOf({ request, grid, hosts, jobs, placement, wanted, stores });
}

/** By how much the load of another host differs from that of this one, slot by slot. */
function differenceOf(there: SlotGrid, here: SlotGrid): Float64Array {
  const { cpu, memory } = loadWeights;
  return Float64Array.from({ length: here.slots }, (_, slot) => {
    const inCpu = (there.cpu[slot] ?? 0) - (here.cpu[slot] ?? 0);
    return cpu * inCpu + memory * ((there.memory[slot] ?? 0) - (here.memory[slot] ?? 0));
  });
}

/**
 * Places what found no room by its deadline as soon behind it as there is some, the weightiest first: all that it asks for,
 * or else what it was to make do with.
 */
function rescue(placement: Placement, wanted: readonly PlacementJob[]): void {
  const { starts, weight, latest, problem } = placement;
  const left = [...starts.keys()].filter((job) => starts[job] === unplaced);
  for (const job of left.sort((a, b) => (weight[b] ?? 0) - (weight[a] ?? 0) || a - b)) {
    for (const needs of new Set([wanted[job]?.needs ?? [], problem.jobs[job]?.needs ?? []])) {
      placement.ask(job, needs);
      const start = placement.firstStart(job, (latest[job] ?? 0) + 1);
      if (start === unplaced) continue;
      placement.put(job, start);
      break;
    }
  }
}

function planOf(planning: Planning): Plan {
  const { grid, jobs, placement, request } = planning;
  const slots: PlannedSlot[] = [];
  const misfits: Misfit[] = [];
  for (const index of inOrderOfStart(placement)) {
    const job = jobs[index];
    if (job === undefined) continue;
    const { schedule, occurrence, durationMs } = job;
    const slot = placement.starts[index] ?? unplaced;
    const start = slot === unplaced ? undefined : startIn(grid, slot, job, request.now);
    if (start !== undefined) {
      slots.push({ schedule, dueAt: occurrence.dueAt, start, end: start + durationMs, job });
    }
    const isCramped = makesDo(planning, index);
    const lateMs = start === undefined ? undefined : Math.max(0, start - occurrence.deadline);
    if (lateMs === undefined || lateMs > 0 || isCramped) {
      misfits.push({ job, start, lateMs, reason: explainMisfit(planning, index, lateMs) });
    }
  }
  let indexes: Map<PlanJob, number> | undefined;
  return {
    slots,
    misfits,
    explain: (slot) => {
      indexes ??= new Map(jobs.map((job, index) => [job, index]));
      const index = indexes.get(slot.job);
      if (index === undefined) throw new RangeError(`${slot.schedule} is not in this plan`);
      return explainSlot(planning, index);
    },
  };
}

/** The jobs by their slots, those without one first; in one slot, in the order in which they were given. */
function inOrderOfStart({ starts, count }: Placement): Float64Array {
  // Sorting numbers is ten times as fast as sorting by a function.
  const keys = Float64Array.from(starts, (start, job) => (start + 1) * count + job).sort();
  return keys.map((key) => key % count);
}

/** A job in slots. One whose time is over may start now, and only now. */
function placementJob(
  grid: SlotGrid,
  { occurrence, durationMs, resources, stores: used, priority }: PlanJob,
  now: EpochMs,
  stores: readonly string[],
  previous: EpochMs | undefined,
): PlacementJob {
  const { startsAt, slotMs } = grid;
  const slotAt = (at: EpochMs): number => Math.floor((at - startsAt) / slotMs);
  const opens = Math.max(occurrence.windowStart, now);
  const latest = slotAt(Math.max(occurrence.deadline, opens));
  const whole = Math.ceil((opens - startsAt) / slotMs);
  // Where no slot begins between opening and deadline, it starts amid one, and may reach into one more.
  const fits = whole <= latest;
  const earliest = fits ? whole : latest;
  return {
    earliest,
    latest,
    windowEnd: Math.max(earliest, slotAt(occurrence.windowEnd)),
    isLate: now > (occurrence.windowEnd + occurrence.deadline) / 2,
    duration: Math.max(1, Math.ceil(durationMs / slotMs)) + (fits ? 0 : 1),
    weight: weights[priority],
    needs: needsOf(resources, used, stores),
    previous: previous === undefined ? undefined : slotAt(previous),
  };
}

/** What a job takes of each resource of `resourcesOf`, in the same order. */
function needsOf({ cpu, memory }: Resources, used: readonly string[], stores: readonly string[]): number[] {
  const needs = [cpu, memory];
  for (const store of stores) needs.push(used.includes(store) ? 1 : 0);
  return needs;
}

function startIn(grid: SlotGrid, slot: number, { occurrence }: PlanJob, now: EpochMs): EpochMs {
  return Math.max(timeOf(grid, slot), occurrence.windowStart, now);
}

function resourcesOf({ now, running = [], streams = {} }: PlanRequest, grid: SlotGrid): PlacementResource[] {
  const cpu = grid.cpu.slice();
  const memory = grid.memory.slice();
  for (const { until, resources } of running) {
    occupy(grid, cpu, resources.cpu, now, until);
    occupy(grid, memory, resources.memory, now, until);
  }
  return [
    { base: cpu, capacity: 1, loadWeight: loadWeights.cpu },
    { base: memory, capacity: 1, loadWeight: loadWeights.memory },
    ...Object.entries(streams).map(([store, capacity]) => {
      const base = new Float64Array(grid.slots);
      for (const { until, stores } of running) if (stores.includes(store)) occupy(grid, base, 1, now, until);
      return { base, capacity, loadWeight: 0 };
    }),
  ];
}
