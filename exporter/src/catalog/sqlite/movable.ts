import { closeSync, existsSync, fsyncSync, openSync, realpathSync, statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { quotedName } from '../../postgres/sql-text.ts';
import { migrate, versionOf } from '../migrate.ts';
import {
  batchRows,
  namesOf,
  selectOf,
  type MovableState,
  type StateFilling,
  type StateTable,
  type StateView,
} from '../migrate-state.ts';
import { migrations } from '../migrations/sqlite/migrations.ts';
import { absent, filled, inUse, otherVersion } from '../movable-refusal.ts';
import { hasLiveOwner } from '../ownership.ts';
import type { Row, SqlValue } from '../sql/transaction.ts';
import {
  beginPartial,
  connect,
  databasePath,
  makeFolder,
  publishPartial,
  removePartial,
  takeOpening,
} from './database.ts';
import { damaged, stateRefusal } from './refusal.ts';

/** The state in a folder. Nobody opens it meanwhile; a new one is built beside, and gets its name once it is whole. */
export class MovableFolder implements MovableState {
  readonly label: string;
  readonly #path: string;

  constructor(folder: string) {
    this.label = folder;
    this.#path = databasePath(folder);
  }

  identity(): Promise<string> {
    return Promise.resolve(existsSync(this.label) ? realpathSync(this.label) : this.label);
  }

  async read<T>(work: (view: StateView) => Promise<T>): Promise<T> {
    return await this.#explained(async () => {
      if (!existsSync(this.#path))
        throw absent(this.label, 'Give the folder that `state` in the config names.');
      using _opening = takeOpening(this.label);
      if (hasLiveOwner(this.label)) throw inUse(this.label);
      using database = this.#opened();
      // Whoever has the file open by other means does not write either.
      database.exec('BEGIN IMMEDIATE');
      return await work(new SqliteView(database));
    });
  }

  async fill<T>(work: (filling: StateFilling) => Promise<T>): Promise<T> {
    return await this.#explained(async () => {
      makeFolder(this.label);
      using _opening = takeOpening(this.label);
      if (hasLiveOwner(this.label)) throw inUse(this.label);
      if (existsSync(this.#path)) this.#refuseFilled();
      try {
        const result = await this.#built(beginPartial(this.#path), work);
        publishPartial(this.#path);
        return result;
      } finally {
        removePartial(this.#path);
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #opened(): DatabaseSync {
    if (statSync(this.#path).size === 0) throw damaged(this.#path);
    const database = connect(this.#path);
    try {
      const version = versionOf(database, this.#path);
      if (version !== migrations.length) throw otherVersion(this.label, version, migrations.length);
      return database;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  #refuseFilled(): void {
    using database = this.#opened();
    for (const { name } of new SqliteView(database).tables) {
      const row = database.prepare(`SELECT 1 FROM ${quotedName(name)} LIMIT 1`).get();
      if (row !== undefined) throw filled(this.label, name);
    }
  }

  /** A file that nobody knows of needs no journal on the disk: cut off, it is made anew. It is durable before it gets its name. */
  async #built<T>(partial: string, work: (filling: StateFilling) => Promise<T>): Promise<T> {
    using database = new DatabaseSync(partial, { enableForeignKeyConstraints: true });
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec('PRAGMA synchronous = OFF');
    migrate(database, migrations, this.#path);
    database.exec('BEGIN');
    const triggers = withoutTriggers(database);
    const result = await work(new SqliteFilling(database));
    for (const sql of triggers) database.exec(sql);
    database.exec('COMMIT');
    database.exec('PRAGMA journal_mode = WAL');
    database.close();
    const descriptor = openSync(partial, 'r+');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return result;
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw stateRefusal(thrown, this.#path);
    }
  }
}

/** What they would count is moved as it was counted. Returns how to make them again. */
function withoutTriggers(database: DatabaseSync): readonly string[] {
  const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${quotedName(String(name))}`);
  return triggers.map(({ sql }) => String(sql));
}

class SqliteView implements StateView {
  readonly tables: readonly StateTable[];
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.tables = tablesOf(database);
  }

  get sizeBytes(): number {
    const { size } = this.#database
      .prepare('SELECT page_count * page_size AS size FROM pragma_page_count, pragma_page_size')
      .get() ?? { size: 0 };
    return Number(size);
  }

  all(sql: string): Promise<readonly Row[]> {
    return Promise.resolve(this.#database.prepare(sql).all() as Row[]);
  }

  *rows(table: StateTable): Iterable<readonly Row[]> {
    let batch: Row[] = [];
    for (const row of this.#database.prepare(selectOf(table)).iterate()) {
      batch.push(row as Row);
      if (batch.length < batchRows) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

class SqliteFilling extends SqliteView implements StateFilling {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    super(database);
    this.#database = database;
  }

  insert(table: StateTable, rows: readonly Row[]): Promise<void> {
    const statement = this.#statementFor(table);
    for (const row of rows) statement.run(...table.columns.map((column) => bound(row[column] ?? null)));
    return Promise.resolve();
  }

  storable(text: string): string {
    return text;
  }

  #statementFor({ name, columns }: StateTable): StatementSync {
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      const places = columns.map(() => '?').join(', ');
      statement = this.#database.prepare(
        `INSERT INTO ${quotedName(name)} (${namesOf(columns)}) VALUES (${places})`,
      );
      this.#statements.set(name, statement);
    }
    return statement;
  }
}

/** A number is given as a float otherwise, which a column of integers takes up to 2^51 only. */
function bound(value: SqlValue): SQLInputValue {
  return Number.isInteger(value) ? BigInt(Number(value)) : value;
}

function tablesOf(database: DatabaseSync): readonly StateTable[] {
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    .all();
  const columns = database.prepare('SELECT name, pk FROM pragma_table_info(?) ORDER BY cid');
  const parents = database.prepare('SELECT DISTINCT "table" AS name FROM pragma_foreign_key_list(?)');
  const namesIn = (rows: readonly Record<string, unknown>[]): string[] =>
    rows.map(({ name }) => String(name));
  return names.map(({ name }) => {
    const table = String(name);
    const all = columns.all(table);
    const key = all.filter(({ pk }) => Number(pk) > 0).toSorted((a, b) => Number(a['pk']) - Number(b['pk']));
    return {
      name: table,
      columns: namesIn(all),
      key: namesIn(key),
      references: namesIn(parents.all(table)),
    };
  });
}
