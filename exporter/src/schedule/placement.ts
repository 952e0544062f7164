import type { PlacementProblem, PlacementResource } from './placement-problem.ts';

export const unplaced = -1;

/** What rounding may add up to without a slot counting as overfull. */
const tolerance = 1e-9;

/**
 * Where the jobs of a problem lie, and what a change of it would cost: the core that every way of planning shares. Typed
 * arrays throughout: ten thousand jobs are tried at millions of starts.
 */
export class Placement {
  readonly problem: PlacementProblem;
  readonly count: number;
  /** The slot of each job, or `unplaced`. */
  readonly starts: Int32Array;
  readonly earliest: Int32Array;
  readonly latest: Int32Array;
  readonly duration: Int32Array;
  readonly weight: Float64Array;
  readonly #windowEnd: Int32Array;
  readonly #previous: Int32Array;
  /** A job's load in each slot it runs in, and the weight that it lends to the load of that slot. */
  readonly #jobLoad: Float64Array;
  readonly #jobShare: Float64Array;
  /** By job: what is added to the load of each slot, as its host differs from this one. */
  readonly #elsewhere: ArrayLike<number>[];
  /** Per slot: the load, and the sum of the shares of the jobs that run there. */
  readonly #load: Float64Array;
  readonly #share: Float64Array;
  /** Free capacity by resource and slot; nothing for a resource that cannot run out. */
  readonly #free: (Float64Array | undefined)[];
  /** What each job takes of each resource, resource by resource. */
  readonly #needs: readonly Float64Array[];

