import { setTimeout as sleep } from 'node:timers/promises';
import { PgBoss, type Db, type JobWithMetadata, type TestClock } from 'pg-boss';
import { migratePostgres, type Migration } from '../postgres/migrate.ts';
import type { NativeTransaction, Postgres, Transaction } from '../postgres/postgres.ts';
import { postgresRefusal } from '../postgres/refusal.ts';
import type { Engine, Queued } from './engine.ts';
import { LedgerQueue, type LedgerDatabase } from './ledger.ts';
import { ledgerSteps } from './ledger-schema.ts';
import type { Queue } from './queue.ts';

/** pg-boss' own, which it migrates by itself. */
const engineSchema = 'lowtide_queue';
/** The ledger beside it. */
const schema = 'lowtide_jobs';
const migrations: readonly Migration[] = ledgerSteps.map((sql) => ({ sql, readableFrom: 1 }));

/** Retries end by the ledger's count, not by pg-boss'. */
const endlessRetries = 1_000_000;
const yearsInSeconds = 10 * 365 * 86_400;

const tryTurn = 'SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0)) AS mine';
const turnLooksMs = 100;
const fetchedAtOnce = 16;

/**
 * The queue in PostgreSQL, with pg-boss as the engine: it keeps what waits and hands it out (SKIP LOCKED), retries, and
 * knows each claim by its count of retries, all in the transaction in which the ledger's token is written or compared.
 *
 * The clock that counts is the database's, by pg-boss' `job_now()`, for slots, deadlines, beats and silence: it tells when the
 * transaction began. A simulation hands in pg-boss' own `TestClock`, and with it drives that function for all sessions in which
 * `pgboss.test_clock` is `on`; that these begin so is up to whoever opens them.
 *
 * pg-boss' supervision stays off: a claim lives as long as its beats, where pg-boss would end it after a day at the latest,
 * and with a thousand hosts a thousand supervisors would look. Silence is judged by `sweep`. What has ended is deleted from
 * pg-boss, so that there is nothing to maintain.
 */
export async function openPgBossQueue(postgres: Postgres, clock?: TestClock): Promise<Queue> {
  await migratePostgres(postgres, schema, migrations);
  const boss = new PgBoss({
    schema: engineSchema,
    supervise: false,
    schedule: false,
    // Each is a query of every host: nothing here changes behind our back.
    queueCacheIntervalSeconds: 3600,
    instanceHeartbeatSeconds: 3600,
    ...(clock === undefined ? {} : { clock }),
    db: {
      executeSql: (sql, values) => postgres.write((transaction) => transaction.native(sql, values)),
      setSessionStatements: () => Promise.resolve(),
    },
  });
  // Without a listener it would end the process. What it tells of is its background work; every call has its own error.
  boss.on('error', () => undefined);
  try {
    await start(boss, postgres);
  } catch (error) {
    throw postgresRefusal(error, postgres.label);
  }
  return new LedgerQueue(new PgBossLedger(postgres, boss));
}

/** Its own lock is on tables that are not there at first: of two hosts that make them at once, one would fail. */
async function start(boss: PgBoss, postgres: Postgres): Promise<void> {
  while (!(await boss.isInstalled())) {
    const isMade = await postgres.write(async (transaction) => {
      const turn = await transaction.get(tryTurn, `lowtide migrate ${engineSchema}`);
      if (turn?.['mine'] === 1) await boss.start();
      return turn?.['mine'] === 1;
    });
    if (isMade) return;
    // Who waits within a transaction has a connection, and whoever makes them needs a second one: there may be none left.
    await sleep(turnLooksMs);
  }
  await boss.start();
}

class PgBossLedger implements LedgerDatabase {
  readonly #postgres: Postgres;
  readonly #boss: PgBoss;
  /** Lanes whose queue is known to be there. */
  readonly #lanes = new Map<string, Promise<void>>();

  constructor(postgres: Postgres, boss: PgBoss) {
    this.#postgres = postgres;
    this.#boss = boss;
  }

