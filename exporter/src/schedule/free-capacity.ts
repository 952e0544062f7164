import type { Claim, HostResource, PlacementProblem, SharedResource } from './placement-problem.ts';
import { Succession } from './succession.ts';

export const unplaced = -1;

/** What rounding may add up to without a slot counting as overfull. */
const tolerance = 1e-9;

const firstHost = [0];
const anyHost = -1;

/** How much of a resource is missing, and where. */
export interface Shortage {
  readonly missing: number;
  /** Its index: those of hosts, then those that hosts share, then the time of jobs that come one behind the other. */
  readonly resource: number;
  /** The place in which it runs short; of one that is shared, the slot. */
  readonly at: number;
}

/** What a job takes. */
export interface Demand {
  readonly needs: readonly number[];
  readonly claims?: readonly Claim[] | undefined;
}

/** What is free of each resource beside the jobs that have a place. */
export class FreeCapacity {
  readonly #problem: PlacementProblem;
  readonly #places: Int32Array;
  readonly #duration: Int32Array;
  /** What each job takes of its host, resource by resource. */
  readonly #needs: readonly Float64Array[];
  /** Free of hosts' resources by place; nothing for a resource that cannot run out. */
  readonly #free: (Float64Array | undefined)[];
  /** Where the claims of each job begin in the three lists behind. */
  readonly #claimsFrom: Int32Array;
  readonly #claimed: Int32Array;
  readonly #amounts: Float64Array;
  /** On which host alone it is taken, or any. */
  readonly #claimedOn: Int32Array;
  /** Whether that is one of them for any claim. */
  readonly #isBound: boolean;
  /** Free of shared resources by slot; nothing for one that cannot run out. */
  readonly #freeShared: (Float64Array | undefined)[];
  /** Whether any of the shared ones can. */
  #isShared: boolean;
  /** Absent: no job has to wait for another. */
  #succession: Succession | undefined;

