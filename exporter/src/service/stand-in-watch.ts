import type { StandIn } from '../catalog/stand-in.ts';
import type { Clock } from '../clock/clock.ts';
import { pause } from '../clock/pause.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { formatDuration } from '../units/duration.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

export interface StandInWatchOptions {
  readonly standIn: StandIn;
  readonly clock: Clock;
  /** From 0 up to 1: a server that comes back is not asked by all of its hosts at once. */
  readonly random: () => number;
  readonly log: Logger;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** Clocks are set, hosts sleep: nothing is relied on for longer. */
const lookEveryMs = 30_000;

/** Tells once that the state is away, looks after ever longer times whether it is back, and tells that. */
export class StandInWatch {
  readonly #options: StandInWatchOptions;
  #wake = new AbortController();
  #said = '';

  constructor(options: StandInWatchOptions) {
    this.#options = options;
    const { standIn, log } = options;
    standIn.onAway = () => this.#begin();
    standIn.onRefused = (what, error) =>
      log.error({ what, err: describe(error) }, 'what was done without the state can never be put on record');
    if (standIn.isAway()) this.#begin();
    const { refused } = standIn;
    if (refused > 0) {
      log.error(
        { refused },
        'what was done without the state and can never be put on record lies in the journal, in the table refused',
      );
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { standIn, clock, random } = this.#options;
    const stopped = (): boolean => signal.aborted;
    let pauseMs = firstPauseMs;
    while (!stopped()) {
      this.#wake = new AbortController();
      if (standIn.isAway() || standIn.isOwed) {
        await pause(clock, pauseMs * (0.5 + random() / 2), signal);
        pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
        if (!stopped()) await this.#look();
      } else {
        pauseMs = firstPauseMs;
        const either = AbortSignal.any([signal, this.#wake.signal]);
        await pause(clock, lookEveryMs, either);
      }
    }
  }

  #begin(): void {
    const { standIn, log } = this.#options;
    this.#say(standIn.absence?.reason);
    log.warn(
      'until PostgreSQL is back, critical schedules are backed up and kept note of on this host; all else waits',
    );
    this.#wake.abort();
  }

  async #look(): Promise<void> {
    const { standIn, clock, log } = this.#options;
    const { waiting, absence } = standIn;
    const { since = clock.now() } = absence ?? {};
    try {
      await standIn.tryToReturn();
      const took = formatDuration(Math.max(0, clock.now() - since));
      log.info(
        { delivered: waiting },
        `PostgreSQL is back after ${took}: what was done without it is on record`,
      );
    } catch (thrown) {
      if (standIn.isAway()) this.#say(thrown);
      else log.error({ err: describe(thrown) }, 'what waited for PostgreSQL could not be done');
    }
  }

  /** Once, until it is something else. */
  #say(thrown: unknown): void {
    const { message } = LowtideError.from(thrown);
    if (message === this.#said) return;
    this.#said = message;
    this.#options.log.warn({ err: describe(thrown) }, 'the state cannot be used');
  }
}
