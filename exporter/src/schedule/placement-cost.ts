import { unplaced } from './free-capacity.ts';
import type { PlacementProblem } from './placement-problem.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Of the jobs of a problem, by job. */
export interface PlacedJobs {
  readonly earliest: Int32Array;
  readonly latest: Int32Array;
  readonly duration: Int32Array;
  readonly weight: Float64Array;
  readonly whereabouts: Whereabouts;
}

/** What places cost beside the jobs that have one. Knows nothing of capacity: whether there is room, others ask. */
export class PlacementCost {
  readonly #problem: PlacementProblem;
  readonly #slots: number;
  readonly #jobs: PlacedJobs;
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
  /** Of a job that meets the load of its own host. */
  readonly #nothing: Float64Array;
  /** The lowest cost that `cheapestOn` has found since the search began. */
  #lowest = Infinity;

  constructor(problem: PlacementProblem, placed: PlacedJobs) {
    const { jobs, resources, slots, hosts } = problem;
    const count = jobs.length;
    this.#problem = problem;
    this.#slots = slots;
    this.#jobs = placed;
    this.#windowEnd = new Int32Array(count);
    this.#delayPenalty = new Float64Array(count);
    this.#previous = new Int32Array(count);
    this.#jobLoad = new Float64Array(count);
    this.#jobShare = new Float64Array(count);
    this.#nothing = new Float64Array(slots);
    for (let index = 0; index < count; index += 1) {
      const job = jobs[index];
      if (job === undefined) continue;
      this.#windowEnd[index] = job.windowEnd;
      this.#delayPenalty[index] = job.delayPenaltyPerHour ?? problem.delayPenaltyPerHour;
      this.#previous[index] = job.previous ?? unplaced;
      this.#jobShare[index] = job.weight / job.duration;
      this.#jobLoad[index] = this.#loadOf(job.needs);
    }
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
    const { resources } = this.#problem;
    let load = 0;
    for (let resource = 0; resource < resources.length; resource += 1) {
      load += (resources[resource]?.loadWeight ?? 0) * (needs[resource] ?? 0);
    }
    return load;
  }

  /** A job without a place asks for more or less than it did. */
  ask(job: number, needs: readonly number[]): void {
    this.#jobLoad[job] = this.#loadOf(needs);
  }

  /** `sign`: whether the job comes or goes. */
  add(job: number, place: number, sign: 1 | -1): void {
    const end = place + (this.#jobs.duration[job] ?? 0);
    const load = sign * (this.#jobLoad[job] ?? 0);
    const share = sign * (this.#jobShare[job] ?? 0);
    for (let at = place; at < end; at += 1) {
      this.#load[at] = (this.#load[at] ?? 0) + load;
      this.#share[at] = (this.#share[at] ?? 0) + share;
    }
  }

  /** What `place` costs beside the load: being late, and not being where it was. */
  #fixed(job: number, place: number): number {
    const late = Math.max(0, (place % this.#slots) - (this.#windowEnd[job] ?? 0)) * this.#problem.slotHours;
    const before = this.#previous[job] ?? unplaced;
    const moved = before !== unplaced && before !== place ? this.#problem.movePenalty : 0;
    return (this.#jobs.weight[job] ?? 0) * (late * (this.#delayPenalty[job] ?? 0) + moved);
  }

  #elsewhere(job: number, place: number): ArrayLike<number> {
    const of = this.#jobs.whereabouts.elsewhere(job);
    if (of === undefined) return this.#nothing;
    const index = of.get(Math.floor(place / this.#slots));
    return this.#problem.elsewhere?.[index ?? -1] ?? this.#nothing;
  }

  /**
   * What moving a job `from` its place to another would add to the whole cost; less than 0: a gain. Counts what it does to the
   * jobs it leaves and to those it joins. `overlap`: the slots in which it runs either way.
   */
  ofMove(job: number, from: number, place: number, overlap: number): number {
    const duration = this.#jobs.duration[job] ?? 0;
    const joinsFrom = place < from ? place : place + overlap;
    const joinsTo = place < from ? place + duration - overlap : place + duration;
    const leavesFrom = place < from ? from + overlap : from;
    const leavesTo = place < from ? from + duration : from + duration - overlap;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    let cost = 0;
    const left = this.#elsewhere(job, from);
    const leftAt = from - (from % this.#slots);
    for (let at = leavesFrom; at < leavesTo; at += 1) {
      cost -= share * ((this.#load[at] ?? 0) + (left[at - leftAt] ?? 0)) + load * (this.#share[at] ?? 0);
    }
    const joined = this.#elsewhere(job, place);
    const joinedAt = place - (place % this.#slots);
    for (let at = joinsFrom; at < joinsTo; at += 1) {
      cost += share * ((this.#load[at] ?? 0) + (joined[at - joinedAt] ?? 0)) + load * (this.#share[at] ?? 0);
    }
    // What it leaves holds itself, twice over: its load among the loads, its share among the shares.
    cost += 2 * share * load * (duration - overlap);
    return cost + this.#fixed(job, place) - this.#fixed(job, from);
  }

  /** Begins a search, over the hosts that are given to `cheapestOn` from now on. */
  search(): void {
    this.#lowest = Infinity;
  }

  /** The cheapest place on a host, where that is cheaper than what the search has found. `full`: from its earliest slot on, by slot. */
  cheapestOn(job: number, host: number, full: Uint8Array | undefined): number {
    const { earliest: first, latest, duration: durations, weight: weights } = this.#jobs;
    const offset = host * this.#slots;
    const duration = durations[job] ?? 1;
    const earliest = offset + (first[job] ?? 0);
    const end = offset + (latest[job] ?? 0) + duration;
    const load = this.#jobLoad[job] ?? 0;
    const share = this.#jobShare[job] ?? 0;
    const weight = weights[job] ?? 0;
    const windowEnd = offset + (this.#windowEnd[job] ?? 0);
    const previous = this.#previous[job] ?? unplaced;
    const move = previous === unplaced ? 0 : weight * this.#problem.movePenalty;
    const late = weight * this.#problem.slotHours * (this.#delayPenalty[job] ?? 0);
    const elsewhere = this.#elsewhere(job, offset);
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
    const duration = this.#jobs.duration[job] ?? 1;
    const elsewhere = this.#elsewhere(job, place);
    const offset = place - (place % this.#slots);
    let load = 0;
    for (let at = place; at < place + duration; at += 1) {
      load += (this.#load[at] ?? 0) + (elsewhere[at - offset] ?? 0);
    }
    return load / duration;
  }

  /** What a job costs the runs that go on. */
  #lentAt(job: number, place: number): number {
    const { lent } = this.#problem;
    if (lent === undefined) return 0;
    let share = 0;
    for (let at = place; at < place + (this.#jobs.duration[job] ?? 0); at += 1) share += lent[at] ?? 0;
    return share * (this.#jobLoad[job] ?? 0);
  }

  /** That of all jobs where they lie, from scratch. */
  ofAll(places: Int32Array): number {
    let cost = 0;
    for (const [job, place] of places.entries()) {
      const weight = this.#jobs.weight[job] ?? 0;
      cost +=
        place === unplaced
          ? weight * this.#problem.unplacedPenalty
          : weight * this.meanLoad(job, place) + this.#lentAt(job, place) + this.#fixed(job, place);
    }
    return cost;
  }
}