  constructor(problem: PlacementProblem) {
    const { jobs, resources, slots } = problem;
    const count = jobs.length;
    this.problem = problem;
    this.count = count;
    this.starts = new Int32Array(count).fill(unplaced);
    this.earliest = new Int32Array(count);
    this.latest = new Int32Array(count);
    this.duration = new Int32Array(count);
    this.weight = new Float64Array(count);
    this.#windowEnd = new Int32Array(count);
    this.#previous = new Int32Array(count);
    this.#needs = resources.map(() => new Float64Array(count));
    this.#jobLoad = new Float64Array(count);
    this.#jobShare = new Float64Array(count);
    const here = new Float64Array(slots);
    this.#elsewhere = jobs.map((job) => problem.elsewhere?.[job.elsewhere ?? -1] ?? here);
    for (let index = 0; index < count; index += 1) {
      const job = jobs[index];
      if (job === undefined) continue;
      this.earliest[index] = Math.max(0, job.earliest);
      this.latest[index] = Math.min(job.latest, slots - job.duration);
      this.duration[index] = job.duration;
      this.weight[index] = job.weight;
      this.#windowEnd[index] = job.windowEnd;
      this.#previous[index] = job.previous ?? unplaced;
      this.#jobShare[index] = job.weight / job.duration;
      let load = 0;
      for (let resource = 0; resource < resources.length; resource += 1) {
        const need = job.needs[resource] ?? 0;
        const needs = this.#needs[resource];
        if (needs !== undefined) needs[index] = need;
        load += (resources[resource]?.loadWeight ?? 0) * need;
      }
      this.#jobLoad[index] = load;
    }
    this.#free = resources.map((resource, index) => {
      const free = freeOf(resource, slots);
      const wanted = this.#needs[index]?.reduce((sum, need) => sum + need, 0) ?? 0;
      return free.every((amount) => amount >= wanted) ? undefined : free;
    });
    this.#share = new Float64Array(slots);
    this.#load = new Float64Array(slots);
    for (const { base, loadWeight } of resources) {
      for (let slot = 0; slot < slots; slot += 1) {
        this.#load[slot] = (this.#load[slot] ?? 0) + loadWeight * (base[slot] ?? 0);
      }
    }
  }

  put(job: number, start: number): void {
    this.starts[job] = start;
    this.#add(job, start, 1);
  }

  take(job: number): void {
    this.#add(job, this.starts[job] ?? 0, -1);
    this.starts[job] = unplaced;
  }

  #add(job: number, start: number, sign: 1 | -1): void {
    const end = start + (this.duration[job] ?? 0);
    const load = sign * (this.#jobLoad[job] ?? 0);
    const share = sign * (this.#jobShare[job] ?? 0);
    for (let slot = start; slot < end; slot += 1) {
      this.#load[slot] = (this.#load[slot] ?? 0) + load;
      this.#share[slot] = (this.#share[slot] ?? 0) + share;
    }
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = sign * (this.#needs[index]?.[job] ?? 0);
      const free = this.#free[index];
      if (need === 0 || free === undefined) continue;
      for (let slot = start; slot < end; slot += 1) free[slot] = (free[slot] ?? 0) - need;
    }
  }

  /** Puts every job back to where it was when `starts` was copied. */
  restore(starts: Int32Array): void {
    for (let job = 0; job < this.count; job += 1) {
      if (this.starts[job] !== starts[job] && this.starts[job] !== unplaced) this.take(job);
    }
    for (let job = 0; job < this.count; job += 1) {
      const before = starts[job] ?? unplaced;
      if (this.starts[job] !== before) this.put(job, before);
    }
  }

  runsIn(job: number, slot: number): boolean {
    const start = this.starts[job] ?? unplaced;
    return start !== unplaced && start <= slot && slot < start + (this.duration[job] ?? 0);
  }

  need(job: number, resource: number): number {
    return this.#needs[resource]?.[job] ?? 0;
  }

  /** Lets a job without a slot ask for more or less than it did. */
  ask(job: number, needs: readonly number[]): void {
    const { resources, slots } = this.problem;
    let load = 0;
    for (const [index, resource] of resources.entries()) {
      const asked = this.#needs[index];
      if (asked === undefined) continue;
      asked[job] = needs[index] ?? 0;
      load += resource.loadWeight * (needs[index] ?? 0);
      // What could not run out may now.
      this.#free[index] ??= this.#leftOf(resource, asked, slots);
    }
    this.#jobLoad[job] = load;
  }

  #leftOf(resource: PlacementResource, needs: Float64Array, slots: number): Float64Array {
    const free = freeOf(resource, slots);
    for (const [job, start] of this.starts.entries()) {
      const end = start === unplaced ? start : start + (this.duration[job] ?? 0);
      for (let slot = start; slot < end; slot += 1) free[slot] = (free[slot] ?? 0) - (needs[job] ?? 0);
    }
    return free;
  }

  /** Whether a job that has no slot would fit at `start`. */
  fits(job: number, start: number): boolean {
    return this.#fitsBetween(job, start, start + (this.duration[job] ?? 0));
  }

  #fitsBetween(job: number, from: number, to: number): boolean {
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = this.#needs[index]?.[job] ?? 0;
      const free = this.#free[index];
      if (need === 0 || free === undefined) continue;
      for (let slot = from; slot < to; slot += 1) if ((free[slot] ?? 0) < need) return false;
    }
    return true;
  }

  /** What `start` costs beside the load: being late, and not being where it was. */
  #fixedCost(job: number, start: number): number {
    const late = Math.max(0, start - (this.#windowEnd[job] ?? 0)) * this.problem.slotHours;
    const before = this.#previous[job] ?? unplaced;
    const moved = before !== unplaced && before !== start ? this.problem.movePenalty : 0;
    return (this.weight[job] ?? 0) * (late * this.problem.delayPenaltyPerHour + moved);
  }

  /**
   * What moving a placed job to `start` would add to the whole cost (less than 0: a gain), or Infinity where it would
   * not fit. Counts what it does to the jobs it leaves and to those it joins.
   */
  moveCost(job: number, start: number): number {
    const from = this.starts[job] ?? 0;
    const duration = this.duration[job] ?? 0;
    const to = from + duration;
    const end = start + duration;
    // The job itself is in the way only where old and new place overlap.
    const overlap = Math.max(0, duration - Math.abs(start - from));
    const fits =
      start < from
        ? this.#fitsBetween(job, start, end - overlap)
        : this.#fitsBetween(job, start + overlap, end);
    if (!fits) return Infinity;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    const elsewhere = this.#elsewhere[job] ?? [];
    let cost = 0;
    const leavesFrom = start < from ? from + overlap : from;
    const leavesTo = start < from ? to : to - overlap;
    for (let slot = leavesFrom; slot < leavesTo; slot += 1) {
      cost -= share * ((this.#load[slot] ?? 0) + (elsewhere[slot] ?? 0)) + load * (this.#share[slot] ?? 0);
    }
    const joinsFrom = start < from ? start : start + overlap;
    const joinsTo = start < from ? end - overlap : end;
    for (let slot = joinsFrom; slot < joinsTo; slot += 1) {
      cost += share * ((this.#load[slot] ?? 0) + (elsewhere[slot] ?? 0)) + load * (this.#share[slot] ?? 0);
    }
    // What it leaves holds itself, twice over: its load among the loads, its share among the shares.
    cost += 2 * share * load * (duration - overlap);
    return cost + this.#fixedCost(job, start) - this.#fixedCost(job, from);
  }

  /** The cheapest start at which a job without a slot fits, the earliest of equal ones; `unplaced` where none does. */
  cheapestStart(job: number): number {
    const duration = this.duration[job] ?? 1;
    const earliest = this.earliest[job] ?? 0;
    const end = (this.latest[job] ?? 0) + duration;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    const weight = this.weight[job] ?? 0;
    const windowEnd = this.#windowEnd[job] ?? 0;
    const previous = this.#previous[job] ?? unplaced;
    const move = previous === unplaced ? 0 : weight * this.problem.movePenalty;
    const late = weight * this.problem.slotHours * this.problem.delayPenaltyPerHour;
    const elsewhere = this.#elsewhere[job] ?? [];
    const full = this.#fullSlots(job, earliest, end);
    let lastFull = -1;
    let sum = 0;
    let best = unplaced;
    let lowest = Infinity;
    for (let slot = earliest, start = earliest - duration + 1; slot < end; slot += 1, start += 1) {
      sum += share * ((this.#load[slot] ?? 0) + (elsewhere[slot] ?? 0)) + load * (this.#share[slot] ?? 0);
      if (full?.[slot - earliest] === 1) lastFull = slot;
      if (start < earliest) continue;
      if (start > earliest) {
        sum -=
          share * ((this.#load[start - 1] ?? 0) + (elsewhere[start - 1] ?? 0)) +
          load * (this.#share[start - 1] ?? 0);
      }
      if (lastFull >= start) continue;
      const cost =
        sum + (start > windowEnd ? late * (start - windowEnd) : 0) + (start === previous ? 0 : move);
      // Rounding must not decide between equal starts.
      if (cost >= lowest - 1e-12) continue;
      lowest = cost;
      best = start;
    }
    return best;
  }

  /** Marks the slots in which the job finds no room; undefined where it finds room in all. */
  #fullSlots(job: number, from: number, to: number): Uint8Array | undefined {
    let full: Uint8Array | undefined;
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = this.#needs[index]?.[job] ?? 0;
      const free = this.#free[index];
      if (need === 0 || free === undefined) continue;
      for (let slot = from; slot < to; slot += 1) {
        if ((free[slot] ?? 0) >= need) continue;
        full ??= new Uint8Array(to - from);
        full[slot - from] = 1;
      }
    }
    return full;
  }

  /** The first start from `from` on at which a job without a slot fits, by its deadline or behind; `unplaced`: none. */
  firstStart(job: number, from: number): number {
    const duration = this.duration[job] ?? 1;
    for (let start = Math.max(0, from); start + duration <= this.problem.slots; start += 1) {
      if (this.fits(job, start)) return start;
    }
    return unplaced;
  }

  /** The mean load that a job meets from `start` on, for as long as it takes, as placed now. */
  meanLoad(job: number, start: number): number {
    const duration = this.duration[job] ?? 1;
    const elsewhere = this.#elsewhere[job] ?? [];
    let load = 0;
    for (let slot = start; slot < start + duration; slot += 1) {
      load += (this.#load[slot] ?? 0) + (elsewhere[slot] ?? 0);
    }
    return load / duration;
  }

  /** How much of what a job needs is missing in the fullest slot of a run from `start` on; 0 where it fits. */
  shortage(job: number, start: number): Shortage {
    let worst: Shortage = { missing: 0, resource: 0, slot: start };
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = this.#needs[index]?.[job] ?? 0;
      if (need === 0) continue;
      for (let slot = start; slot < start + (this.duration[job] ?? 0); slot += 1) {
        const missing = need - (this.#free[index]?.[slot] ?? Infinity);
        if (missing > worst.missing) worst = { missing, resource: index, slot };
      }
    }
    return worst;
  }

  /** The whole cost, from scratch. */
  cost(): number {
    let cost = 0;
    for (let job = 0; job < this.count; job += 1) {
      const start = this.starts[job] ?? unplaced;
      const weight = this.weight[job] ?? 0;
      cost +=
        start === unplaced
          ? weight * this.problem.unplacedPenalty
          : weight * this.meanLoad(job, start) + this.#fixedCost(job, start);
    }
    return cost;
  }
}

/** What is free in each slot before any job is placed. */
function freeOf({ base, capacity }: PlacementResource, slots: number): Float64Array {
  return Float64Array.from({ length: slots }, (_, slot) => capacity - (base[slot] ?? 0) + tolerance);
}

export interface Shortage {
  readonly missing: number;
  /** The index of the resource that runs short, and the slot in which it does. */
  readonly resource: number;
  readonly slot: number;
}
