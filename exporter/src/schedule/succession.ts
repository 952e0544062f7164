import { unplaced, type Shortage } from './free-capacity.ts';

/**
 * Which jobs come one behind the other, whatever their hosts: each is over before the next begins. Where they are in each other's
 * way counts as a resource of its own, which only one of them can have at a time.
 */
export class Succession {
  readonly #places: Int32Array;
  readonly #duration: Int32Array;
  readonly #slots: number;
  readonly #before: Int32Array;
  readonly #behind: Int32Array;
  /** The first of those that each belongs to. */
  readonly #first: Int32Array;

  /** `follows`: by job, the one before it. `places` stays the caller's, who changes it. */
  constructor(
    follows: readonly (number | undefined)[],
    places: Int32Array,
    duration: Int32Array,
    slots: number,
  ) {
    this.#places = places;
    this.#duration = duration;
    this.#slots = slots;
    this.#before = Int32Array.from(follows, (before) => before ?? unplaced);
    this.#behind = new Int32Array(places.length).fill(unplaced);
    for (const [job, before] of follows.entries()) if (before !== undefined) this.#behind[before] = job;
    this.#first = new Int32Array(places.length).fill(unplaced);
    for (const [job, behind] of this.#behind.entries()) {
      if (behind === unplaced || this.#before[job] !== unplaced) continue;
      for (let each = job; each !== unplaced; each = this.#behind[each] ?? unplaced) this.#first[each] = job;
    }
  }

  /** What a job and those it stands with share, as a number; undefined where it stands alone. */
  of(job: number): number | undefined {
    const first = this.#first[job] ?? unplaced;
    return first === unplaced ? undefined : first;
  }

  /** All that share it. */
  members(first: number): number[] {
    const members: number[] = [];
    for (let each = first; each !== unplaced; each = this.#behind[each] ?? unplaced) members.push(each);
    return members;
  }

  /** The slot at which the run before is over. */
  from(job: number): number {
    const before = this.#nearest(this.#before, job);
    return before === unplaced ? 0 : this.#slotOf(before) + (this.#duration[before] ?? 0);
  }

  /** The slot in which the next run begins. */
  until(job: number): number {
    const behind = this.#nearest(this.#behind, job);
    return behind === unplaced ? Infinity : this.#slotOf(behind);
  }

  /** A slot that is another's, of those from one to another; undefined where a job may have them all. */
  taken(job: number, from: number, to: number): Pick<Shortage, 'at'> | undefined {
    const begins = this.from(job);
    if (begins > from) return { at: begins - 1 };
    const ends = this.until(job);
    return ends < to ? { at: ends } : undefined;
  }

  /** The next one with a place, in one direction. */
  #nearest(neighbours: Int32Array, job: number): number {
    let each = neighbours[job] ?? unplaced;
    while (each !== unplaced && this.#places[each] === unplaced) each = neighbours[each] ?? unplaced;
    return each;
  }

  #slotOf(job: number): number {
    return (this.#places[job] ?? 0) % this.#slots;
  }
}
