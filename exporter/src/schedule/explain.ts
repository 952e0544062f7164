import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { unplaced, type Placement } from './placement.ts';
import type { PlanJob, Resources } from './planner.ts';
import { loadOf, makesDo, type Planning } from './planning.ts';
import { timeOf } from './slot-grid.ts';

/** Why a slot lies where it lies: a code for machines, a sentence for people, and what was to be had elsewhere. */
export interface Explanation {
  readonly code: SlotCode;
  readonly text: string;
  /** What the host itself is expected to do meanwhile, 0 to 1. */
  readonly load: Resources;
  /** The quietest start by the deadline, as if nothing else were planned. */
  readonly best: QuietMoment;
  /** The next quiet starts, at least a run's length apart, and what speaks against each. */
  readonly others: readonly OtherMoment[];
}

export interface QuietMoment {
  readonly start: EpochMs;
  readonly load: Resources;
}

export interface OtherMoment extends QuietMoment {
  readonly whyNot: WhyNot;
  readonly text: string;
}

export type SlotCode =
  | 'quietest'
  | 'shared'
  | 'kept'
  | 'only_start'
  | 'no_history'
  | 'after_window'
  | 'overdue'
  | 'cramped'
  | 'late';

export type WhyNot = 'capacity' | 'priority' | 'deadline' | 'history' | 'move';

/** Why a job could not be placed as it should be. */
export interface MisfitReason {
  readonly code: 'cramped' | 'late' | 'no_room';
  readonly text: string;
}

const othersShown = 3;
/** Loads that differ by less are called the same: forecasts are not that exact. */
const sameLoad = 0.005;

export function explainSlot(planning: Planning, index: number): Explanation {
  const { placement, jobs } = planning;
  const job = jobs[index];
  const slot = placement.starts[index] ?? unplaced;
  if (job === undefined || slot === unplaced) throw new RangeError('only what has a slot can be explained');
  // Seen from the job, its own load is in nobody's way.
  placement.take(index);
  try {
    const quiet = quietMoments(planning, index);
    const load = hostLoad(planning, index, slot);
    const best = quiet.reduce((lowest, moment) => (moment.total < lowest.total - 1e-12 ? moment : lowest), {
      slot,
      total: weighed(planning, load),
    });
    const others = apart(quiet, slot, placement.duration[index] ?? 1).map(({ slot: other }) => ({
      start: timeOf(planning.grid, other),
      load: hostLoad(planning, index, other),
      ...objection(planning, index, slot, other),
    }));
    return {
      ...reasonOf(planning, index, slot, {
        load,
        isQuietest: weighed(planning, load) <= best.total + sameLoad,
      }),
      load,
      best: { start: timeOf(planning.grid, best.slot), load: hostLoad(planning, index, best.slot) },
      others,
    };
  } finally {
    placement.put(index, slot);
  }
}

interface Moment {
  readonly slot: number;
  /** The host's load, its resources weighed. */
  readonly total: number;
}

/** Every start by the deadline, the quietest first; of equal ones the earliest. */
function quietMoments(planning: Planning, index: number): Moment[] {
  const { placement } = planning;
  const first = placement.earliest[index] ?? 0;
  const last = placement.latest[index] ?? 0;
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, step) => ({
    slot: first + step,
    total: weighed(planning, hostLoad(planning, index, first + step)),
  })).sort((a, b) => a.total - b.total || a.slot - b.slot);
}

function apart(quiet: readonly Moment[], chosen: number, distance: number): Moment[] {
  const shown: Moment[] = [];
  for (const moment of quiet) {
    if (shown.length === othersShown) break;
    if (
      [chosen, ...shown.map(({ slot }) => slot)].every((slot) => Math.abs(slot - moment.slot) >= distance)
    ) {
      shown.push(moment);
    }
  }
  return shown;
}

function hostLoad({ placement, grid, jobs, hosts }: Planning, index: number, slot: number): Resources {
  const { cpu, memory } = hosts.get(jobs[index]?.host ?? '') ?? grid;
  const end = slot + (placement.duration[index] ?? 1);
  const meanOf = (values: Float64Array): number =>
    values.subarray(slot, end).reduce((sum, value) => sum + value, 0) / (end - slot);
  return { cpu: meanOf(cpu), memory: meanOf(memory) };
}

function weighed({ placement }: Planning, load: Resources): number {
  const [cpu, memory] = placement.problem.resources;
  return (cpu?.loadWeight ?? 0) * load.cpu + (memory?.loadWeight ?? 0) * load.memory;
}

