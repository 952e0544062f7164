import type { Catalog, RunStatus } from '../../catalog/catalog.ts';
import type { Clock } from '../../clock/clock.ts';
import { pause } from '../../clock/pause.ts';
import type { ScheduleConfig } from '../../config/schema.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import {
  claimSilent,
  type Claim,
  type Job,
  type Occurrence,
  type Offer,
  type Queue,
} from '../../queue/queue.ts';
import { firstAfter } from '../../schedule/standing.ts';
import { dayMs } from '../../schedule/zone.ts';
import type { EpochMs } from '../../units/instant.ts';
import { InTurn } from '../../probe/in-turn.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';
import { warnOfMissed } from '../missed.ts';
import { HeldClaim, ownToDo, type Hold } from './held-claim.ts';
import { whyMissed } from './why-missed.ts';

/** A claim that was not heard of for so long is given out again. */
export const claimSilentAfterMs = 60_000;
/** Before another try where the queue does not give the job, or could not be asked. */
const tryAgainMs = 30_000;
/** How many claims of one job may fall silent. */
export const attempts = 3;
const recentRuns = 50;

/** Late is better than not at all: who is there waits for room until the next one comes; of who is not, it is known by then. */
export const lateMs = 6 * 3_600_000;

export const urgencies: Readonly<Record<ScheduleConfig['priority'], number>> = {
  critical: 3,
  high: 2,
  medium: 1,
  low: 0,
};

/** What came of the work that was done under a claim; undefined: it could not even be begun. */
export type Outcome = RunStatus | undefined;

/** Nobody is to do it again. */
const isSettled: readonly Outcome[] = ['completed', 'cancelled'];

export interface ClaimsOptions {
  readonly queue: Queue;
  readonly catalog: Pick<Catalog, 'runs' | 'schedule' | 'recordMissed' | 'settleUpTo'>;
  readonly instance: string;
  readonly clock: Clock;
  /** As of HeldClaim. */
  readonly elapsed: () => number;
  /** How far that clock is ahead of the queue's. */
  readonly aheadMs: () => number;
  readonly log: Logger;
  /** Aborted when the service is to stop: nothing is waited for any more. */
  readonly stopping: AbortSignal;
}

