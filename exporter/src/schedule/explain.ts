import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatPercent } from '../units/share.ts';
import { unplaced, type Placement } from './placement.ts';
import type { PlanJob } from './planner.ts';
import type { Shortage } from './free-capacity.ts';
import { isFirstRoom, makesDo, outlookOf, type Planning } from './planning.ts';
import { resourceName } from './explain-misfit.ts';
import { isNothingKnown, withLoad } from './load-words.ts';
import { knownOf, timeOf, weighed, type HostLoad, type KnownLoad } from './slot-grid.ts';

/** Why a slot lies where it lies: a code for machines, a sentence for people, and what was to be had elsewhere. */
export interface Explanation {
  readonly code: SlotCode;
  readonly text: string;
  /** What the host itself is expected to do meanwhile, 0 to 1; empty where nothing is known of it. */
  readonly load: KnownLoad;
  /** Whether enough is known of it to tell one hour from another. */
  readonly isLoadKnown: boolean;
  /** The quietest start by the deadline, as if nothing else were planned; where it is another, with what speaks against it. */
  readonly best: QuietMoment | OtherMoment;
  /** The next quiet starts, at least a run's length apart, and what speaks against each. */
  readonly others: readonly OtherMoment[];
}

export interface QuietMoment {
  readonly start: EpochMs;
  readonly load: KnownLoad;
}

export interface OtherMoment extends QuietMoment {
  readonly whyNot: WhyNot;
  readonly text: string;
}

export type SlotCode =
  | 'quietest'
  | 'shared'
  | 'kept'
  | 'on_time'
  | 'only_start'
  | 'no_history'
  | 'after_window'
  | 'overdue'
  | 'cramped'
  | 'late';

export type WhyNot = 'capacity' | 'priority' | 'deadline' | 'history' | 'move';

const othersShown = 3;
/** Loads that differ by less are called the same: forecasts are not that exact. */
const sameLoad = 0.005;

export function explainSlot(planning: Planning, index: number): Explanation {
  const { placement, jobs, grid } = planning;
  const place = placement.places[index] ?? unplaced;
  if (jobs[index] === undefined || place === unplaced) {
    throw new RangeError('only what has a slot can be explained');
  }
  // Seen from the job, its own load is in nobody's way.
  placement.take(index);
  try {
    const quiet = quietMoments(planning, index, place);
    const load = hostLoad(planning, index, place);
    const best = quiet.reduce((lowest, moment) => (moment.total < lowest.total - 1e-12 ? moment : lowest), {
      place,
      total: weighed(load),
    });
    const startOf = (at: number): EpochMs => timeOf(grid, at % grid.slots);
    const otherAt = (other: number): OtherMoment => ({
      start: startOf(other),
      load: hostLoad(planning, index, other),
      ...objection(planning, index, place, other),
    });
    const others = apart(quiet, place, placement.duration[index] ?? 1).map(({ place: other }) =>
      otherAt(other),
    );
    return {
      ...reasonOf(planning, index, place, {
        load,
        isQuietest: isQuietest(planning, index, weighed(load), quiet),
      }),
      load,
      isLoadKnown: isLoadKnown(planning, index, place),
      best: best.place === place ? { start: startOf(place), load } : otherAt(best.place),
      others,
    };
  } finally {
    placement.put(index, place);
  }
}

interface Moment {
  readonly place: number;
  /** The host's load, its resources weighed. */
  readonly total: number;
}

/** Every start by the deadline on the host that was chosen, the quietest first; of equal ones the earliest. */
function quietMoments(planning: Planning, index: number, place: number): Moment[] {
  const { placement } = planning;
  const first = firstOf(placement, place) + (placement.earliest[index] ?? 0);
  const last = firstOf(placement, place) + (placement.latest[index] ?? 0);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, step) => ({
    place: first + step,
    total: weighed(hostLoad(planning, index, first + step)),
  })).sort((a, b) => a.total - b.total || a.place - b.place);
}

