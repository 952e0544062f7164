import type { Fleet } from '../../../exporter/src/fleet/fleet.ts';
import type { Queue } from '../../../exporter/src/queue/queue.ts';

/** How long each kind of call took, in milliseconds, and how many are under way. */
export class Calls {
  readonly #took = new Map<string, number[]>();
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

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
    const began = performance.now();
    try {
      return await call();
    } finally {
      this.add(name, performance.now() - began);
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

/** `laterMs`: beats come that much further apart than in a service, so that silence is that much longer as well. */
export function timedQueue(queue: Queue, calls: Calls, laterMs: number): Queue {
  return timed(queue, 'queue', calls, {
    sweep: (silenceMs) => calls.time('queue.sweep', () => queue.sweep(silenceMs + laterMs)),
  });
}

export function timedFleet(fleet: Fleet, calls: Calls, laterMs: number): Fleet {
  const { leases, plan, facts } = fleet;
  return timed(fleet, 'fleet', calls, {
    plan: timed(plan, 'plan', calls),
    facts: timed(facts, 'facts', calls),
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
