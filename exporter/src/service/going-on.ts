import { LowtideError } from '../errors/lowtide-error.ts';
import { formatDuration } from '../units/duration.ts';
import type { Logger } from './log.ts';

/** What a service waits for before it ends. */
export class GoingOn {
  readonly #log: Logger;
  readonly #work = new Set<Promise<unknown>>();
  readonly #interrupt = new AbortController();

  constructor(log: Logger) {
    this.#log = log;
  }

  get size(): number {
    return this.#work.size;
  }

  /** Aborted once the grace is over. */
  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  readonly track = <T>(work: Promise<T>): Promise<T> => {
    this.#work.add(work);
    return work.finally(() => this.#work.delete(work));
  };

  /** Waits for all of it; after `graceMs` it is interrupted. */
  async drain(graceMs: number): Promise<void> {
    if (this.size === 0) return;
    this.#log.info(`waiting for ${this.size} running to end, at most ${formatDuration(graceMs)}`);
    const timer = setTimeout(() => {
      this.#interrupt.abort(new LowtideError('interrupted', 'the service was stopped', { retryable: true }));
    }, graceMs);
    while (this.size > 0) await Promise.allSettled(this.#work);
    clearTimeout(timer);
  }
}