  constructor(problem: PlacementProblem, places: Int32Array, duration: Int32Array) {
    const { jobs, resources, shared = [] } = problem;
    this.#problem = problem;
    this.#places = places;
    this.#duration = duration;
    this.#needs = resources.map(() => new Float64Array(jobs.length));
    this.#claimsFrom = new Int32Array(jobs.length + 1);
    const claims = jobs.reduce((sum, job) => sum + (job.claims?.length ?? 0), 0);
    this.#claimed = new Int32Array(claims);
    this.#amounts = new Float64Array(claims);
    this.#claimedOn = new Int32Array(claims);
    const wanted = resources.map(() => new Float64Array(problem.hosts));
    const wantedShared = new Float64Array(shared.length);
    let next = 0;
    for (const [index, job] of jobs.entries()) {
      for (let resource = 0; resource < resources.length; resource += 1) {
        const need = job.needs[resource] ?? 0;
        const needs = this.#needs[resource];
        const sums = wanted[resource];
        if (needs === undefined || sums === undefined) continue;
        needs[index] = need;
        for (const host of job.hosts ?? firstHost) sums[host] = (sums[host] ?? 0) + need;
      }
      for (const { resource, amount, host = anyHost } of job.claims ?? []) {
        this.#claimed[next] = resource;
        this.#amounts[next] = amount;
        this.#claimedOn[next] = host;
        wantedShared[resource] = (wantedShared[resource] ?? 0) + amount;
        next += 1;
      }
      this.#claimsFrom[index + 1] = next;
    }
    this.#isBound = this.#claimedOn.some((host) => host !== anyHost);
    this.#free = resources.map((resource, index) => {
      const free = freeOfHosts(resource, problem);
      return suffices(free, wanted[index] ?? [], problem.slots) ? undefined : free;
    });
    this.#freeShared = shared.map((resource, index) => {
      const free = freeOf(resource, problem.slots);
      return suffices(free, [wantedShared[index] ?? 0], problem.slots) ? undefined : free;
    });
    this.#isShared = this.#freeShared.some((free) => free !== undefined);
    if (jobs.some(({ follows }) => follows !== undefined)) this.follow(jobs.map(({ follows }) => follows));
  }

  /** From now on these come one behind the other. */
  follow(follows: readonly (number | undefined)[]): void {
    const { slots } = this.#problem;
    this.#succession = new Succession(follows, this.#places, this.#duration, slots);
  }

  /** Those whose time a resource stands for; undefined where it is another one. */
  members(resource: number): readonly number[] | undefined {
    const first = resource - this.#needs.length - this.#freeShared.length;
    return first < 0 ? undefined : this.#succession?.members(first);
  }

  /** Takes (1) what a job needs from `place` on, or gives it back (-1). */
  take(job: number, place: number, sign: 1 | -1): void {
    const duration = this.#duration[job] ?? 0;
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = sign * (this.#needs[index]?.[job] ?? 0);
      const free = this.#free[index];
      if (need === 0 || free === undefined) continue;
      for (let at = place; at < place + duration; at += 1) free[at] = (free[at] ?? 0) - need;
    }
    if (!this.#isShared) return;
    const host = this.#hostOf(place);
    const end = this.#claimsFrom[job + 1] ?? 0;
    for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
      const free = this.#freeShared[this.#claimed[claim] ?? -1];
      if (free === undefined || !this.#isTaken(claim, host)) continue;
      const amount = sign * (this.#amounts[claim] ?? 0);
      const start = place % this.#problem.slots;
      for (let slot = start; slot < start + duration; slot += 1) free[slot] = (free[slot] ?? 0) - amount;
    }
  }

  #hostOf(place: number): number {
    return this.#isBound ? Math.floor(place / this.#problem.slots) : anyHost;
  }

  #isTaken(claim: number, host: number): boolean {
    const only = this.#claimedOn[claim];
    return only === anyHost || only === host;
  }

  /** What a job takes of a resource, where it is placed. */
  need(job: number, resource: number): number {
    if (resource < this.#needs.length) return this.#needs[resource]?.[job] ?? 0;
    const shared = resource - this.#needs.length;
    if (shared >= this.#freeShared.length) {
      return this.#succession?.of(job) === shared - this.#freeShared.length ? 1 : 0;
    }
    const host = this.#hostOf(this.#places[job] ?? unplaced);
    const end = this.#claimsFrom[job + 1] ?? 0;
    for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
      if (this.#claimed[claim] === shared && this.#isTaken(claim, host)) return this.#amounts[claim] ?? 0;
    }
    return 0;
  }

  /** Lets a job without a place ask for more or less of what it asks for. */
  ask(job: number, { needs, claims = [] }: Demand): void {
    const { resources, shared = [], slots } = this.#problem;
    for (const [index, resource] of resources.entries()) {
      const asked = this.#needs[index];
      if (asked === undefined) continue;
      asked[job] = needs[index] ?? 0;
      // What could not run out may now.
      if (this.#free[index] !== undefined) continue;
      const free = freeOfHosts(resource, this.#problem);
      this.#takePlaced(free, index);
      this.#free[index] = free;
    }
    for (const { resource: index, amount } of claims) {
      const end = this.#claimsFrom[job + 1] ?? 0;
      for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
        if (this.#claimed[claim] === index) this.#amounts[claim] = amount;
      }
      const resource = shared[index];
      if (this.#freeShared[index] !== undefined || resource === undefined) continue;
      const free = freeOf(resource, slots);
      this.#takePlaced(free, resources.length + index);
      this.#freeShared[index] = free;
      this.#isShared = true;
    }
  }

  #takePlaced(free: Float64Array, resource: number): void {
    const isShared = resource >= this.#needs.length;
    for (const [job, place] of this.#places.entries()) {
      if (place === unplaced) continue;
      const start = isShared ? place % this.#problem.slots : place;
      const need = this.need(job, resource);
      for (let at = start; at < start + (this.#duration[job] ?? 0); at += 1)
        free[at] = (free[at] ?? 0) - need;
    }
  }

  /** Whether what a job needs is free from one place to another of the same host. */
  fits(job: number, from: number, to: number): boolean {
    for (let index = 0; index < this.#free.length; index += 1) {
      const free = this.#free[index];
      if (free === undefined) continue;
      const need = this.#needs[index]?.[job] ?? 0;
      if (need === 0) continue;
      for (let at = from; at < to; at += 1) if ((free[at] ?? 0) < need) return false;
    }
    if (!this.#isBound) return true;
    const start = from % this.#problem.slots;
    return this.#fitsClaims(job, this.#hostOf(from), start, start + to - from);
  }

  /** Whether what a job needs on whatever host is free from one slot to another, and it is its turn. */
  fitsShared(job: number, from: number, to: number): boolean {
    if (this.#succession?.taken(job, from, to) !== undefined) return false;
    return !this.#isShared || this.#fitsClaims(job, anyHost, from, to);
  }

  /** Of what it claims on this host alone, or else on any. */
  #fitsClaims(job: number, host: number, from: number, to: number): boolean {
    const end = this.#claimsFrom[job + 1] ?? 0;
    for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
      const free = this.#freeShared[this.#claimed[claim] ?? -1];
      if (free === undefined || this.#claimedOn[claim] !== host) continue;
      const amount = this.#amounts[claim] ?? 0;
      if (amount === 0) continue;
      for (let slot = from; slot < to; slot += 1) if ((free[slot] ?? 0) < amount) return false;
    }
    return true;
  }

  /** Marks the places from `from` on in which a job finds no room; undefined where it finds room in all. */
  full(job: number, from: number, to: number): Uint8Array | undefined {
    let full: Uint8Array | undefined;
    for (let index = 0; index < this.#free.length; index += 1) {
      const need = this.#needs[index]?.[job] ?? 0;
      const free = this.#free[index];
      if (need === 0 || free === undefined) continue;
      for (let at = from; at < to; at += 1) {
        if ((free[at] ?? 0) >= need) continue;
        full ??= new Uint8Array(to - from);
        full[at - from] = 1;
      }
    }
    if (this.#succession !== undefined) full = this.#othersTurn(this.#succession, job, { from, to, full });
    if (!this.#isShared) return full;
    const host = this.#hostOf(from);
    const end = this.#claimsFrom[job + 1] ?? 0;
    for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
      const free = this.#freeShared[this.#claimed[claim] ?? -1];
      const amount = this.#amounts[claim] ?? 0;
      if (amount === 0 || free === undefined || !this.#isTaken(claim, host)) continue;
      const start = from % this.#problem.slots;
      for (let offset = 0; offset < to - from; offset += 1) {
        if ((free[start + offset] ?? 0) >= amount) continue;
        full ??= new Uint8Array(to - from);
        full[offset] = 1;
      }
    }
    return full;
  }

  /** The same with what is the turn of others. */
  #othersTurn(
    succession: Succession,
    job: number,
    { from, to, full }: { from: number; to: number; full: Uint8Array | undefined },
  ): Uint8Array | undefined {
    const start = from % this.#problem.slots;
    const begins = succession.from(job) - start;
    const ends = succession.until(job) - start;
    if (to <= from || (begins <= 0 && ends >= to - from)) return full;
    const marked = full ?? new Uint8Array(to - from);
    return marked.fill(1, 0, Math.max(0, begins)).fill(1, Math.min(to - from, Math.max(0, ends)));
  }

  /** How much of what a job needs is missing in the fullest slot of a run from `place` on; 0 where it fits. */
  shortage(job: number, place: number): Shortage {
    let worst: Shortage = { missing: 0, resource: 0, at: place };
    const look = (resource: number, need: number, free: Float64Array | undefined, start: number): void => {
      if (need === 0 || free === undefined) return;
      for (let at = start; at < start + (this.#duration[job] ?? 0); at += 1) {
        const missing = need - (free[at] ?? 0);
        if (missing > worst.missing) worst = { missing, resource, at };
      }
    };
    const count = this.#free.length;
    for (let index = 0; index < count; index += 1) {
      look(index, this.#needs[index]?.[job] ?? 0, this.#free[index], place);
    }
    const host = this.#hostOf(place);
    const end = this.#claimsFrom[job + 1] ?? 0;
    for (let claim = this.#claimsFrom[job] ?? 0; claim < end; claim += 1) {
      if (!this.#isTaken(claim, host)) continue;
      const shared = this.#claimed[claim] ?? -1;
      const amount = this.#amounts[claim] ?? 0;
      look(count + shared, amount, this.#freeShared[shared], place % this.#problem.slots);
    }
    const own = this.#succession?.of(job);
    if (own === undefined || worst.missing > 0) return worst;
    const slot = place % this.#problem.slots;
    const taken = this.#succession?.taken(job, slot, slot + (this.#duration[job] ?? 0));
    return taken === undefined
      ? worst
      : { missing: 1, resource: count + this.#freeShared.length + own, ...taken };
  }
}

/** What is free at each place before any job has one. */
function freeOfHosts({ base, capacity }: HostResource, { hosts, slots }: PlacementProblem): Float64Array {
  const free = new Float64Array(hosts * slots);
  for (let host = 0, at = 0; host < hosts; host += 1) {
    const most = (capacity[host] ?? 0) + tolerance;
    for (const end = at + slots; at < end; at += 1) free[at] = most - (base[at] ?? 0);
  }
  return free;
}

function freeOf({ base, capacity }: SharedResource, slots: number): Float64Array {
  return Float64Array.from({ length: slots }, (_, slot) => capacity - (base[slot] ?? 0) + tolerance);
}

/** Whether all that is wanted fits at any time; `wanted` by host. */
function suffices(free: Float64Array, wanted: ArrayLike<number>, slots: number): boolean {
  return free.every((amount, at) => amount >= (wanted[Math.floor(at / slots)] ?? 0));
}
