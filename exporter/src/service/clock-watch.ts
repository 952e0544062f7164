import type { Clock } from '../clock/clock.ts';
import type { WatchedClock } from '../health/facts.ts';

export interface ClockWatchOptions {
  readonly clock: Clock;
  /** Milliseconds since the host was started, its sleep included: a clock that nobody sets. */
  readonly uptimeMs: () => number;
}

const lookEveryMs = 10_000;
/** NTP puts right by less, and slowly. */
const jumpMs = 60_000;

/** Notices when the clock on the wall is set. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #startedAt: number;
  #jump: WatchedClock['jump'];

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#startedAt = this.#start();
  }

  jump(): Pick<WatchedClock, 'jump'> {
    this.#look();
    return this.#jump === undefined ? {} : { jump: this.#jump };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#look();
      await clock.wakeAt(clock.now() + lookEveryMs, signal).catch(() => undefined);
    }
  }

  #look(): void {
    const byMs = this.#start() - this.#startedAt;
    // What it drifts by in between is not added up.
    this.#startedAt += byMs;
    if (Math.abs(byMs) >= jumpMs) this.#jump = { at: this.#options.clock.now(), byMs };
  }

  /** When the host was started, by the clock on the wall: that changes only when it is set. */
  #start(): number {
    const { clock, uptimeMs } = this.#options;
    return clock.now() - uptimeMs();
  }
}
