import type { Config, ScheduleConfig } from '../../config/schema.ts';
import type { FleetWays, Lease, WaysInUse } from '../../fleet/fleet.ts';
import { fullWay, limitsOf, type FullWay } from '../../run/admission.ts';
import type { Ways } from '../../schedule/limits.ts';
import type { EpochMs } from '../../units/instant.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';
import type { Outcome } from './claims.ts';
import { leastOf, sharedUse } from './shared-limits.ts';

export interface WaysTakenOptions {
  readonly ways: FleetWays;
  readonly lease: Lease;
  readonly config: () => Pick<Config, 'stores' | 'networks' | 'servers'>;
  readonly waysOf: (schedule: ScheduleConfig) => Ways;
  readonly log: Logger;
}

/**
 * What this host's runs have in use of what hosts share. A plan knows how long runs are expected to take; here is what they do, and a run that
 * takes longer keeps the next one waiting. Where PostgreSQL cannot be asked, a backup comes before a limit.
 */
export class WaysTaken {
  readonly #options: WaysTakenOptions;
  /** Given up, and PostgreSQL could not be told. */
  readonly #untold = new Set<string>();

  constructor(options: WaysTakenOptions) {
    this.#options = options;
  }

  /** Does the work with what it needs in use; or tells what of that has no room for it beside the runs of all hosts. */
  async during(
    schedule: ScheduleConfig,
    dueAt: EpochMs,
    { work, onFull }: { readonly work: () => Promise<Outcome>; readonly onFull: (full: FullWay) => void },
  ): Promise<Outcome> {
    const { config, waysOf } = this.#options;
    const use = sharedUse(waysOf(schedule), config().stores, limitsOf(config()));
    if (use === undefined) return await work();
    // By its time as well: what could not be told of the one before must not end this one.
    const run = `${schedule.id} ${dueAt}`;
    const full = await this.#take(run, use);
    if (full !== undefined) {
      onFull(full);
      return undefined;
    }
    try {
      return await work();
    } finally {
      this.#untold.add(run);
      await this.tellLate();
    }
  }

  /** Tells what has ended while it could not be told. Rejects never. */
  async tellLate(): Promise<void> {
    const { ways, lease, log } = this.#options;
    for (const run of this.#untold) {
      try {
        await ways.release(lease, run);
        this.#untold.delete(run);
      } catch (thrown) {
        log.debug({ run, err: describe(thrown) }, 'what a run had in use is told later');
      }
    }
  }

  async #take(run: string, use: WaysInUse): Promise<FullWay | undefined> {
    const { ways, lease, log } = this.#options;
    try {
      return await ways.take(lease, run, use, (others) =>
        fullWay(
          use.ways,
          others.map((other) => other.ways),
          leastOf([use, ...others].map(({ limits }) => limits)),
        ),
      );
    } catch (thrown) {
      log.warn(
        { run, err: describe(thrown) },
        'whether other hosts leave room for a backup could not be asked: it begins',
      );
      return undefined;
    }
  }
}
