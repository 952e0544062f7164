const none = -1;

/**
 * Jobs by where they start, so that of thousands only those are looked at that may be running at a moment. Those of one place
 * are linked through two arrays: to put or take one allocates nothing.
 */
export class Starts {
  /** By place: the one that was added last. */
  readonly #first: Int32Array;
  /** By job: who was there before it, and who came behind. */
  readonly #next: Int32Array;
  readonly #behind: Int32Array;

  constructor(places: number, jobs: number) {
    this.#first = new Int32Array(places).fill(none);
    this.#next = new Int32Array(jobs).fill(none);
    this.#behind = new Int32Array(jobs).fill(none);
  }

  add(job: number, place: number): void {
    const first = this.#first[place] ?? none;
    this.#next[job] = first;
    this.#behind[job] = none;
    if (first !== none) this.#behind[first] = job;
    this.#first[place] = job;
  }

  remove(job: number, place: number): void {
    const next = this.#next[job] ?? none;
    const behind = this.#behind[job] ?? none;
    if (next !== none) this.#behind[next] = behind;
    if (behind === none) this.#first[place] = next;
    else this.#next[behind] = next;
  }

  /** Those that start from one place to another, both included; in no order. */
  between(from: number, to: number): number[] {
    const jobs: number[] = [];
    for (let place = from; place <= to; place += 1) {
      for (let job = this.#first[place] ?? none; job !== none; job = this.#next[job] ?? none) jobs.push(job);
    }
    return jobs;
  }
}