/** Whether no start of the window meets less; without a window, none up to the latest. */
function isQuietest(
  { placement, wanted, jobs }: Planning,
  index: number,
  met: number,
  quiet: readonly Moment[],
): boolean {
  const last = hasWindow(jobs[index]?.job) ? (wanted[index]?.windowEnd ?? Infinity) : Infinity;
  const lowest = quiet.find(({ place }) => place % placement.slots <= last);
  return met <= (lowest?.total ?? met) + sameLoad;
}

function hasWindow(job: PlanJob | undefined): boolean {
  return job !== undefined && job.occurrence.windowEnd > job.occurrence.windowStart;
}

/** The first place of the same host. */
function firstOf({ slots }: Placement, place: number): number {
  return place - (place % slots);
}

function apart(quiet: readonly Moment[], chosen: number, distance: number): Moment[] {
  const shown: Moment[] = [];
  for (const moment of quiet) {
    if (shown.length === othersShown) break;
    if (
      [chosen, ...shown.map(({ place }) => place)].every(
        (place) => Math.abs(place - moment.place) >= distance,
      )
    ) {
      shown.push(moment);
    }
  }
  return shown;
}

function hostLoad(planning: Planning, index: number, place: number): KnownLoad {
  const { placement, hosts, jobs } = planning;
  const there = hosts[placement.hostOf(place)]?.elsewhere.get(jobs[index]?.job.host ?? '')?.load;
  const { cpu, memory } = there ?? planning.load;
  const from = there === undefined ? place : place % placement.slots;
  const duration = placement.duration[index] ?? 1;
  const meanOf = (values: Float64Array): number =>
    values.subarray(from, from + duration).reduce((sum, value) => sum + value, 0) / duration;
  const mean = { cpu: meanOf(cpu), memory: meanOf(memory) };
  const outlook = outlookAt(planning, index, place);
  return outlook === undefined ? mean : knownOf(outlook, mean);
}

function outlookAt({ placement, hosts, jobs }: Planning, index: number, place: number): HostLoad | undefined {
  const host = hosts[placement.hostOf(place)];
  const job = jobs[index]?.job;
  return host && job && outlookOf(host, job);
}

function isLoadKnown(planning: Planning, index: number, place: number): boolean {
  return outlookAt(planning, index, place)?.isKnown === true;
}

function reasonOf(
  planning: Planning,
  index: number,
  place: number,
  { load, isQuietest }: { load: KnownLoad; isQuietest: boolean },
): { code: SlotCode; text: string } {
  const { placement, wanted } = planning;
  const job = planning.jobs[index]?.job;
  const slot = place % placement.slots;
  const latest = placement.latest[index] ?? 0;
  const told = (why: string): string => withLoad(why, load, outlookAt(planning, index, place)?.asYesterday);
  if (slot > latest) return { code: 'late', text: told('no room by its deadline') };
  if (job !== undefined && job.occurrence.deadline < planning.now) {
    return { code: 'overdue', text: told('its deadline has passed, so it starts at once') };
  }
  if (makesDo(planning, index)) {
    const never = planning.hasRoomAlone(index)
      ? 'the host has no room for it beside what runs now'
      : 'the host never has room for it';
    return { code: 'cramped', text: told(`${never}, here it has most`) };
  }
  if (planning.turns.get(index)?.isPrompt && slot === placement.earliest[index]) {
    return {
      code: 'only_start',
      text: told('as soon as it may, for its runs hardly leave time between them'),
    };
  }
  if ((placement.earliest[index] ?? 0) === latest) {
    return { code: 'only_start', text: told('it may start at no other time') };
  }
  const isKnown = isLoadKnown(planning, index, place);
  if (!isKnown && isFirstRoom(placement, index, place)) {
    const text = 'too little is known of the load yet, so it starts as its window opens or there is room';
    return { code: 'no_history', text };
  }
  const isOver = job !== undefined && job.occurrence.windowEnd < planning.now;
  if (job !== undefined && (isOver || slot > (wanted[index]?.windowEnd ?? latest))) {
    return { code: 'after_window', text: told(whyBehind(planning, job, slot)) };
  }
  const span = spanOf(job?.durationMs ?? 0);
  if (isKnown && isQuietest) {
    const of = hasWindow(job) ? 'of its window' : 'up to its latest start';
    return { code: 'quietest', text: told(`quietest ${span} ${of}`) };
  }
  if (wanted[index]?.previous === place && placement.cheapestPlace(index) !== place) {
    return { code: 'kept', text: told('where it was planned before, and elsewhere is hardly quieter') };
  }
  if (isKnown && !hasWindow(job)) {
    return { code: 'on_time', text: told('as it is due, for later is not quiet enough to be late for') };
  }
  return { code: 'shared', text: told(`best ${span} beside the other backups`) };
}