  /** Queues are made beforehand: a second connection asked for within a transaction could be waited for by all. */
  async write<T>(
    lanes: readonly string[],
    work: (transaction: Transaction, engine: Engine) => Promise<T>,
  ): Promise<T> {
    try {
      for (const lane of lanes) await this.#ready(lane);
      return await this.#postgres.write((transaction) => work(transaction, this.#engineOn(transaction)), {
        schema,
        opening: `SELECT floor(extract(epoch FROM ${engineSchema}.job_now()) * 1000)::bigint AS now`,
      });
    } catch (error) {
      throw postgresRefusal(error, this.#postgres.label);
    }
  }

  /** Leaves the connections to whoever opened them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }

  #engineOn(transaction: NativeTransaction): Engine {
    const boss = this.#boss;
    const db: Db = { executeSql: (sql, values) => transaction.native(sql, values) };
    return {
      now: Number(transaction.opening?.['now']),
      async lock(lane, mode) {
        const share = mode === 'claim' ? '_shared' : '';
        await transaction.get(
          `SELECT pg_advisory_xact_lock${share}(hashtextextended(?, 0))`,
          `lowtide queue ${lane}`,
        );
      },
      add: async (lane, jobs) => {
        if (jobs.length > 0) await boss.insert(queueName(lane), jobs.map(bossJob), { db });
      },
      move: async (lane, { id, slot, urgency }) => {
        const startAfter = new Date(slot);
        await boss.update(queueName(lane), undefined, { id, startAfter, priority: urgency, db });
      },
      take: async (lane, limit, only) => {
        const queue = queueName(lane);
        const urgencies = [...(only?.values() ?? [])];
        const among = only && { minPriority: Math.min(...urgencies), maxPriority: Math.max(...urgencies) };
        const fetch = (batchSize: number): Promise<JobWithMetadata[]> =>
          boss.fetch(queue, { batchSize, includeMetadata: true, ...among, db });
        const jobs = only === undefined ? await fetch(limit) : await fetchUntil(fetch, only);
        const taken = jobs
          .filter(({ id }) => only?.has(id) !== false)
          .toSorted((a, b) => b.priority - a.priority)
          .slice(0, limit);
        const others = jobs.filter((job) => !taken.includes(job)).map(({ id }) => id);
        if (others.length > 0) await boss.fail(queue, others, null, { db });
        return taken.map(({ id, retryCount }) => ({ id, fetched: retryCount }));
      },
      giveBack: async (lane, { id, fetched }, notBefore) => {
        const queue = queueName(lane);
        await boss.fail(queue, { id, retryCount: fetched }, null, { db });
        if (notBefore !== undefined) {
          await boss.update(queue, undefined, { id, startAfter: new Date(notBefore), db });
        }
      },
      remove: async (lane, ids) => {
        if (ids.length > 0) await boss.deleteJob(queueName(lane), [...ids], { db });
      },
    };
  }

  #ready(lane: string): Promise<void> {
    let made = this.#lanes.get(lane);
    if (made === undefined) {
      made = this.#makeQueue(queueName(lane));
      this.#lanes.set(lane, made);
      made.catch(() => this.#lanes.delete(lane));
    }
    return made;
  }

  /** Where it is there already, this only reads it into pg-boss' cache: else that would be done within a transaction. */
  #makeQueue(name: string): Promise<void> {
    return this.#boss.createQueue(name, {
      retryLimit: endlessRetries,
      retryDelay: 0,
      retentionSeconds: yearsInSeconds,
    });
  }
}

/** pg-boss is not asked for single jobs. What comes beside `wanted` is given back in the same transaction: nobody misses it. */
async function fetchUntil(
  fetch: (batchSize: number) => Promise<JobWithMetadata[]>,
  wanted: ReadonlyMap<string, number>,
): Promise<readonly JobWithMetadata[]> {
  const jobs: JobWithMetadata[] = [];
  for (let missing = wanted.size; missing > 0;) {
    const batch = await fetch(fetchedAtOnce);
    jobs.push(...batch);
    missing -= batch.filter(({ id }) => wanted.has(id)).length;
    if (batch.length < fetchedAtOnce) break;
  }
  return jobs;
}

function bossJob({ id, slot, urgency }: Queued): { id: string; startAfter: Date; priority: number } {
  return { id, startAfter: new Date(slot), priority: urgency };
}

/** pg-boss allows letters, digits, `_`, `-`, `.` and `/`. */
function queueName(lane: string): string {
  return lane.replaceAll(/[^A-Za-z0-9/-]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
}
