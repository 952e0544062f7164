import { randomInt } from 'node:crypto';
import type { WatchedStore } from '../health/facts.ts';
import type { GateTimes, Hold } from '../load/gate.ts';
import type { CopyFacts } from '../metrics/from-state.ts';
import { FullReadPolicy } from './full-read-policy.ts';
import { HealPolicy, type HealPolicyOptions } from './heal-policy.ts';
import { QuietTime } from './quiet-time.ts';

export interface CopyCareOptions extends Pick<HealPolicyOptions, 'installation' | 'log' | 'track'> {
  /** Why the host is too busy now; undefined where it is not. */
  readonly tooBusy: (times: GateTimes) => Hold | undefined;
  /** As they were found when they were last tried. */
  readonly stores: () => readonly WatchedStore[];
}

/** Looks after the copies in the stores, in the background: reads them in their turn, and makes those good that are not. */
export class CopyCare {
  readonly #heals: HealPolicy;
  readonly #reads: FullReadPolicy;

  constructor({ tooBusy, ...options }: CopyCareOptions) {
    const quiet = new QuietTime({ installation: options.installation, tooBusy });
    this.#reads = new FullReadPolicy({ ...options, quiet });
    this.#heals = new HealPolicy({ ...options, quiet, random: () => randomInt(2 ** 32) / 2 ** 32 });
  }

  facts(): CopyFacts {
    return { waiting: this.#heals.waiting(), reads: this.#reads.facts() };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#heals.run(signal), this.#reads.run(signal)]);
  }
}
