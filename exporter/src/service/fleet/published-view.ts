import type { Own, Schedule } from '../../api/contract.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Fleet, HostSummary, Lease } from '../../fleet/fleet.ts';
import type { EpochMs } from '../../units/instant.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';

/** At most so often, though starts are planned anew all the time. */
const betweenMs = 60_000;
/** A host that was forgotten while it was silent, and is back, shows itself again. */
const againMs = 600_000;
export interface PublishedViewOptions {
  readonly fleet: Pick<Fleet, 'views'>;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly summary: () => Promise<HostSummary>;
  readonly schedules: () => Promise<readonly Own<Schedule>[]>;
  /** Another one when something is to start at another time; 0 before the first plan. */
  readonly planVersion: () => number;
  readonly log: Logger;
}

/** What this host shows to those who ask another host for it, kept up to date. */
export class PublishedView {
  readonly #options: PublishedViewOptions;
  #lastAt: EpochMs = -Infinity;
  #published = { at: -Infinity, text: '' };
  #lastPlan = 0;
  #isLooking = false;

  constructor(options: PublishedViewOptions) {
    this.#options = options;
  }

  /** The config has changed: others are told with the next look, however little time has passed. */
  renew(): void {
    this.#lastAt = -Infinity;
  }

  /** Publishes what has changed. Never rejects: the next look tries again. */
  readonly look = async (): Promise<void> => {
    const { fleet, lease, clock, summary, schedules, planVersion, log } = this.#options;
    const now = clock.now();
    const plan = planVersion();
    const isPlannedSince = this.#lastPlan === 0 && plan > 0;
    if (this.#isLooking || (Math.abs(now - this.#lastAt) < betweenMs && !isPlannedSince)) return;
    this.#isLooking = true;
    try {
      const view = { summary: await summary(), schedules: await schedules() };
      const text = JSON.stringify(view);
      if (text !== this.#published.text || Math.abs(now - this.#published.at) > againMs) {
        await fleet.views.publish(lease, view);
        this.#published = { at: now, text };
      }
      this.#lastAt = now;
      this.#lastPlan = plan;
    } catch (thrown) {
      log.warn({ err: describe(thrown) }, 'the other hosts cannot be told what this one has to run');
    } finally {
      this.#isLooking = false;
    }
  };
}
