import { Starts } from './starts.ts';

interface Problem {
  readonly hosts: number;
  readonly slots: number;
}

/**
 * Which jobs may be running where and when, so that those in the way of another are found without a look at all of them. Begins
 * to keep that once it is asked for: most plans never do.
 */
export class Occupants {
  readonly #problem: Problem;
  readonly #places: Int32Array;
  /** The longest of the jobs: who starts that much before is over. */
  readonly #longest: number;
  #byPlace: Starts | undefined;
  /** Whatever their host. */
  #bySlot: Starts | undefined;

  /** `places` stays the caller's, who tells of each change: the place of each job, negative for none. */
  constructor(problem: Problem, places: Int32Array, durations: Int32Array) {
    this.#problem = problem;
    this.#places = places;
    this.#longest = durations.reduce((longest, duration) => Math.max(longest, duration), 0);
  }

  put(job: number, place: number): void {
    this.#byPlace?.add(job, place);
    this.#bySlot?.add(job, place % this.#problem.slots);
  }

  take(job: number, place: number): void {
    this.#byPlace?.remove(job, place);
    this.#bySlot?.remove(job, place % this.#problem.slots);
  }

  /** Those that may be running on the host of a place, at its slot; in no order. */
  at(place: number): number[] {
    const { hosts, slots } = this.#problem;
    this.#byPlace ??= this.#gather(hosts * slots);
    return this.#byPlace.between(Math.max(place - (place % slots), place - this.#longest + 1), place);
  }

  /** Those that may be running on any host; in no order. */
  during(slot: number): number[] {
    this.#bySlot ??= this.#gather(this.#problem.slots);
    return this.#bySlot.between(Math.max(0, slot - this.#longest + 1), slot);
  }

  /** `count`: of the places, or of the slots that all hosts have. */
  #gather(count: number): Starts {
    const starts = new Starts(count, this.#places.length);
    for (const [job, place] of this.#places.entries()) if (place >= 0) starts.add(job, place % count);
    return starts;
  }
}
