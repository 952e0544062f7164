/**
 * Where jobs lie on a grid of slots, what that costs, and what a change of it would cost: the core that every way of
 * planning shares. Knows no clock and no names: slots and jobs are counted from 0.
 *
 * A placement costs, summed over its jobs,
 *
 *     weight × (mean load while the job runs + penalty per hour × hours behind the window's end + penalty for a move)
 *
 * where load is what the host does anyway, what runs already, and all jobs placed. A job that has no slot costs its weight
 * times a penalty so high that no gain in load pays for it. Capacity is a law, not a cost: a job is never put where any
 * resource would be taken beyond it.
 */
export interface PlacementProblem {
  readonly slots: number;
  readonly slotHours: number;
  readonly resources: readonly PlacementResource[];
  readonly jobs: readonly PlacementJob[];
  /** In load: a start one hour behind its window is as bad as a load that is so much higher. */
  readonly delayPenaltyPerHour: number;
  /** In load: what it costs not to run. */
  readonly unplacedPenalty: number;
  /** In load: what a job must gain to leave the slot it had. */
  readonly movePenalty: number;
}

export interface PlacementResource {
  /** What is taken already in each slot. */
  readonly base: ArrayLike<number>;
  readonly capacity: number;
  /** What the resource counts in the load of a slot; 0 for one that is only scarce. */
  readonly loadWeight: number;
}

export interface PlacementJob {
  /** The first and the last slot it may start in; `windowEnd` is the last that is not late. */
  readonly earliest: number;
  readonly windowEnd: number;
  readonly latest: number;
  /** In slots, at least 1. */
  readonly duration: number;
  readonly weight: number;
  /** What it takes of each resource, in the order of `resources`. */
  readonly needs: readonly number[];
  /** The slot it had in the plan before. */
  readonly previous?: number;
}

export const unplaced = -1;

/** What rounding may add up to without a slot counting as overfull. */
const tolerance = 1e-9;

/** Typed arrays throughout: ten thousand jobs are tried at millions of starts. */
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
  /** Per slot: the load, and the sum of the shares of the jobs that run there. */
  readonly #load: Float64Array;
  readonly #share: Float64Array;
  /** Free capacity by resource and slot. */
  readonly #free: readonly Float64Array[];
  /** What each job takes of each resource, resource by resource. */
  readonly #needs: readonly Float64Array[];

  constructor(problem: PlacementProblem) {
    const { jobs, resources, slots } = problem;
    this.problem = problem;
    this.count = jobs.length;
    this.starts = new Int32Array(jobs.length).fill(unplaced);
    this.earliest = Int32Array.from(jobs, (job) => Math.max(0, job.earliest));
    this.duration = Int32Array.from(jobs, (job) => job.duration);
    this.latest = Int32Array.from(jobs, (job) => Math.min(job.latest, slots - job.duration));
    this.weight = Float64Array.from(jobs, (job) => job.weight);
    this.#windowEnd = Int32Array.from(jobs, (job) => job.windowEnd);
    this.#previous = Int32Array.from(jobs, (job) => job.previous ?? unplaced);
    this.#needs = resources.map((_, index) => Float64Array.from(jobs, (job) => job.needs[index] ?? 0));
    this.#free = resources.map(({ base, capacity }) =>
      Float64Array.from({ length: slots }, (_, slot) => capacity - (base[slot] ?? 0) + tolerance),
    );
    this.#load = new Float64Array(slots);
    this.#jobLoad = new Float64Array(jobs.length);
    for (const [index, { base, loadWeight }] of resources.entries()) {
      for (let slot = 0; slot < slots; slot += 1) {
        this.#load[slot] = (this.#load[slot] ?? 0) + loadWeight * (base[slot] ?? 0);
      }
      for (let job = 0; job < jobs.length; job += 1) {
        this.#jobLoad[job] = (this.#jobLoad[job] ?? 0) + loadWeight * (this.#needs[index]?.[job] ?? 0);
      }
    }
    this.#share = new Float64Array(slots);
    this.#jobShare = this.weight.map((weight, job) => weight / (this.duration[job] ?? 1));
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
    let cost = 0;
    const leavesFrom = start < from ? from + overlap : from;
    const leavesTo = start < from ? to : to - overlap;
    for (let slot = leavesFrom; slot < leavesTo; slot += 1) {
      cost -= share * (this.#load[slot] ?? 0) + load * (this.#share[slot] ?? 0);
    }
    const joinsFrom = start < from ? start : start + overlap;
    const joinsTo = start < from ? end - overlap : end;
    for (let slot = joinsFrom; slot < joinsTo; slot += 1) {
      cost += share * (this.#load[slot] ?? 0) + load * (this.#share[slot] ?? 0);
    }
    // What it leaves holds itself, twice over: its load among the loads, its share among the shares.
    cost += 2 * share * load * (duration - overlap);
    return cost + this.#fixedCost(job, start) - this.#fixedCost(job, from);
  }

  /** Calls `visit` with every start at which a job without a slot fits and what it would add to the cost. */
  eachStart(job: number, visit: (start: number, cost: number) => void): void {
    const duration = this.duration[job] ?? 1;
    const earliest = this.earliest[job] ?? 0;
    const end = (this.latest[job] ?? 0) + duration;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    const own = share * load * duration;
    const full = this.#fullSlots(job, earliest, end);
    let lastFull = -1;
    let cost = 0;
    for (let slot = earliest; slot < end; slot += 1) {
      cost += share * (this.#load[slot] ?? 0) + load * (this.#share[slot] ?? 0);
      if (full !== undefined && full[slot - earliest] === 1) lastFull = slot;
      const start = slot - duration + 1;
      if (start < earliest) continue;
      if (start > earliest) cost -= share * (this.#load[start - 1] ?? 0) + load * (this.#share[start - 1] ?? 0);
      if (lastFull < start) visit(start, cost + own + this.#fixedCost(job, start));
    }
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

  /** The cheapest start at which a job without a slot fits, the earliest of equal ones; `unplaced` where none does. */
  cheapestStart(job: number): number {
    let best = unplaced;
    let lowest = Infinity;
    this.eachStart(job, (start, cost) => {
      // Rounding must not decide between equal starts.
      if (cost >= lowest - 1e-12) return;
      lowest = cost;
      best = start;
    });
    return best;
  }

  /** The mean load from `start` on, for as long as a job takes, as placed now. */
  meanLoad(start: number, duration: number): number {
    let load = 0;
    for (let slot = start; slot < start + duration; slot += 1) load += this.#load[slot] ?? 0;
    return load / duration;
  }

  /** How much of what a job needs is missing in the fullest slot of a run from `start` on; 0 where it fits. */
  shortage(job: number, start: number): Shortage {
    let worst: Shortage = { missing: 0, resource: 0, slot: start };
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = this.#needs[index]?.[job] ?? 0;
      if (need === 0) continue;
      for (let slot = start; slot < start + (this.duration[job] ?? 0); slot += 1) {
        const missing = need - (this.#free[index]?.[slot] ?? 0);
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
          : weight * this.meanLoad(start, this.duration[job] ?? 1) + this.#fixedCost(job, start);
    }
    return cost;
  }
}

export interface Shortage {
  readonly missing: number;
  /** The index of the resource that runs short, and the slot in which it does. */
  readonly resource: number;
  readonly slot: number;
}
