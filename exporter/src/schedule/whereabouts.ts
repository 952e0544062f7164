import type { PlacementProblem } from './placement-problem.ts';

/** Of more hosts than so many, a job tries some: the best of them is hardly worse than the best of all. */
const hostsTried = 24;
/** Far from any multiple of a round number: the same hosts are not tried by neighbours. */
const stride = 7919;

export const anyOf = -1;

const firstHost: readonly number[] = [0];

/** Which jobs may run on which hosts. */
export class Whereabouts {
  readonly #problem: PlacementProblem;
  /** The host of each job that has no choice, else `anyOf`. */
  readonly #only: Int32Array;
  readonly #some = new Map<number, readonly number[]>();
  readonly #elsewhere = new Map<number, ReadonlyMap<number, number>>();

  constructor(problem: PlacementProblem) {
    this.#problem = problem;
    this.#only = new Int32Array(problem.jobs.length);
    for (const [job, { hosts = firstHost, elsewhere, previous }] of problem.jobs.entries()) {
      this.#only[job] = hosts.length === 1 ? (hosts[0] ?? 0) : anyOf;
      if (hosts.length > hostsTried) {
        const last = previous === undefined ? undefined : Math.floor(previous / problem.slots);
        this.#some.set(job, someOf(hosts, job, last));
      }
      if (elsewhere === undefined) continue;
      const met = hosts.flatMap((host, index): (readonly [number, number])[] => {
        const at = elsewhere[index];
        return at === undefined ? [] : [[host, at]];
      });
      if (met.length > 0) this.#elsewhere.set(job, new Map(met));
    }
  }

  /** The one host on which a job may run; `anyOf` several. */
  only(job: number): number {
    return this.#only[job] ?? anyOf;
  }

  /** All on which a job may run. */
  hosts(job: number): readonly number[] {
    return this.#problem.jobs[job]?.hosts ?? firstHost;
  }

  /** Those that are tried first; all where they are few. */
  some(job: number): readonly number[] {
    return this.#some.get(job) ?? this.hosts(job);
  }

  /** Which other load a job meets, by host; undefined: that of each host itself. */
  elsewhere(job: number): ReadonlyMap<number, number> | undefined {
    return this.#elsewhere.size === 0 ? undefined : this.#elsewhere.get(job);
  }
}

/** Spread over all of them, and those of another job are others; in the order in which they stand. */
function someOf(hosts: readonly number[], job: number, last: number | undefined): readonly number[] {
  const step = hosts.length / hostsTried;
  const shift = (job * stride) % hosts.length;
  const chosen = new Set<number>();
  for (let index = 0; index < hostsTried; index += 1) {
    chosen.add((shift + Math.floor(index * step)) % hosts.length);
  }
  const before = last === undefined ? -1 : hosts.indexOf(last);
  if (before >= 0) chosen.add(before);
  return [...chosen].sort((a, b) => a - b).flatMap((index) => hosts[index] ?? []);
}
