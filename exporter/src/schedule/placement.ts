import { FreeCapacity, unplaced, type Demand, type Shortage } from './free-capacity.ts';
import { Occupants } from './occupants.ts';
import type { PlacementProblem } from './placement-problem.ts';
import { anyOf, Whereabouts } from './whereabouts.ts';

export { unplaced } from './free-capacity.ts';

/**
 * Where the jobs of a problem lie, and what a change of it would cost: the core that every way of planning shares. Typed
 * arrays throughout: ten thousand jobs are tried at millions of places.
 */
export class Placement {
  readonly problem: PlacementProblem;
  readonly count: number;
  readonly slots: number;
  /** The place of each job, or `unplaced`. */
  readonly places: Int32Array;
  readonly earliest: Int32Array;
  readonly latest: Int32Array;
  readonly duration: Int32Array;
  readonly weight: Float64Array;
  /** Where each may run, and who may run where. */
  readonly whereabouts: Whereabouts;
  readonly #windowEnd: Int32Array;
  /** What an hour behind its window costs, beside the weight. */
  readonly #delayPenalty: Float64Array;
  readonly #previous: Int32Array;
  /** A job's load in each slot it runs in, and the weight that it lends to the load of that slot. */
  readonly #jobLoad: Float64Array;
  readonly #jobShare: Float64Array;
  /** By place: the load, and the sum of the shares of the jobs that run there. */
  readonly #load: Float64Array;
  readonly #share: Float64Array;
  readonly #free: FreeCapacity;
  readonly #occupants: Occupants;
  /** Of a job that meets the load of its own host. */
  readonly #nothing: Float64Array;
  /** What was done within a trial: the job, and the place it had before. */
  #journal: number[] | undefined;
  /** The lowest cost that `cheapestPlace` has found so far. */
  #lowest = Infinity;

  constructor(problem: PlacementProblem) {
    const { jobs, resources, slots, hosts } = problem;
    const count = jobs.length;
    this.problem = problem;
    this.count = count;
    this.slots = slots;
    this.places = new Int32Array(count).fill(unplaced);
    this.earliest = new Int32Array(count);
    this.latest = new Int32Array(count);
    this.duration = new Int32Array(count);
    this.weight = new Float64Array(count);
    this.#windowEnd = new Int32Array(count);
    this.#delayPenalty = new Float64Array(count);
    this.#previous = new Int32Array(count);
    this.#jobLoad = new Float64Array(count);
    this.#jobShare = new Float64Array(count);
    this.#nothing = new Float64Array(slots);
    for (let index = 0; index < count; index += 1) {
      const job = jobs[index];
      if (job === undefined) continue;
      this.earliest[index] = Math.max(0, job.earliest);
      this.latest[index] = Math.min(job.latest, slots - job.duration);
      this.duration[index] = job.duration;
      this.weight[index] = job.weight;
      this.#windowEnd[index] = job.windowEnd;
      this.#delayPenalty[index] = job.delayPenaltyPerHour ?? problem.delayPenaltyPerHour;
      this.#previous[index] = job.previous ?? unplaced;
      this.#jobShare[index] = job.weight / job.duration;
      this.#jobLoad[index] = this.#loadOf(job.needs);
    }
    this.#occupants = new Occupants(problem, this.places, this.duration);
    this.whereabouts = new Whereabouts(problem);
    this.#free = new FreeCapacity(problem, this.places, this.duration);
    this.#share =
      problem.lent === undefined ? new Float64Array(hosts * slots) : Float64Array.from(problem.lent);
    this.#load = new Float64Array(hosts * slots);
    for (const { base, loadWeight } of resources) {
      if (loadWeight === 0) continue;
      for (let at = 0; at < hosts * slots; at += 1) {
        this.#load[at] = (this.#load[at] ?? 0) + loadWeight * (base[at] ?? 0);
      }
    }
  }

