import type { Catalog, Missed, ScheduleState } from '../../catalog/catalog.ts';
import type { ScheduleConfig } from '../../config/schema.ts';
import type { HeldUp, Offer, Progress, Queue } from '../../queue/queue.ts';
import { interrupted, isWaitedFor } from '../../events/events.ts';
import { latestStart } from '../../schedule/due-job.ts';
import { nextOccurrences } from '../../schedule/recurrence.ts';
import type { EpochMs } from '../../units/instant.ts';

/** Another host may be about to run it, late. */
const toldAfterMs = 120_000;
/** Of a schedule that is due every minute, what three days have missed: each is a row of the queue. */
const mostMissed = 5000;

/** What is asked, and written down, of a schedule between two of its runs. */
export type ScheduleRecords = Pick<Catalog, 'schedules' | 'settleUpTo' | 'recordMissed' | 'append'>;

export interface PoolsOptions {
  readonly queue: Pick<Queue, 'progress' | 'offer'>;
  readonly catalog: ScheduleRecords;
  readonly schedules: () => readonly ScheduleConfig[];
  readonly offerOf: (schedule: ScheduleConfig, dueAt: EpochMs) => Offer;
  /** The time by the queue's clock. */
  readonly queueNow: () => EpochMs;
}

/**
 * The schedules that several hosts may run. Each host has them in its config and in its catalog; how far they have come only
 * the queue knows, which all share: what was given out to one, or has ended, is nothing to come for the others.
 */
export class Pools implements ScheduleRecords {
  readonly #options: PoolsOptions;
  #progress: ReadonlyMap<string, Progress> = new Map();

  constructor(options: PoolsOptions) {
    this.#options = options;
  }

  /** Asks the queue how far each has come: now and then. Whether another occurrence was given out since. */
  async look(): Promise<boolean> {
    const pooled = this.#options
      .schedules()
      .flatMap(({ id, pool }) => (pool === undefined ? [] : [{ owner: { pool }, schedule: id }]));
    if (pooled.length === 0) return false;
    const before = this.#progress;
    this.#progress = await this.#options.queue.progress(pooled);
    return pooled.some(({ schedule }) => takenIn(before, schedule) !== takenIn(this.#progress, schedule));
  }

  /** When a host of its pool last made a backup of the schedule; undefined where none has, or it belongs to no pool. */
  completedAt(schedule: string): EpochMs | undefined {
    return this.#pooled(schedule) && this.#progress.get(schedule)?.completedAt;
  }

  /** Whether an occurrence of a pool's is in somebody's hands, or has ended. */
  isTaken(schedule: string, dueAt: EpochMs): boolean {
    return this.#pooled(schedule) !== undefined && dueAt <= (takenIn(this.#progress, schedule) ?? -Infinity);
  }

  async schedules(): Promise<ReadonlyMap<string, ScheduleState>> {
    const states = new Map(await this.#options.catalog.schedules());
    for (const { id, pool } of this.#options.schedules()) {
      const taken = pool === undefined ? undefined : takenIn(this.#progress, id);
      if (taken === undefined) continue;
      const own = states.get(id) ?? { paused: false };
      states.set(id, { ...own, settledUntil: Math.max(own.settledUntil ?? taken, taken) });
    }
    return states;
  }

  async settleUpTo(schedule: string, until: EpochMs): Promise<void> {
    await this.#options.catalog.settleUpTo(schedule, until);
  }

  /** Of a pool's, the queue says it, once for all: it is told of occurrences that nobody may have offered. */
  async recordMissed(id: string, missed: Missed, at: EpochMs): Promise<void> {
    const { catalog, queue, offerOf } = this.#options;
    const schedule = this.#pooled(id);
    if (schedule === undefined) {
      await catalog.recordMissed(id, missed, at);
    } else {
      const now = this.#options.queueNow();
      await queue.offer(
        (await this.#missedOf(schedule, missed)).map((dueAt) => {
          const offer = offerOf(schedule, dueAt);
          const overAt = Math.max(now, lastStartOf(schedule, offer));
          return {
            ...offer,
            deadline: Math.min(offer.deadline, overAt + toldAfterMs),
            ...(missed.reason !== undefined && { heldUpBy: heldUpBy(missed.reason) }),
          };
        }),
      );
      await catalog.settleUpTo(id, missed.dueAt);
    }
  }

  async append(...event: Parameters<Catalog['append']>): ReturnType<Catalog['append']> {
    return await this.#options.catalog.append(...event);
  }

  /** When each of them was due. */
  async #missedOf(schedule: ScheduleConfig, { dueAt, occurrences }: Missed): Promise<readonly EpochMs[]> {
    const { settledUntil = dueAt } = (await this.schedules()).get(schedule.id) ?? {};
    const before = nextOccurrences(schedule, Math.min(settledUntil, dueAt), dueAt - 1);
    const most = Math.min(occurrences, mostMissed);
    return [...before.map((occurrence) => occurrence.dueAt), dueAt].slice(-most);
  }

  #pooled(id: string): ScheduleConfig | undefined {
    return this.#options.schedules().find((schedule) => schedule.id === id && schedule.pool !== undefined);
  }
}

/** What a host that was there waited for tells more than that another was not. */
function heldUpBy(reason: string): HeldUp {
  return { code: reason, isWeak: reason !== interrupted && !isWaitedFor(reason) };
}

/** By a clock that is right: that of a host which calls it missed may be ahead, and others begin it up to then. */
function lastStartOf(schedule: ScheduleConfig, { dueAt, deadline: nextOpensAt }: Offer): EpochMs {
  const [occurrence] = nextOccurrences(schedule, dueAt - 1, dueAt);
  return occurrence === undefined ? dueAt : latestStart({ schedule, occurrence, nextOpensAt });
}

function takenIn(progress: ReadonlyMap<string, Progress>, schedule: string): EpochMs | undefined {
  return progress.get(schedule)?.takenUpTo;
}
