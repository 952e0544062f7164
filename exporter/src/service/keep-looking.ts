import type { Clock } from '../clock/clock.ts';
import { pause } from '../clock/pause.ts';
import type { Logger } from './log.ts';
import { report } from './report.ts';

export interface KeepLookingOptions {
  /** As it is now: a reload changes it. */
  readonly clock: () => Clock;
  readonly everyMs: number;
  /** Makes the service wait for this before it ends. */
  readonly track: (work: Promise<void>) => Promise<void>;
  readonly log: Logger;
  /** What is said of a look that failed; the next one is taken all the same. */
  readonly failure: string;
}

/** Looks after something in the background, until the signal is aborted. */
export async function keepLooking(
  look: () => Promise<void>,
  { clock, everyMs, track, log, failure }: KeepLookingOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await track(
      look().catch((thrown: unknown) => {
        if (!signal.aborted) report(log, thrown, failure);
      }),
    );
    await pause(clock(), everyMs, signal);
  }
}
