import type { HostCounters, HostGauge } from '../load/load.ts';
import type { Crew } from '../process/crew.ts';
import {
  floorOf,
  fullPace,
  lengthOf,
  nextPace,
  pauseOf,
  probeSteps,
  stepsPerTurn,
  type Marks,
  type Pace,
  type RunTime,
  type Strained,
} from './pace.ts';

export interface PacerOptions {
  readonly gauge: HostGauge;
  readonly marks: Marks;
  readonly turnMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Resolves after so long, or as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * How long a turn is. It is a compromise: databases and SSH servers give up on clients that say nothing for a minute (MySQL's
 * net_write_timeout), and the kernel counts pressure in steps of two seconds. So a run is stopped for 14 seconds at most.
 */
export const turnMs = 16_000;

export interface PacedRun {
  readonly crew: Pick<Crew, 'pause' | 'resume' | 'hurry'>;
  /** How long it works if nothing stops it, and how long it may take from now on. */
  readonly expectedMs: number;
  readonly finishInMs: number;
  /** How much of its bytes has come, 0 to 1; undefined where that is not known. */
  readonly done: () => number | undefined;
  /** Hears when it is slowed down, with what the host is above, and when it goes on as fast as it can. */
  readonly onPace: (why: Strained | undefined) => void;
  /** Aborted to end the run: from then on nothing holds it up. */
  readonly signal: AbortSignal;
}

/** Disposing takes the run out, and lets it go on where it is stopped. */
export interface Pacing extends Disposable {
  /** Resolves when the run may work: at once, unless it is stopped just now. For what is done in this process. */
  turn(): Promise<void>;
  readonly pausedSeconds: number;
}

/**
 * Keeps the runs of this process from being in the way: in turns, as pace.ts decides it, it stops their programs and holds up
 * their pipelines. All runs have the same turns, for only while none of them works can be seen what the host does without
 * them. A run whose time is over, or too short for what is left of it, no longer stands back in any way. Without runs it does
 * nothing.
 */
export class Pacer {
  readonly #options: PacerOptions;
  readonly #runs = new Set<Member>();
  /** Ends the turns when the last run is gone. */
  #stop = new AbortController();
  #joined = 0;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  join(run: PacedRun): Pacing {
    const member = new Member(run, this.#options.elapsed);
    const leave = (): void => {
      run.signal.removeEventListener('abort', leave);
      member.resume();
      this.#runs.delete(member);
      if (this.#runs.size === 0) this.#stop.abort();
    };
    this.#runs.add(member);
    this.#joined += 1;
    run.signal.addEventListener('abort', leave);
    if (run.signal.aborted) leave();
    else if (this.#runs.size === 1) void this.#takeTurns();
    return {
      turn: () => member.turn(),
      get pausedSeconds() {
        return member.pausedMs / 1000;
      },
      [Symbol.dispose]: leave,
    };
  }

  async #takeTurns(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    let pace = fullPace;
    while (!stop.signal.aborted) pace = await this.#takeTurn(pace, stop.signal);
  }

  /** Returns the pace of the next one. */
  async #takeTurn(pace: Pace, signal: AbortSignal): Promise<Pace> {
    const { gauge, marks, turnMs: wholeMs, elapsed } = this.#options;
    const step = wholeMs / stepsPerTurn;
    const began = elapsed();
    const until = async (ms: number): Promise<void> => await this.#sleep(began + ms - elapsed(), signal);
    const joined = this.#joined;
    const before = gauge.read();
    const runs = [...this.#runs].map((run) => ({ run, pauseMs: run.begin(pace, wholeMs) }));

    // Of the first step the kernel has yet to count what was before.
    const aloneMs = Math.min(...runs.map(({ pauseMs }) => pauseMs));
    let alone: readonly [HostCounters, HostCounters] | undefined;
    if (aloneMs >= probeSteps * step) {
      await until(step);
      const from = gauge.read();
      await until(aloneMs);
      // One that has joined meanwhile works.
      if (joined === this.#joined) alone = [from, gauge.read()];
    }
    for (const { run, pauseMs } of runs.toSorted((a, b) => a.pauseMs - b.pauseMs)) {
      await until(pauseMs);
      run.resume();
    }
    await until(lengthOf(pace, wholeMs));
    const seen = gauge.between(before, gauge.read());
    return nextPace(pace, { seen, ...(alone && { alone: gauge.between(...alone) }) }, marks);
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms > 0 && !signal.aborted) await this.#options.sleep(ms, signal);
  }
}

/** A run among those that are paced. */
class Member {
  readonly #run: PacedRun;
  readonly #elapsed: () => number;
  readonly #startedAt: number;
  #pausedMs = 0;
  #pause: { readonly since: number; readonly over: PromiseWithResolvers<undefined> } | undefined;
  #isSlowed = false;

  constructor(run: PacedRun, elapsed: () => number) {
    this.#run = run;
    this.#elapsed = elapsed;
    this.#startedAt = elapsed();
  }

  get pausedMs(): number {
    return this.#pausedMs + (this.#pause === undefined ? 0 : this.#elapsed() - this.#pause.since);
  }

  /** A turn begins; returns for how long it is stopped. A probe is no slowing down that anybody needs to hear of. */
  begin(pace: Pace, turnMs: number): number {
    const time = this.#time();
    if (floorOf(time) === 1) this.#run.crew.hurry();
    const pauseMs = pauseOf(pace, time, turnMs);
    const why = pauseMs > 0 ? pace.why : undefined;
    if ((why !== undefined) !== this.#isSlowed) this.#run.onPace(why);
    this.#isSlowed = why !== undefined;
    if (pauseMs > 0) {
      this.#pause = { since: this.#elapsed(), over: Promise.withResolvers() };
      this.#run.crew.pause();
    }
    return pauseMs;
  }

  resume(): void {
    if (this.#pause === undefined) return;
    this.#pausedMs = this.pausedMs;
    const { over } = this.#pause;
    this.#pause = undefined;
    this.#run.crew.resume();
    over.resolve(undefined);
  }

  async turn(): Promise<void> {
    await this.#pause?.over.promise;
  }

  #time(): RunTime {
    const { expectedMs, finishInMs, done } = this.#run;
    const now = this.#elapsed();
    const startedAt = this.#startedAt;
    const part = done();
    return {
      now,
      startedAt,
      finishBy: startedAt + finishInMs,
      expectedMs,
      workedMs: now - startedAt - this.pausedMs,
      ...(part !== undefined && { done: part }),
    };
  }
}
