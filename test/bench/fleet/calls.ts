import type { Fleet } from '../../../exporter/src/fleet/fleet.ts';
import type { Claim, Queue } from '../../../exporter/src/queue/queue.ts';

/** Of all hosts together: two cores are busy with them. */
export const connections = 16;

/** How long each kind of call took, in milliseconds, and how many are under way. */
export class Calls {
  readonly #took = new Map<string, number[]>();
  readonly #waiting: (() => void)[] = [];
  readonly #atOnce: number;
  readonly #inLine: (() => void)[] = [];
  #going = 0;
  #inFlight = 0;

  /** `atOnce`: so many connections there are. Hosts have their own: what a call waits for one here, it has not taken. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Resolves when none is under way. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async time<T>(name: string, call: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    if (this.#going < this.#atOnce) this.#going += 1;
    else await new Promise<void>((resolve) => this.#inLine.push(resolve));
    const began = performance.now();
    try {
      return await call();
    } finally {
      this.add(name, performance.now() - began);
      const next = this.#inLine.shift();
      if (next === undefined) this.#going -= 1;
      else next();
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  add(name: string, ms: number): void {
    const known = this.#took.get(name);
    if (known === undefined) this.#took.set(name, [ms]);
    else known.push(ms);
  }

  names(): readonly string[] {
    return [...this.#took.keys()].sort();
  }

  of(name: string): Spread {
    return spreadOf(this.#took.get(name) ?? []);
  }
}

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

function spreadOf(all: readonly number[]): Spread {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/**
 * `laterMs`: beats come that much further apart than in a service, those of claims as well, so that silence is that much longer.
 */
export function timedQueue(queue: Queue, calls: Calls, laterMs: number, now: () => number): Queue {
  const heard = new Map<string, number>();
  const ended = (claim: Claim, work: () => Promise<void>): Promise<void> => {
    heard.delete(claim.token);
    return work();
  };
  return timed(queue, 'queue', calls, {
    sweep: (silenceMs) => calls.time('queue.sweep', () => queue.sweep(silenceMs + laterMs)),
    beat: (claim) => {
      if (now() - (heard.get(claim.token) ?? -Infinity) < laterMs) return Promise.resolve();
      heard.set(claim.token, now());
      return calls.time('queue.beat', () => queue.beat(claim));
    },
    finish: (claim, outcome) =>
      calls.time('queue.finish', () => ended(claim, () => queue.finish(claim, outcome))),
    release: (claim, notBefore) =>
      calls.time('queue.release', () => ended(claim, () => queue.release(claim, notBefore))),
  });
}

export function timedFleet(fleet: Fleet, calls: Calls, laterMs: number): Fleet {
  const { leases, plan, facts, ways } = fleet;
  return timed(fleet, 'fleet', calls, {
    plan: timed(plan, 'plan', calls),
    facts: timed(facts, 'facts', calls),
    ways: timed(ways, 'ways', calls),
    leases: timed(leases, 'leases', calls, {
      acquire: (name, holder, ttlMs) =>
        calls.time('leases.acquire', () => leases.acquire(name, holder, ttlMs + laterMs)),
      renew: (lease, ttlMs, isLateFine) =>
        calls.time('leases.renew', () => leases.renew(lease, ttlMs + laterMs, isLateFine)),
    }),
    enter: (host, home, ttlMs) => calls.time('fleet.enter', () => fleet.enter(host, home, ttlMs + laterMs)),
  });
}

/** The same, with each call of a method timed; `instead`: what is otherwise. */
function timed<T extends object>(of: T, group: string, calls: Calls, instead: Partial<T> = {}): T {
  return new Proxy(of, {
    get(target, name) {
      if (Object.hasOwn(instead, name)) return Reflect.get(instead, name) as unknown;
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (...args: unknown[]) =>
        calls.time(`${group}.${String(name)}`, () =>
          Promise.resolve(Reflect.apply(found as () => unknown, target, args)),
        );
    },
  });
}
