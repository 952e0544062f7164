import { LowtideError } from '../errors/lowtide-error.ts';
import type { Row, Transaction } from '../postgres/postgres.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Engine } from './engine.ts';
import { jobId, jobOf, laneOf } from './job-row.ts';
import { claimOne, giveBack, idOf, judge, noteWhy, offerAll, startable, takeBack } from './job-steps.ts';
import {
  memoryMs,
  type Claim,
  type Claimer,
  type HeldUp,
  type Job,
  type JobState,
  type Occurrence,
  type Offer,
  type OwnedSchedule,
  type Owner,
  type Progress,
  type Queue,
} from './queue.ts';

export interface LedgerDatabase extends AsyncDisposable {
  /** `lanes` are those that the engine is asked about. */
  write<T>(
    lanes: readonly string[],
    work: (transaction: Transaction, engine: Engine) => Promise<T>,
  ): Promise<T>;
}

/** How many rows one statement takes. */
const chunkSize = 50;

/**
 * The queue as a ledger beside an engine. The engine knows what waits and whose turn it is; the ledger has one row for
 * every occurrence, so that none is offered twice, and the token of the claim, which every later change compares.
 */
export class LedgerQueue implements Queue {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  async offer(offers: readonly Offer[]): Promise<void> {
    const lanes = Map.groupBy(offers, ({ owner }) => laneOf(owner));
    for (const [lane, ofLane] of lanes) {
      for (const chunk of chunks(ofLane)) {
        await this.#database.write([lane], async (transaction, engine) => {
          await engine.lock(lane, 'change');
          await offerAll(transaction, engine, lane, chunk);
        });
      }
    }
  }

  withdraw(owner: Owner, schedule: string): Promise<number> {
    const lane = laneOf(owner);
    return this.#database.write([lane], async (transaction, engine) => {
      await engine.lock(lane, 'change');
      const rows = await transaction.all(
        `UPDATE job SET state = 'withdrawn' WHERE lane = ? AND schedule = ? AND state = 'waiting' RETURNING id`,
        lane,
        schedule,
      );
      await engine.remove(lane, rows.map(idOf));
      return rows.length;
    });
  }

  claim({ instance, pools }: Claimer, limit: number, offered: readonly Offer[] = []): Promise<Claim[]> {
    const offers = Map.groupBy(offered, ({ owner }) => laneOf(owner));
    const all = [laneOf({ host: instance }), ...pools.map((pool) => laneOf({ pool }))];
    const lanes = offers.size === 0 ? all : all.filter((lane) => offers.has(lane));
    return this.#database.write(lanes, async (transaction, engine) => {
      // All who lock several do so in the same order.
      for (const lane of lanes.toSorted()) await engine.lock(lane, offers.has(lane) ? 'change' : 'claim');
      for (const [lane, ofLane] of offers) await offerAll(transaction, engine, lane, ofLane);
      const claims: Claim[] = [];
      for (const lane of lanes) {
        const ofLane = offers.get(lane);
        const only = ofLane && (await startable(transaction, engine, ofLane));
        while (claims.length < limit && only?.size !== 0) {
          const asked = limit - claims.length;
          const taken = await engine.take(lane, asked, only);
          for (const each of taken) {
            const claim = await claimOne(transaction, engine, lane, instance, each);
            if (claim !== undefined) claims.push(claim);
          }
          if (taken.length < asked) break;
        }
      }
      return claims;
    });
  }

  beat(claim: Claim): Promise<void> {
    return this.#database.write([], async (transaction, engine) => {
      const changed = await transaction.run(
        'UPDATE job SET beat_at = ? WHERE id = ? AND token = ?',
        engine.now,
        jobId(claim),
        claim.token,
      );
      if (changed === 0) throw lost(claim);
    });
  }

  takeBack(claim: Claim): Promise<void> {
    const lane = laneOf(claim.owner);
    return this.#database.write([lane], async (transaction, engine) => {
      await engine.lock(lane, 'change');
      if (!(await takeBack(transaction, engine, lane, claim))) throw lost(claim);
    });
  }

  finish(claim: Claim, outcome: string): Promise<void> {
    const lane = laneOf(claim.owner);
    return this.#database.write([lane], async (transaction, engine) => {
      const row = await transaction.get(
        `UPDATE job SET state = 'finished', token = NULL, reason_code = ?, reason_text = '', ended_at = ?
         WHERE id = ? AND token = ? RETURNING id`,
        outcome,
        engine.now,
        jobId(claim),
        claim.token,
      );
      if (row === undefined) throw lost(claim);
      await engine.remove(lane, [idOf(row)]);
    });
  }

  release(claim: Claim, notBefore: EpochMs, why?: HeldUp): Promise<void> {
    const lane = laneOf(claim.owner);
    return this.#database.write([lane], async (transaction, engine) => {
      const row = await transaction.get(
        `UPDATE job SET state = 'waiting', token = NULL, slot = ? WHERE id = ? AND token = ? RETURNING *`,
        notBefore,
        jobId(claim),
        claim.token,
      );
      if (row === undefined) throw lost(claim);
      if (why !== undefined) await noteWhy(transaction, row, claim, why);
      await giveBack(engine, lane, row, notBefore);
    });
  }

  sweep(silenceMs: number): Promise<Job[]> {
    const due = `((state = 'waiting' AND deadline <= ?1) OR (state = 'claimed' AND beat_at < ?2))`;
    return this.#judgeAll(due, (now) => [now, now - silenceMs]);
  }

  reclaim(instance: string): Promise<Job[]> {
    return this.#judgeAll(`(state = 'claimed' AND claimer = ?1)`, () => [instance]);
  }

  async #judgeAll(
    condition: string,
    valuesAt: (now: EpochMs) => readonly (string | number)[],
  ): Promise<Job[]> {
    const lanes = await this.#database.write([], async (transaction, engine) =>
      transaction.all(`SELECT DISTINCT lane FROM job WHERE ${condition}`, ...valuesAt(engine.now)),
    );
    const judged: Job[] = [];
    for (const lane of lanes.map((row) => String(row['lane']))) {
      const ofLane = await this.#database.write([lane], async (transaction, engine) => {
        await engine.lock(lane, 'change');
        const now = engine.now;
        const values = valuesAt(now);
        const changed: Job[] = [];
        // One that beats or finishes meanwhile is looked at anew by the update.
        const rows = await transaction.all(
          `SELECT * FROM job WHERE ${condition} AND lane = ?${values.length + 1}`,
          ...values,
          lane,
        );
        for (const row of rows) {
          const job = await judge(transaction, engine, row, now);
          if (job !== undefined) changed.push(job);
        }
        return changed;
      });
      judged.push(...ofLane);
    }
    return judged;
  }

  conclude(job: Occurrence, outcome: string): Promise<boolean> {
    const lane = laneOf(job.owner);
    return this.#database.write([lane], async (transaction, engine) => {
      await engine.lock(lane, 'change');
      const row = await transaction.get(
        `UPDATE job SET state = 'finished', token = NULL, reason_code = ?, reason_text = '', ended_at = coalesce(ended_at, ?)
         WHERE id = ? AND state <> 'finished' RETURNING id`,
        outcome,
        engine.now,
        jobId(job),
      );
      if (row !== undefined) await engine.remove(lane, [idOf(row)]);
      return row !== undefined;
    });
  }

  reports(owners: readonly Owner[]): Promise<Job[]> {
    return this.#jobs(owners, `AND reported = 0 AND state IN ('missed', 'lost')`);
  }

  async acknowledge(jobs: readonly Occurrence[]): Promise<void> {
    if (jobs.length === 0) return;
    await this.#database.write([], async (transaction) => {
      for (const job of jobs) {
        await transaction.run(
          `UPDATE job SET reported = 1 WHERE id = ? AND state IN ('missed', 'lost')`,
          jobId(job),
        );
      }
    });
  }

  jobs(owners: readonly Owner[], states?: readonly JobState[]): Promise<Job[]> {
    const condition =
      states === undefined ? '' : `AND state IN (${states.map((state) => `'${state}'`).join(', ')})`;
    return this.#jobs(owners, condition);
  }

  progress(schedules: readonly OwnedSchedule[]): Promise<ReadonlyMap<string, Progress>> {
    return this.#database.write([], async (transaction) => {
      const progress = new Map<string, Progress>();
      for (const chunk of chunks(schedules)) {
        // Asked every few seconds by every host of a pool: the newest of each by an index, not by all of two months.
        const rows = await transaction.all(
          `SELECT column2 AS schedule, (
             SELECT max(due_at) FROM job
             WHERE lane = column1 AND schedule = column2 AND state IN ('claimed', 'finished', 'missed', 'lost')
           ) AS due_at, (
             SELECT ended_at FROM job
             WHERE lane = column1 AND schedule = column2 AND state = 'finished' AND reason_code = 'completed'
             ORDER BY due_at DESC LIMIT 1
           ) AS completed_at
           FROM (VALUES ${chunk.map(() => '(?, ?)').join(', ')}) AS asked`,
          ...chunk.flatMap(({ owner, schedule }) => [laneOf(owner), schedule]),
        );
        for (const { schedule, due_at: dueAt, completed_at: completedAt } of rows) {
          if (dueAt === null) continue;
          progress.set(String(schedule), {
            takenUpTo: Number(dueAt),
            ...(completedAt !== null && { completedAt: Number(completedAt) }),
          });
        }
      }
      return progress;
    });
  }

  job(occurrence: Occurrence): Promise<Job | undefined> {
    return this.#database.write([], async (transaction) => {
      const row = await transaction.get('SELECT * FROM job WHERE id = ?', jobId(occurrence));
      return row && jobOf(row);
    });
  }

  forget(): Promise<number> {
    return this.#database.write([], (transaction, engine) =>
      transaction.run(
        `DELETE FROM job WHERE deadline < ?
         AND (state IN ('finished', 'withdrawn') OR (reported = 1 AND state IN ('missed', 'lost')))`,
        engine.now - 2 * memoryMs,
      ),
    );
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#database[Symbol.asyncDispose]();
  }

  #jobs(owners: readonly Owner[], condition: string): Promise<Job[]> {
    return this.#database.write([], async (transaction) => {
      const rows: Row[] = [];
      for (const chunk of chunks(owners.map(laneOf))) {
        const lanes = chunk.map(() => '?').join(', ');
        rows.push(
          ...(await transaction.all(`SELECT * FROM job WHERE lane IN (${lanes}) ${condition}`, ...chunk)),
        );
      }
      return rows.map(jobOf).sort((a, b) => a.slot - b.slot || a.dueAt - b.dueAt);
    });
  }
}

function lost({ schedule, claimer, attempt }: Claim): LowtideError {
  return new LowtideError('claim_lost', `${claimer} has lost its claim (attempt ${attempt}) of ${schedule}`, {
    hint: 'It was silent for too long, and the job was given to another or has ended. Nothing was changed.',
  });
}

function chunks<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / chunkSize);
  return Array.from({ length: count }, (_, index) => all.slice(index * chunkSize, (index + 1) * chunkSize));
}