/**
 * An occurrence is run under a claim of its job in the queue that all hosts share, so that it is run once, whoever else
 * may run it, and is given out again where its host dies. Where the queue cannot be asked, what is this host's own
 * is run all the same: nobody else can. Its job is ended once the queue is there again.
 */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #tellings = new InTurn();
  /** Those that are worked on here. */
  readonly #held = new Set<string>();
  /** What has ended, and the queue could not be told. */
  readonly #untold = new Map<string, { readonly claim: Claim; readonly outcome: Outcome }>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the work is over, or is not this host's to do. Rejects never. `waitsFor`: what it could not be begun for, as the `reason` of
   * the event.
   */
  async run(
    schedule: ScheduleConfig,
    dueAt: EpochMs,
    work: (hold: Hold) => Promise<Outcome>,
    waitsFor: () => string | undefined = () => undefined,
  ): Promise<void> {
    const { log } = this.#options;
    const offer = this.offerOf(schedule, dueAt);
    try {
      const claim = await this.#take(offer);
      if (claim === undefined) await this.#passOn(offer);
      else await this.#under(claim, work, waitsFor);
    } catch (thrown) {
      const fields = { schedule: schedule.id, err: describe(thrown) };
      if ('host' in offer.owner && isAway(thrown)) {
        log.warn(fields, 'the queue of the hosts cannot be asked: this one runs what is its own');
        await work(ownToDo());
        return;
      }
      log.error(fields, 'a backup could not be claimed');
      await this.#later();
    }
  }

  /** Tells the queue of what ended while it could not be asked, before others judge the silence. Rejects never. */
  async tellLate(): Promise<void> {
    for (const [key, { claim, outcome }] of this.#untold) {
      try {
        await this.#tellAtLast(claim, outcome);
        this.#untold.delete(key);
      } catch (thrown) {
        this.#options.log.debug({ schedule: claim.schedule, err: describe(thrown) }, 'it is told later');
      }
    }
  }

  /**
   * Puts in order what is known of this host's jobs elsewhere: what it has done, the queue is told; what was missed while it was
   * not there, the catalog. To be called at the start, with `isStart`, and now and then.
   */
  async reconcile(schedules: readonly ScheduleConfig[], isStart = false): Promise<void> {
    const { queue, instance } = this.#options;
    const owner = { host: instance };
    const pools = [...new Set(schedules.flatMap(({ pool }) => pool ?? []))].map((pool) => ({ pool }));
    const known = new Set(schedules.map(({ id }) => id));
    const reports = await queue.reports([owner]);
    for (const job of [...(await queue.jobs([owner, ...pools], ['waiting', 'claimed'])), ...reports]) {
      if (this.#held.has(keyOf(job))) continue;
      // Of a pool's, only who had it knows what has become of it.
      if ('pool' in job.owner && job.claimer !== instance) continue;
      if ('host' in job.owner && !known.has(job.schedule)) await queue.withdraw(owner, job.schedule);
      const outcome = await this.#outcomeOf(job);
      if (outcome !== undefined) await queue.conclude(job, outcome);
    }
    // What it has done is not to be done by others.
    if (isStart) await queue.reclaim(instance);
    await this.#tellMissed(reports);
  }

  async #under(
    claim: Claim,
    work: (hold: Hold) => Promise<Outcome>,
    waitsFor: () => string | undefined,
  ): Promise<void> {
    const { log } = this.#options;
    const key = keyOf(claim);
    await using hold = new HeldClaim(claim, this.#options);
    this.#held.add(key);
    try {
      const outcome = await work(hold);
      this.#untold.set(key, { claim, outcome });
      await this.#tellEnd(claim, outcome, waitsFor());
      this.#untold.delete(key);
    } catch (thrown) {
      log.warn({ schedule: claim.schedule, err: describe(thrown) }, 'the end of a claim could not be told');
    } finally {
      this.#held.delete(key);
    }
  }

  /** Where it was given out again meanwhile, what is done is done; what has failed, another may do well. */
  async #tellAtLast(claim: Claim, outcome: Outcome): Promise<void> {
    try {
      await this.#tellEnd(claim, outcome);
    } catch (thrown) {
      if (LowtideError.from(thrown).code !== 'claim_lost') throw thrown;
      if (outcome !== undefined && isSettled.includes(outcome))
        await this.#options.queue.conclude(claim, outcome);
    }
  }

  async #tellEnd(claim: Claim, outcome: Outcome, waitedFor?: string): Promise<void> {
    const { queue, clock } = this.#options;
    if (isDone(outcome)) await queue.finish(claim, outcome);
    else {
      const code = outcome === 'interrupted' ? claimSilent : waitedFor;
      const why = code === undefined ? undefined : { code, isWeak: false };
      await queue.release(claim, this.#queueTime(clock.now()), why);
    }
  }

  async #take(offer: Offer): Promise<Claim | undefined> {
    const { queue, instance } = this.#options;
    const pools = 'pool' in offer.owner ? [offer.owner.pool] : [];
    // Its slot is now, whatever was planned.
    const [claim] = await queue.claim({ instance, pools }, 1, [{ ...offer, slot: 0 }]);
    return claim;
  }

  /** It was given to another, or has ended; what has ended is settled here as well. */
  async #passOn(offer: Offer): Promise<void> {
    const { queue, catalog, log } = this.#options;
    const job = await queue.job(offer);
    switch (job?.state) {
      case 'finished':
        await catalog.settleUpTo(offer.schedule, offer.dueAt);
        return;
      case 'missed':
      case 'lost': {
        // Of a pool's, whoever plans has told.
        if ('pool' in offer.owner) return;
        await this.#tellMissed([job]);
        return;
      }
      case 'claimed':
      case 'waiting':
      case 'withdrawn':
      case undefined:
        log.info({ schedule: offer.schedule, by: job?.claimer }, 'a backup is claimed elsewhere');
        await this.#later();
    }
  }

  /** One after another, and so once: who looks at what is missed, and who would begin it, may both find it. */
  async #tellMissed(jobs: readonly Job[]): Promise<void> {
    const { queue, catalog, clock, log } = this.#options;
    await this.#tellings.do(async () => {
      for (const job of jobs) {
        const { schedule, dueAt } = job;
        const { settledUntil = dueAt } = await catalog.schedule(schedule);
        if (settledUntil >= dueAt) continue;
        const missed = { dueAt, occurrences: 1, reason: whyMissed(job) };
        await catalog.recordMissed(schedule, missed, clock.now());
        warnOfMissed(log, schedule, missed);
      }
      await queue.acknowledge(jobs);
    });
  }

  /** What the catalog knows of a run for the occurrence that is over. */
  async #outcomeOf({ schedule, dueAt }: Job): Promise<string | undefined> {
    const runs = await this.#options.catalog.runs({ schedule, limit: recentRuns });
    const status = runs.find((run) => run.dueAt === dueAt)?.status;
    return status === 'running' || status === 'interrupted' ? undefined : status;
  }

  /** As this host has it done. */
  offerOf(schedule: ScheduleConfig, dueAt: EpochMs): Offer {
    const { pool } = schedule;
    const last = lastMomentOf(schedule, dueAt);
    return {
      owner: pool === undefined ? { host: this.#options.instance } : { pool },
      schedule: schedule.id,
      dueAt,
      slot: dueAt,
      // Of what others may run as well, the clock of this host says nothing.
      deadline: pool === undefined ? this.#queueTime(last) : last,
      priority: urgencies[schedule.priority],
      attempts,
    };
  }

  /** A moment by the clock of the queue, which alone counts there. */
  #queueTime(moment: EpochMs): EpochMs {
    return Math.round(moment - this.#options.aheadMs());
  }

  async #later(): Promise<void> {
    const { clock, stopping } = this.#options;
    await pause(clock, tryAgainMs, stopping);
  }
}

function isDone(outcome: Outcome): outcome is Exclude<RunStatus, 'interrupted'> {
  return outcome !== undefined && outcome !== 'interrupted';
}

/** From here on the next one takes its place: late is better than not at all. */
function lastMomentOf(schedule: ScheduleConfig, dueAt: EpochMs): EpochMs {
  return firstAfter(schedule, dueAt)?.windowStart ?? dueAt + 7 * dayMs;
}

function isAway(thrown: unknown): boolean {
  return ['state_unavailable', 'state_unknown'].includes(LowtideError.from(thrown).code);
}

function keyOf({ owner, schedule, dueAt }: Occurrence): string {
  return JSON.stringify([owner, schedule, dueAt]);
}