function whyBehind({ grid, now }: Planning, job: PlanJob, slot: number): string {
  const { windowEnd } = job.occurrence;
  if (windowEnd < now) {
    return `best start in the time that is left, for ${hasWindow(job) ? 'its window is over' : 'it is due already'}`;
  }
  const late = spanOf(timeOf(grid, slot) - windowEnd);
  return hasWindow(job)
    ? `its window was full or too busy, ${late} behind it there is room`
    : `as it is due there is no room or far more load, ${late} later there is room`;
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
    const above = weightierIn(placement, index, short);
    if (placement.isOwnTime(short.resource)) {
      return { whyNot: 'capacity', text: 'another run of its schedule goes on then' };
    }
    const what = resourceName(planning.shared, short.resource);
    return above > 0
      ? { whyNot: 'priority', text: `${what} is taken by ${above} of higher priority` }
      : { whyNot: 'capacity', text: `${what} is taken` };
  }
  const here = weighed(hostLoad(planning, index, chosen));
  const loadThere = hostLoad(planning, index, other);
  const there = weighed(loadThere);
  if (other % placement.slots > (wanted[index]?.windowEnd ?? other)) {
    const where = hasWindow(planning.jobs[index]?.job) ? 'lies behind the window' : 'is later than it is due';
    return { whyNot: 'deadline', text: `it ${where}, and is not quiet enough to be late for` };
  }
  if (isNothingKnown(loadThere)) return { whyNot: 'history', text: 'as far as is known, it is no quieter' };
  if (there >= here - sameLoad) {
    return {
      whyNot: 'history',
      text: `it is no quieter: ${formatPercent(there)} against ${formatPercent(here)}`,
    };
  }
  const together = placement.meanLoad(index, other);
  const present = placement.meanLoad(index, chosen);
  const gain = present - together;
  if (gain > sameLoad) {
    const isKept = wanted[index]?.previous === chosen && gain <= placement.problem.movePenalty;
    return isKept
      ? { whyNot: 'move', text: `it gains ${formatPercent(gain)}, too little to move for` }
      : { whyNot: 'capacity', text: `it gains ${formatPercent(gain)}, and others that run then lose more` };
  }
  const above = weightierIn(placement, index, { resource: 0, at: other });
  return above > 0
    ? {
        whyNot: 'priority',
        text: `${above} of higher priority would meet its load, which would be ${formatPercent(together)}`,
      }
    : { whyNot: 'capacity', text: `with the others that run then the load is ${formatPercent(together)}` };
}

function weightierIn(placement: Placement, index: number, there: Pick<Shortage, 'resource' | 'at'>): number {
  const own = placement.weight[index] ?? 0;
  let count = 0;
  for (const job of placement.users(there)) {
    if ((placement.weight[job] ?? 0) > own && placement.isUsing(job, there)) count += 1;
  }
  return count;
}

function spanOf(durationMs: number): string {
  return formatDuration(Math.max(60_000, Math.round(durationMs / 60_000) * 60_000));
}
