import { FreeCapacity, unplaced, type Demand, type Shortage } from './free-capacity.ts';
import { Occupants } from './occupants.ts';
import { PlacementCost } from './placement-cost.ts';
import type { PlacementProblem } from './placement-problem.ts';
import { anyOf, Whereabouts } from './whereabouts.ts';

export { unplaced } from './free-capacity.ts';

/**
 * Where the jobs of a problem lie, where there is room for them, and what a change of it would cost: the core that every way of
 * planning shares. Typed arrays throughout: ten thousand jobs are tried at millions of places.
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
  readonly #cost: PlacementCost;
  readonly #free: FreeCapacity;
  readonly #occupants: Occupants;
  /** What was done within a trial: the job, and the place it had before. */
  #journal: number[] | undefined;

  constructor(problem: PlacementProblem) {
    const { jobs, slots } = problem;
    const count = jobs.length;
    this.problem = problem;
    this.count = count;
    this.slots = slots;
    this.places = new Int32Array(count).fill(unplaced);
    this.earliest = new Int32Array(count);
    this.latest = new Int32Array(count);
    this.duration = new Int32Array(count);
    this.weight = new Float64Array(count);
    for (let index = 0; index < count; index += 1) {
      const job = jobs[index];
      if (job === undefined) continue;
      this.earliest[index] = Math.max(0, job.earliest);
      this.latest[index] = Math.min(job.latest, slots - job.duration);
      this.duration[index] = job.duration;
      this.weight[index] = job.weight;
    }
    this.#occupants = new Occupants(problem, this.places, this.duration);
    this.whereabouts = new Whereabouts(problem);
    this.#free = new FreeCapacity(problem, this.places, this.duration);
    this.#cost = new PlacementCost(problem, this);
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
    this.#cost.add(job, place, sign);
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
    this.#cost.ask(job, demand.needs);
  }

  /** Whether a job that has no place would fit at `place`. */
  fits(job: number, place: number): boolean {
    const duration = this.duration[job] ?? 0;
    const slot = place % this.slots;
    return this.#free.fits(job, place, place + duration) && this.#free.fitsShared(job, slot, slot + duration);
  }

  /**
   * What moving a placed job to `place` would add to the whole cost (less than 0: a gain), or Infinity where it would
   * not fit. Counts what it does to the jobs it leaves and to those it joins.
   */
  moveCost(job: number, place: number): number {
    const from = this.places[job] ?? 0;
    const duration = this.duration[job] ?? 0;
    // The job itself is in the way only where old and new place overlap; on two hosts they never do.
    const overlap = Math.max(0, duration - Math.abs(place - from));
    const joinsFrom = place < from ? place : place + overlap;
    const joinsTo = place < from ? place + duration - overlap : place + duration;
    if (!this.#free.fits(job, joinsFrom, joinsTo) || !this.#fitsSharedBeside(job, place)) return Infinity;
    return this.#cost.ofMove(job, from, place, overlap);
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

  /**
   * The cheapest place at which a job without one fits, the first of equal ones; `unplaced` where none does. Of a great many
   * hosts it looks at all only where it fits on none of some.
   */
  cheapestPlace(job: number): number {
    const only = this.whereabouts.only(job);
    if (only !== anyOf) {
      this.#cost.search();
      return this.#cheapestOn(job, only);
    }
    const some = this.whereabouts.some(job);
    const place = this.#cheapestOf(job, some);
    const all = this.whereabouts.hosts(job);
    return place === unplaced && all !== some ? this.#cheapestOf(job, all) : place;
  }

  #cheapestOf(job: number, hosts: readonly number[]): number {
    this.#cost.search();
    let best = unplaced;
    for (const host of hosts) {
      const place = this.#cheapestOn(job, host);
      if (place !== unplaced) best = place;
    }
    return best;
  }

  #cheapestOn(job: number, host: number): number {
    const offset = host * this.slots;
    const end = offset + (this.latest[job] ?? 0) + (this.duration[job] ?? 1);
    return this.#cost.cheapestOn(job, host, this.#free.full(job, offset + (this.earliest[job] ?? 0), end));
  }

  /** The mean load that a job meets from `place` on, for as long as it takes, as placed now. */
  meanLoad(job: number, place: number): number {
    return this.#cost.meanLoad(job, place);
  }

  shortage(job: number, place: number): Shortage {
    return this.#free.shortage(job, place);
  }

  /** The whole cost, from scratch. */
  cost(): number {
    return this.#cost.ofAll(this.places);
  }
}
