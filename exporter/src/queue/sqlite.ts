import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Row, SqlValue, Transaction } from '../postgres/postgres.ts';
import { isBusy, stateRefusal } from '../catalog/sqlite/refusal.ts';
import { InTurn } from '../probe/in-turn.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Engine, Fetched } from './engine.ts';
import { LedgerQueue, type LedgerDatabase } from './ledger.ts';
import { ledgerSteps } from './ledger-schema.ts';
import type { Queue } from './queue.ts';

/** Another's transaction takes milliseconds. */
const busyTimeoutMs = 5000;
const busyPauseMs = 5;

/**
 * The queue as the file `queue.db` in the state folder (made 0700 where absent), by the clock that is handed in. Throws
 * `state_busy`, `state_denied`, `state_full`, `state_invalid`, as do all its methods.
 */
export function openSqliteQueue(folder: string, now: () => EpochMs): Queue {
  const path = join(folder, 'queue.db');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new LedgerQueue(new SqliteLedger(path, now));
  } catch (error) {
    throw stateRefusal(error, path);
  }
}

/** SQLite is engine enough: its one writer is the lock, and what waits is asked of the ledger itself. */
class SqliteLedger implements LedgerDatabase {
  readonly #path: string;
  readonly #now: () => EpochMs;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #turns = new InTurn();

  constructor(path: string, now: () => EpochMs) {
    this.#path = path;
    this.#now = now;
    this.#database = open(path);
  }

  /** One after another: a transaction contains awaits, and the connection has only one. */
  write<T>(
    _lanes: readonly string[],
    work: (transaction: Transaction, engine: Engine) => Promise<T>,
  ): Promise<T> {
    return this.#turns.do(() => this.#inTransaction(work));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.do(() => {
      if (this.#database.isOpen) this.#database.close();
      return Promise.resolve();
    });
  }

  async #inTransaction<T>(work: (transaction: Transaction, engine: Engine) => Promise<T>): Promise<T> {
    try {
      await this.#begin();
      const transaction: Transaction = {
        get: (sql, ...values) =>
          Promise.resolve(this.#prepared(sql).get(...bound(values)) as Row | undefined),
        all: (sql, ...values) => Promise.resolve(this.#prepared(sql).all(...bound(values)) as Row[]),
        run: (sql, ...values) => Promise.resolve(Number(this.#prepared(sql).run(...bound(values)).changes)),
      };
      const result = await work(transaction, engineOn(transaction, this.#now()));
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk rolls back by itself; a second rollback would hide why.
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw stateRefusal(error, this.#path);
    }
  }

  /** SQLite's own waiting would stand still with the whole process, in which the other transaction may be awaiting something. */
  async #begin(): Promise<void> {
    const patientUntil = performance.now() + busyTimeoutMs;
    for (;;) {
      try {
        this.#database.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > patientUntil) throw error;
        await setTimeout(busyPauseMs);
      }
    }
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function engineOn(transaction: Transaction, now: EpochMs): Engine {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    now,
    lock: nothing,
    add: nothing,
    move: nothing,
    giveBack: nothing,
    remove: nothing,
    async take(lane, limit, only): Promise<Fetched[]> {
      const ids = only === undefined ? null : JSON.stringify([...only.keys()]);
      const rows = await transaction.all(
        `SELECT id FROM job WHERE lane = ? AND state = 'waiting' AND slot <= ?
           AND (? IS NULL OR id IN (SELECT value FROM json_each(?))) ORDER BY urgency DESC, id LIMIT ?`,
        ...[lane, now, ids, ids, limit],
      );
      return rows.map(({ id }) => ({ id: String(id), fetched: 0 }));
    },
  };
}

/** `synchronous = FULL`: a claim that was given out is not given out again after a power cut. */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'fullfsync = ON']) {
      database.exec(`PRAGMA ${pragma}`);
    }
    database.exec('BEGIN IMMEDIATE');
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > ledgerSteps.length) {
      throw new LowtideError(
        'state_invalid',
        `the queue ${path} has version ${version}, this Lowtide knows ${ledgerSteps.length}`,
        {
          hint: 'A newer Lowtide has written it: run that one, or a newer.',
        },
      );
    }
    database.exec(`${ledgerSteps.slice(version).join('')} PRAGMA user_version = ${ledgerSteps.length}`);
    database.exec('COMMIT');
    database.exec('PRAGMA busy_timeout = 0');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function bound(values: readonly SqlValue[]): SQLInputValue[] {
  return [...values];
}
