import type { EpochMs } from '../units/instant.ts';
import type { Clock } from './clock.ts';

interface Sleeper {
  readonly at: EpochMs;
  wake(): void;
}

/** A clock that stands still until told: for tests, replays and simulations. It may be set back as well. */
export class ManualClock implements Clock {
  #now: EpochMs;
  /** In the order in which they went to sleep: of thousands, any may be gone at once. */
  readonly #sleepers = new Set<Sleeper>();

  constructor(start: EpochMs) {
    this.#now = start;
  }

  now(): EpochMs {
    return this.#now;
  }

  set(at: EpochMs): void {
    this.#now = at;
    const due = [...this.#sleepers].filter((sleeper) => sleeper.at <= at);
    for (const sleeper of due) this.#sleepers.delete(sleeper);
    for (const sleeper of due) sleeper.wake();
  }

  advance(ms: number): void {
    this.set(this.#now + ms);
  }

  wakeAt(at: EpochMs, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (at <= this.#now) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const sleeper: Sleeper = {
        at,
        wake: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }
}