  #loadOf(needs: readonly number[]): number {
    const { resources } = this.problem;
    let load = 0;
    for (let resource = 0; resource < resources.length; resource += 1) {
      load += (resources[resource]?.loadWeight ?? 0) * (needs[resource] ?? 0);
    }
    return load;
  }

  hostOf(place: number): number {
    return Math.floor(place / this.slots);
  }

  put(job: number, place: number): void {
    this.#journal?.push(job, unplaced);
    this.places[job] = place;
    this.#occupants.put(job, place);
    this.#add(job, place, 1);
  }

  take(job: number): void {
    const place = this.places[job] ?? 0;
    this.#journal?.push(job, place);
    this.#occupants.take(job, place);
    this.#add(job, place, -1);
    this.places[job] = unplaced;
  }

  #add(job: number, place: number, sign: 1 | -1): void {
    const end = place + (this.duration[job] ?? 0);
    const load = sign * (this.#jobLoad[job] ?? 0);
    const share = sign * (this.#jobShare[job] ?? 0);
    for (let at = place; at < end; at += 1) {
      this.#load[at] = (this.#load[at] ?? 0) + load;
      this.#share[at] = (this.#share[at] ?? 0) + share;
    }
    this.#free.take(job, place, sign);
  }

  /** Does something, and takes it back where it says false. */
  trial(work: () => boolean): boolean {
    const outer = this.#journal;
    const journal = outer ?? [];
    const before = journal.length;
    this.#journal = journal;
    try {
      const isKept = work();
      if (!isKept) this.#takeBack(journal, before);
      return isKept;
    } finally {
      this.#journal = outer;
    }
  }

  #takeBack(journal: number[], length: number): void {
    this.#journal = undefined;
    while (journal.length > length) {
      const before = journal.pop() ?? unplaced;
      const job = journal.pop() ?? 0;
      if (before === unplaced) this.take(job);
      else this.put(job, before);
    }
  }

  /** Whether a job takes of the resource that runs short, where it does. */
  isUsing(job: number, { resource, at }: Pick<Shortage, 'resource' | 'at'>): boolean {
    const place = this.places[job] ?? unplaced;
    if (place === unplaced) return false;
    const start = this.isShared(resource) ? place % this.slots : place;
    return start <= at && at < start + (this.duration[job] ?? 0);
  }

  /** All jobs that may be using what runs short; the others have nothing to do with it. In no order. */
  users({ resource, at }: Pick<Shortage, 'resource' | 'at'>): readonly number[] {
    if (!this.isShared(resource)) return this.#occupants.at(at);
    const members = this.#free.members(resource);
    if (members !== undefined) return members;
    return this.#occupants.during(at).filter((job) => this.need(job, resource) > 0);
  }

  isShared(resource: number): boolean {
    return resource >= this.problem.resources.length;
  }

  /** Whether it is the time of jobs that come one behind the other. */
  isOwnTime(resource: number): boolean {
    return this.#free.members(resource) !== undefined;
  }

  need(job: number, resource: number): number {
    return this.#free.need(job, resource);
  }

  /** From now on these come one behind the other, by job the one before it. */
  follow(follows: readonly (number | undefined)[]): void {
    this.#free.follow(follows);
  }

  /** Lets a job without a place ask for more or less than it did. */
  ask(job: number, demand: Demand): void {
    this.#free.ask(job, demand);
    this.#jobLoad[job] = this.#loadOf(demand.needs);
  }

  /** Whether a job that has no place would fit at `place`. */
  fits(job: number, place: number): boolean {
    const duration = this.duration[job] ?? 0;
    const slot = place % this.slots;
    return this.#free.fits(job, place, place + duration) && this.#free.fitsShared(job, slot, slot + duration);
  }

  /** What `place` costs beside the load: being late, and not being where it was. */
  #fixedCost(job: number, place: number): number {
    const late = Math.max(0, (place % this.slots) - (this.#windowEnd[job] ?? 0)) * this.problem.slotHours;
    const before = this.#previous[job] ?? unplaced;
    const moved = before !== unplaced && before !== place ? this.problem.movePenalty : 0;
    return (this.weight[job] ?? 0) * (late * (this.#delayPenalty[job] ?? 0) + moved);
  }

  /**
   * What moving a placed job to `place` would add to the whole cost (less than 0: a gain), or Infinity where it would
   * not fit. Counts what it does to the jobs it leaves and to those it joins.
   */
  moveCost(job: number, place: number): number {
    const from = this.places[job] ?? 0;
    const duration = this.duration[job] ?? 0;
    const to = from + duration;
    const end = place + duration;
    // The job itself is in the way only where old and new place overlap; on two hosts they never do.
    const overlap = Math.max(0, duration - Math.abs(place - from));
    const joinsFrom = place < from ? place : place + overlap;
    const joinsTo = place < from ? end - overlap : end;
    if (!this.#free.fits(job, joinsFrom, joinsTo) || !this.#fitsSharedBeside(job, place)) return Infinity;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    let cost = 0;
    const leavesFrom = place < from ? from + overlap : from;
    const leavesTo = place < from ? to : to - overlap;
    const left = this.#elsewhere(job, from);
    const leftAt = from - (from % this.slots);
    for (let at = leavesFrom; at < leavesTo; at += 1) {
      cost -= share * ((this.#load[at] ?? 0) + (left[at - leftAt] ?? 0)) + load * (this.#share[at] ?? 0);
    }
    const joined = this.#elsewhere(job, place);
    const joinedAt = place - (place % this.slots);
    for (let at = joinsFrom; at < joinsTo; at += 1) {
      cost += share * ((this.#load[at] ?? 0) + (joined[at - joinedAt] ?? 0)) + load * (this.#share[at] ?? 0);
    }
    // What it leaves holds itself, twice over: its load among the loads, its share among the shares.
    cost += 2 * share * load * (duration - overlap);
    return cost + this.#fixedCost(job, place) - this.#fixedCost(job, from);
  }

  /** Of what hosts share, a job keeps what it has where it runs at the same time as before, on whatever host. */
  #fitsSharedBeside(job: number, place: number): boolean {
    const duration = this.duration[job] ?? 0;
    const from = (this.places[job] ?? 0) % this.slots;
    const start = place % this.slots;
    const overlap = Math.max(0, duration - Math.abs(start - from));
    return start < from
      ? this.#free.fitsShared(job, start, start + duration - overlap)
      : this.#free.fitsShared(job, start + overlap, start + duration);
  }

  #elsewhere(job: number, place: number): ArrayLike<number> {
    const of = this.whereabouts.elsewhere(job);
    if (of === undefined) return this.#nothing;
    const index = of.get(this.hostOf(place));
    return this.problem.elsewhere?.[index ?? -1] ?? this.#nothing;
  }

  /**
   * The cheapest place at which a job without one fits, the first of equal ones; `unplaced` where none does. Of a great many
   * hosts it looks at all only where it fits on none of some.
   */
  cheapestPlace(job: number): number {
    const only = this.whereabouts.only(job);
    if (only !== anyOf) {
      this.#lowest = Infinity;
      return this.#cheapestOn(job, only);
    }
    const some = this.whereabouts.some(job);
    const place = this.#cheapestOf(job, some);
    const all = this.whereabouts.hosts(job);
    return place === unplaced && all !== some ? this.#cheapestOf(job, all) : place;
  }

  #cheapestOf(job: number, hosts: readonly number[]): number {
    this.#lowest = Infinity;
    let best = unplaced;
    for (const host of hosts) {
      const place = this.#cheapestOn(job, host);
      if (place !== unplaced) best = place;
    }
    return best;
  }

  /** The cheapest place on a host, where that is cheaper than the lowest cost so far. */
  #cheapestOn(job: number, host: number): number {
    const offset = host * this.slots;
    const duration = this.duration[job] ?? 1;
    const earliest = offset + (this.earliest[job] ?? 0);
    const end = offset + (this.latest[job] ?? 0) + duration;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    const weight = this.weight[job] ?? 0;
    const windowEnd = offset + (this.#windowEnd[job] ?? 0);
    const previous = this.#previous[job] ?? unplaced;
    const move = previous === unplaced ? 0 : weight * this.problem.movePenalty;
    const late = weight * this.problem.slotHours * (this.#delayPenalty[job] ?? 0);
    const elsewhere = this.#elsewhere(job, offset);
    const full = this.#free.full(job, earliest, end);
    let lastFull = -1;
    let sum = 0;
    let best = unplaced;
    for (let at = earliest, place = earliest - duration + 1; at < end; at += 1, place += 1) {
      sum += share * ((this.#load[at] ?? 0) + (elsewhere[at - offset] ?? 0)) + load * (this.#share[at] ?? 0);
      if (full?.[at - earliest] === 1) lastFull = at;
      if (place < earliest) continue;
      if (place > earliest) {
        const left = place - 1;
        sum -=
          share * ((this.#load[left] ?? 0) + (elsewhere[left - offset] ?? 0)) +
          load * (this.#share[left] ?? 0);
      }
      if (lastFull >= place) continue;
      const cost =
        sum + (place > windowEnd ? late * (place - windowEnd) : 0) + (place === previous ? 0 : move);
      // Rounding must not decide between equal places.
      if (cost >= this.#lowest - 1e-12) continue;
      this.#lowest = cost;
      best = place;
    }
    return best;
  }

  /** The mean load that a job meets from `place` on, for as long as it takes, as placed now. */
  meanLoad(job: number, place: number): number {
    const duration = this.duration[job] ?? 1;
    const elsewhere = this.#elsewhere(job, place);
    const offset = place - (place % this.slots);
    let load = 0;
    for (let at = place; at < place + duration; at += 1) {
      load += (this.#load[at] ?? 0) + (elsewhere[at - offset] ?? 0);
    }
    return load / duration;
  }

  shortage(job: number, place: number): Shortage {
    return this.#free.shortage(job, place);
  }

  /** What a job costs the runs that go on. */
  #lentAt(job: number, place: number): number {
    const { lent } = this.problem;
    if (lent === undefined) return 0;
    let share = 0;
    for (let at = place; at < place + (this.duration[job] ?? 0); at += 1) share += lent[at] ?? 0;
    return share * (this.#jobLoad[job] ?? 0);
  }

  /** The whole cost, from scratch. */
  cost(): number {
    let cost = 0;
    for (let job = 0; job < this.count; job += 1) {
      const place = this.places[job] ?? unplaced;
      const weight = this.weight[job] ?? 0;
      cost +=
        place === unplaced
          ? weight * this.problem.unplacedPenalty
          : weight * this.meanLoad(job, place) + this.#lentAt(job, place) + this.#fixedCost(job, place);
    }
    return cost;
  }
}
