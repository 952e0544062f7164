import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { createPrivate, FileLock } from '../file-lock.ts';
import { migrate } from '../migrate.ts';
import { migrations } from '../migrations/sqlite/migrations.ts';
import { Owner } from '../ownership.ts';
import { damaged, stateRefusal } from './refusal.ts';

/** How long one process waits for another's transaction. Those take milliseconds; this one blocks the event loop. */
const busyTimeoutMs = 5000;
/** Opening includes recovery after a crash and migrations. */
const openingTimeoutMs = 30_000;

export type Row = Record<string, SQLOutputValue>;

/**
 * The file `catalog.db`: opened, migrated, and with transactions. WAL lets readers and one writer go on together;
 * `synchronous = FULL` makes each commit survive a power cut.
 */
export class StateDatabase implements Disposable {
  readonly path: string;
  readonly owner: Owner;
  readonly #database: DatabaseSync;
  readonly #inode: number;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(path: string, database: DatabaseSync, owner: Owner) {
    this.path = path;
    this.owner = owner;
    this.#database = database;
    this.#inode = statSync(path).ino;
  }

  /** Opens the database in `folder` (made 0700 where absent). Throws `state_busy`, `state_invalid`, `state_denied`, `state_full`. */
  static open(folder: string): StateDatabase {
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
          return new StateDatabase(path, database, owner);
        } catch (error) {
          database.close();
          throw error;
        }
      });
    } catch (error) {
      throw stateRefusal(error, path);
    }
  }

  /** Runs `work` in one transaction that may write: whole and durable once this returns, undone when it throws. */
  write<T>(work: () => T): T {
    try {
      return inTransaction(this.#database, 'BEGIN IMMEDIATE', work);
    } catch (error) {
      throw stateRefusal(error, this.path);
    }
  }

  /** Runs `work` on one unchanging view of the data. */
  read<T>(work: () => T): T {
    try {
      return inTransaction(this.#database, 'BEGIN', work);
    } catch (error) {
      throw stateRefusal(error, this.path);
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values);
  }

  /** Runs a statement that changes something; answers how many rows. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  /** What keeps the next write from happening, or would lose it. */
  findings(): string[] {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.ino !== this.#inode) {
      return [
        `${this.path} was removed or replaced while in use: stop Lowtide, then run lowtide catalog rebuild`,
      ];
    }
    const findings = (found.mode & 0o077) === 0 ? [] : [`${this.path} can be read by other users: chmod 600`];
    try {
      this.write(() => this.#writeNothingNew());
    } catch (error) {
      findings.push(LowtideError.from(error).message);
    }
    return findings;
  }

  [Symbol.dispose](): void {
    if (!this.#database.isOpen) return;
    this.owner[Symbol.dispose]();
    this.#database.close();
  }

  /** The page that holds the version, as it is: whether the disk takes a write shows only by one. */
  #writeNothingNew(): void {
    const { user_version: version } = this.get('PRAGMA user_version') ?? {};
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

export function databasePath(folder: string): string {
  return join(folder, 'catalog.db');
}

/** Creation, migration and setting aside happen in one process at a time. */
export function whileOpening<T>(folder: string, work: () => T): T {
  using lock = FileLock.take(join(folder, 'opening.lock'), openingTimeoutMs);
  if (lock === undefined) {
    throw new LowtideError('state_busy', `another process is still opening ${folder}`, { retryable: true });
  }
  return work();
}

/** Builds a new database under another name: an empty or half-made file never bears the final one. */
function create(path: string): void {
  const partial = `${path}.partial`;
  // A write-ahead log left by a database that is gone would be replayed into the new one.
  for (const left of [`${path}-wal`, `${path}-shm`, partial, `${partial}-wal`, `${partial}-shm`]) {
    rmSync(left, { force: true });
  }
  createPrivate(partial);
  const database = connect(partial);
  try {
    migrate(database, migrations, path);
  } finally {
    database.close();
  }
  renameSync(partial, path);
  syncFolder(dirname(path));
}

function connect(path: string): DatabaseSync {
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

function makeFolder(folder: string): void {
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
