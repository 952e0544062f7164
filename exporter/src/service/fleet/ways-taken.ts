import type { Config, ScheduleConfig } from '../../config/schema.ts';
import type { FleetWays, Lease, WaysInUse } from '../../fleet/fleet.ts';
import { InTurn } from '../../probe/in-turn.ts';
import { fullWay, limitsOf, type FullWay } from '../../run/admission.ts';
import type { Ways } from '../../schedule/limits.ts';
import type { EpochMs } from '../../units/instant.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';
import { urgencies, type Outcome } from './claims.ts';
import { leastOf, partOf, sharedUse } from './shared-limits.ts';

export interface WaysTakenOptions {
  readonly ways: FleetWays;
  readonly lease: Lease;
  readonly config: () => Pick<Config, 'stores' | 'networks' | 'servers'>;
  readonly waysOf: (schedule: ScheduleConfig) => Ways;
  readonly log: Logger;
  /** Aborted when the service is to stop: nothing begins any more. */
  readonly stopping: AbortSignal;
}

export interface WorkOnWays {
  readonly work: () => Promise<Outcome>;
  /** Absent: it is not asked, for nobody answers just now. */
  readonly onFull?: (full: FullWay) => void;
}

interface Use {
  readonly use: WaysInUse;
  readonly urgency: number;
  /** Whether the others know; absent: they are being asked. */
  isTold?: boolean;
}

/**
 * What this host's runs have in use of what hosts share. A plan knows how long runs are expected to take; here is what they do, and a run that
 * takes longer keeps the next one waiting. Where PostgreSQL cannot be asked, a backup comes before a limit, and counts as soon as it can be told.
 */
export class WaysTaken {
  readonly #options: WaysTakenOptions;
  readonly #turns = new InTurn();
  readonly #inUse = new Map<string, Use>();
  /** Given up, and PostgreSQL was not told yet. */
  readonly #over = new Set<string>();

  constructor(options: WaysTakenOptions) {
    this.#options = options;
  }

  /** Does the work with what it needs in use; or tells what of that has no room for it beside the runs of all hosts. */
  async during(schedule: ScheduleConfig, dueAt: EpochMs, { work, onFull }: WorkOnWays): Promise<Outcome> {
    const { config, waysOf, stopping } = this.#options;
    const use = sharedUse(waysOf(schedule), config().stores, limitsOf(config()));
    if (use === undefined) return await work();
    const run = `${schedule.id} ${dueAt}`;
    // The end of an earlier try must not be told behind the beginning of this one.
    if (this.#over.has(run)) await this.tellLate();
    this.#over.delete(run);
    const inUse: Use = { use, urgency: urgencies[schedule.priority] };
    this.#inUse.set(run, inUse);
    const full = onFull && (await this.#ask(run, inUse));
    if (full !== undefined) {
      this.#inUse.delete(run);
      if (!stopping.aborted) onFull?.(full);
      return undefined;
    }
    inUse.isTold ??= false;
    try {
      return stopping.aborted ? undefined : await work();
    } finally {
      this.#inUse.delete(run);
      this.#over.add(run);
      await this.tellLate();
    }
  }

  /** Tells what has begun or ended while it could not be told. Rejects never. */
  async tellLate(): Promise<void> {
    await this.#turns.do(async () => {
      const { ways, lease, log } = this.#options;
      try {
        for (const run of this.#over) {
          await ways.release(lease, run);
          this.#over.delete(run);
        }
        for (const [run, inUse] of this.#inUse) {
          if (inUse.isTold !== false) continue;
          await ways.take(lease, { ...inUse, run, full: () => undefined, awaited: () => inUse.use });
          inUse.isTold = true;
        }
      } catch (thrown) {
        log.debug({ err: describe(thrown) }, 'what runs have in use is told later');
      }
    });
  }

  /** Puts right what PostgreSQL has forgotten, as a crash or a failover makes it: a beginning or, worse, an end. To be called now and then. */
  async reconcile(): Promise<void> {
    const { ways, lease } = this.#options;
    const told = [...this.#inUse].filter(([, { isTold }]) => isTold === true);
    const known = await ways.taken(lease);
    for (const run of known) if (!this.#inUse.has(run)) this.#over.add(run);
    for (const [run, inUse] of told) if (!known.includes(run)) inUse.isTold = false;
    await this.tellLate();
  }

  async #ask(run: string, inUse: Use): Promise<FullWay | undefined> {
    const { ways, lease, log } = this.#options;
    const { use, urgency } = inUse;
    try {
      const full = await ways.take(lease, {
        ...{ run, use, urgency },
        full: (others) =>
          fullWay(
            use.ways,
            others.map((other) => other.ways),
            leastOf([use, ...others].map(({ limits }) => limits)),
          ),
        awaited: (why) => partOf(use, why),
      });
      inUse.isTold = true;
      return full;
    } catch (thrown) {
      log.warn(
        { run, err: describe(thrown) },
        'whether other hosts leave room for a backup could not be asked: it begins',
      );
      return undefined;
    }
  }
}