function reasonOf(
  planning: Planning,
  index: number,
  slot: number,
  { load, isQuietest }: { load: Resources; isQuietest: boolean },
): { code: SlotCode; text: string } {
  const { placement, request, wanted } = planning;
  const job = planning.jobs[index];
  const latest = placement.latest[index] ?? 0;
  const outlook = loadOf(request, job);
  const met = inWords(load, outlook.asYesterday ?? []);
  if (slot > latest) return { code: 'late', text: `no room by its deadline: ${met}` };
  if (job !== undefined && job.occurrence.deadline < request.now) {
    return { code: 'overdue', text: `its deadline has passed, so it starts at once: ${met}` };
  }
  if (makesDo(planning, index)) {
    return { code: 'cramped', text: `the host never has room for it, here it has most: ${met}` };
  }
  if ((placement.earliest[index] ?? 0) === latest) {
    return { code: 'only_start', text: `it may start at no other time: ${met}` };
  }
  const windowEnd = wanted[index]?.windowEnd ?? latest;
  if (slot > windowEnd) {
    const lateMs = (slot - windowEnd) * planning.grid.slotMs;
    return {
      code: 'after_window',
      text: `its window was full or too busy, ${formatDuration(lateMs)} behind it there is room: ${met}`,
    };
  }
  if (!outlook.isKnown) {
    return {
      code: 'no_history',
      text: 'too little is known of the load yet, so it starts as its window opens or there is room',
    };
  }
  if (isQuietest) return { code: 'quietest', text: `quietest ${spanOf(job)} of its window: ${met}` };
  if (wanted[index]?.previous === slot && placement.cheapestStart(index) !== slot) {
    return { code: 'kept', text: `where it was planned before, and elsewhere is hardly quieter: ${met}` };
  }
  return { code: 'shared', text: `best ${spanOf(job)} beside the other backups: ${met}` };
}

/** What speaks against another start, the hardest reason first. */
function objection(
  planning: Planning,
  index: number,
  chosen: number,
  other: number,
): { whyNot: WhyNot; text: string } {
  const { placement, wanted } = planning;
  const short = placement.shortage(index, other);
  if (short.missing > 0) {
    const above = weightierIn(placement, index, short.slot);
    const what = resourceName(planning, short.resource);
    return above > 0
      ? { whyNot: 'priority', text: `${what} is taken by ${above} of higher priority` }
      : { whyNot: 'capacity', text: `${what} is taken` };
  }
  const here = inPercent(weighed(planning, hostLoad(planning, index, chosen)));
  const there = weighed(planning, hostLoad(planning, index, other));
  if (other > (wanted[index]?.windowEnd ?? other)) {
    return { whyNot: 'deadline', text: 'it lies behind the window, and is not quiet enough to be late for' };
  }
  if (there >= weighed(planning, hostLoad(planning, index, chosen)) - sameLoad) {
    return { whyNot: 'history', text: `it is no quieter: ${inPercent(there)} against ${here}` };
  }
  const together = placement.meanLoad(index, other);
  const present = placement.meanLoad(index, chosen);
  if (together < present - sameLoad) {
    return { whyNot: 'move', text: `it gains ${inPercent(present - together)}, too little to move for` };
  }
  const above = weightierIn(placement, index, other);
  return above > 0
    ? {
        whyNot: 'priority',
        text: `${above} of higher priority would meet its load, which would be ${inPercent(together)}`,
      }
    : { whyNot: 'capacity', text: `with the others that run then the load is ${inPercent(together)}` };
}

function weightierIn(placement: Placement, index: number, slot: number): number {
  let count = 0;
  for (let job = 0; job < placement.count; job += 1) {
    if (placement.runsIn(job, slot) && (placement.weight[job] ?? 0) > (placement.weight[index] ?? 0))
      count += 1;
  }
  return count;
}

/** `lateMs`: how far behind its deadline it starts; undefined where it does not. */
export function explainMisfit(planning: Planning, index: number, lateMs: number | undefined): MisfitReason {
  const { placement, wanted, request } = planning;
  const job = planning.jobs[index];
  const need = wanted[index]?.needs ?? [];
  if (lateMs !== undefined && makesDo(planning, index)) {
    const [scarce = 0] = need
      .map((amount, resource) => ({ resource, missing: amount - placement.need(index, resource) }))
      .sort((a, b) => b.missing - a.missing)
      .map(({ resource }) => resource);
    const asked = amountOf(planning, scarce, need[scarce] ?? 0);
    const had = amountOf(planning, scarce, placement.need(index, scarce));
    const late = lateMs > 0 ? `; it starts ${formatDuration(lateMs)} behind its deadline` : '';
    return {
      code: 'cramped',
      text: `it asks for ${asked}, and in its window the host has at most ${had} free${late}`,
    };
  }
  const latest = placement.latest[index] ?? 0;
  const short = placement.shortage(index, Math.max(0, latest));
  const taken = `${resourceName(planning, short.resource)} is taken until its deadline`;
  if (lateMs !== undefined) {
    const isOverdue = job !== undefined && job.occurrence.deadline < request.now;
    return {
      code: 'late',
      text: `starts ${formatDuration(lateMs)} behind its deadline: ${isOverdue ? 'that has passed already' : taken}`,
    };
  }
  return { code: 'no_room', text: `no room at any time that is planned for: ${taken}, and on` };
}

function resourceName({ stores }: Planning, resource: number): string {
  const store = stores[resource - 2];
  return resource === 0 ? 'cpu' : resource === 1 ? 'memory' : `the way to ${store ?? 'a store'}`;
}

function amountOf(planning: Planning, resource: number, amount: number): string {
  const name = resourceName(planning, resource);
  return resource < 2 ? `${name} ${amount.toFixed(2)}` : `${amount} of ${name}`;
}

function inWords(load: Resources, asYesterday: readonly string[]): string {
  return (['cpu', 'memory'] as const)
    .map((name) => `${name} ${load[name].toFixed(2)}${asYesterday.includes(name) ? ' as yesterday' : ''}`)
    .join(', ');
}

function inPercent(load: number): string {
  return `${(100 * load).toFixed(0)} %`;
}

function spanOf(job: PlanJob | undefined): string {
  return formatDuration(Math.max(60_000, Math.round((job?.durationMs ?? 0) / 60_000) * 60_000));
}
