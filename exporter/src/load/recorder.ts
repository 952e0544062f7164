import type { Clock } from '../clock/clock.ts';
import { Averager } from './averaging.ts';
import type { HostLoad } from './host.ts';
import { coarseStepMs, fineStepMs, type LoadHistory, type LoadSample } from './load.ts';

export interface RecorderOptions {
  readonly measure: () => Promise<HostLoad | undefined>;
  readonly history: LoadHistory;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Hears of a sample that could not be taken or kept; the next one is taken all the same. */
  readonly onError: (error: unknown) => void;
}

/** Takes a sample of the host every few seconds, and keeps the averages in the state. What is not sampled is a gap. */
export class LoadRecorder {
  readonly #options: RecorderOptions;
  readonly #averagers = [
    { step: 'fine', averager: new Averager(fineStepMs) },
    { step: 'coarse', averager: new Averager(coarseStepMs) },
  ] as const;
  #latest: LoadSample | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** The last sample; undefined before the first, and when it is older than three intervals. */
  latest(): LoadSample | undefined {
    const { clock, intervalMs } = this.#options;
    const age = clock.now() - (this.#latest?.at ?? -Infinity);
    return age >= 0 && age <= 3 * intervalMs ? this.#latest : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs, onError } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#sample();
      } catch (thrown) {
        onError(thrown);
      }
      await clock.wakeAt(clock.now() + intervalMs, signal).catch(() => undefined);
    }
  }

  async #sample(): Promise<void> {
    const { measure, history, clock } = this.#options;
    const load = await measure();
    if (load === undefined) return;
    const sample = { at: clock.now(), ...load };
    this.#latest = sample;
    for (const { step, averager } of this.#averagers) {
      const ended = averager.add(sample);
      if (ended !== undefined) await history.record([ended], step);
    }
  }
}
