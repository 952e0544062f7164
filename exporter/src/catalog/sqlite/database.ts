import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { InTurn } from '../../probe/in-turn.ts';
import { createPrivate, FileLock } from '../file-lock.ts';
import { migrate } from '../migrate.ts';
import { migrations } from '../migrations/sqlite/migrations.ts';
import { Owner } from '../ownership.ts';
import type { Row, StateDatabase, Transaction } from '../sql/transaction.ts';
import { damaged, stateRefusal } from './refusal.ts';

/** How long one process waits for another's transaction. Those take milliseconds; this one blocks the event loop. */
const busyTimeoutMs = 5000;
/** Opening includes recovery after a crash and migrations. */
const openingTimeoutMs = 30_000;

/**
 * The file `catalog.db`: opened, migrated, and with transactions. WAL lets readers and one writer go on together;
 * `synchronous = FULL` makes each commit survive a power cut.
 */
export class SqliteDatabase implements StateDatabase {
  readonly path: string;
  readonly #owner: Owner;
  readonly #database: DatabaseSync;
  readonly #turns: InTurn;
  readonly #transaction: Transaction;
  readonly #inode: number;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(path: string, database: DatabaseSync, owner: Owner) {
    this.path = path;
    this.#owner = owner;
    this.#database = database;
    const { dev, ino } = statSync(path);
    this.#inode = ino;
    this.#turns = turnsAt(`${dev} ${ino}`);
    this.#transaction = {
      owner: { id: owner.id, isAlive: (id) => Promise.resolve(owner.isAlive(id)) },
      // A bigint is what a statement gives that asked for one: none does.
      get: async (sql, ...values) => this.#prepared(sql).get(...values) as Row | undefined,
      all: async (sql, ...values) => this.#prepared(sql).all(...values) as Row[],
      run: async (sql, ...values) => Number(this.#prepared(sql).run(...values).changes),
    };
  }

  /** Opens the database in `folder` (made 0700 where absent). Throws `state_busy`, `state_invalid`, `state_denied`, `state_full`. */
  static open(folder: string): SqliteDatabase {
    const path = databasePath(folder);
    try {
      makeFolder(folder);
      return whileOpening(folder, () => {
        if (!existsSync(path)) create(path);
        if (statSync(path).size === 0) throw damaged(path);
        const database = connect(path);
        try {
          migrate(database, migrations, path);
          // Nobody asks who is alive while locks of dead owners are taken to be removed: askers are in a transaction too.
          const owner = inTransaction(database, 'BEGIN IMMEDIATE', () => Owner.enter(folder));
          return new SqliteDatabase(path, database, owner);
        } catch (error) {
          database.close();
          throw error;
        }
      });
    } catch (error) {
      throw stateRefusal(error, path);
    }
  }

  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn('BEGIN IMMEDIATE', work);
  }

  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn('BEGIN', work);
  }

  async findings(): Promise<readonly string[]> {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.ino !== this.#inode) {
      return [
        `${this.path} was removed or replaced while in use: stop Lowtide, then run lowtide catalog rebuild`,
      ];
    }
    const findings = (found.mode & 0o077) === 0 ? [] : [`${this.path} can be read by other users: chmod 600`];
    try {
      await this.write((tx) => this.#writeNothingNew(tx));
    } catch (error) {
      findings.push(LowtideError.from(error).message);
    }
    return findings;
  }

  /** What was asked for before is done before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.do(() => {
      if (this.#database.isOpen) {
        this.#owner[Symbol.dispose]();
        this.#database.close();
      }
      return Promise.resolve();
    });
  }

  /** The connection has one transaction at a time, and a statement of another would be part of it. */
  #inTurn<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#turns.do(async () => {
      try {
        return await this.#inTransaction(begin, work);
      } catch (error) {
        throw stateRefusal(error, this.path);
      }
    });
  }

  async #inTransaction<T>(begin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#database.exec(begin);
    try {
      const result = await work(this.#transaction);
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk rolls back by itself; a second rollback would hide why.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** The page that holds the version, as it is: whether the disk takes a write shows only by one. */
  async #writeNothingNew(tx: Transaction): Promise<void> {
    const { user_version: version } = (await tx.get('PRAGMA user_version')) ?? {};
    this.#database.exec(`PRAGMA user_version = ${Number(version)}`);
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

/** By device and inode: of each file that this process has open, or had. */
const turns = new Map<string, InTurn>();

/**
 * A transaction may wait, and while another connection of the same thread waits for its lock nothing can go on: so all of a
 * process that open one file take turns.
 */
function turnsAt(file: string): InTurn {
  let known = turns.get(file);
  if (known === undefined) turns.set(file, (known = new InTurn()));
  return known;
}

export function databasePath(folder: string): string {
  return join(folder, 'catalog.db');
}

/** Creation, migration and setting aside happen in one process at a time. */
export function whileOpening<T>(folder: string, work: () => T): T {
  using _lock = takeOpening(folder);
  return work();
}

/** Keeps everybody from opening what is in `folder` (which exists) until it is disposed. Throws `state_busy`. */
export function takeOpening(folder: string): FileLock {
  const lock = FileLock.take(join(folder, 'opening.lock'), openingTimeoutMs);
  if (lock === undefined) {
    throw new LowtideError('state_busy', `another process is still opening ${folder}`, { retryable: true });
  }
  return lock;
}

function create(path: string): void {
  const partial = beginPartial(path);
  const database = connect(partial);
  try {
    migrate(database, migrations, path);
  } finally {
    database.close();
  }
  publishPartial(path);
}

/** A new database is built under another name: an empty or half-made file never bears the final one. */
export function beginPartial(path: string): string {
  const partial = removePartial(path);
  createPrivate(partial);
  return partial;
}

export function removePartial(path: string): string {
  const partial = `${path}.partial`;
  for (const left of ['', '-wal', '-shm']) rmSync(partial + left, { force: true });
  return partial;
}

export function publishPartial(path: string): void {
  // A write-ahead log left by a database that is gone would be replayed into the new one.
  for (const left of ['-wal', '-shm']) rmSync(path + left, { force: true });
  renameSync(`${path}.partial`, path);
  syncFolder(dirname(path));
}

export function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    // On macOS a plain fsync does not reach the platter; elsewhere this changes nothing.
    database.exec('PRAGMA fullfsync = ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function inTransaction<T>(database: DatabaseSync, begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
  database.exec(begin);
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk rolls back by itself; a second rollback would hide why.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first !== undefined) syncFolder(dirname(first));
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
