import { migratePostgres, versionOf } from '../../postgres/migrate.ts';
import type { Postgres, Row, Transaction } from '../../postgres/postgres.ts';
import { quotedName } from '../../postgres/sql-text.ts';
import { storableText } from '../../postgres/values.ts';
import {
  batchRows,
  namesOf,
  selectOf,
  type MovableState,
  type StateFilling,
  type StateTable,
  type StateView,
} from '../migrate-state.ts';
import { migrations } from '../migrations/postgres/migrations.ts';
import { absent, filled, inUse, otherVersion } from '../movable-refusal.ts';
import { hasLiveOwner, lockOf } from './owners.ts';
import { schemaOf } from './schema-name.ts';

/** The state of one host on a PostgreSQL, as seen from its home `folder`. Closing closes `postgres`. */
export class MovableSchema implements MovableState {
  readonly label: string;
  readonly #postgres: Postgres;
  readonly #schema: string;
  readonly #folder: string;

  constructor(postgres: Postgres, instance: string, folder: string) {
    this.label = `the schema of ${instance} in ${postgres.label}`;
    this.#postgres = postgres;
    this.#schema = schemaOf(instance);
    this.#folder = folder;
  }

  /** However it is reached: the server by when it was started, and the database in it. */
  async identity(): Promise<string> {
    const row = await this.#postgres.read((transaction) =>
      transaction.get(
        `SELECT CAST(extract(epoch FROM pg_postmaster_start_time()) AS text) AS server, oid AS database
         FROM pg_database WHERE datname = current_database()`,
      ),
    );
    return `${String(row?.['server'])} ${String(row?.['database'])} ${this.#schema}`;
  }

  async read<T>(work: (view: StateView) => Promise<T>): Promise<T> {
    return await this.#alone(async (transaction) => {
      const view = await SchemaView.of(transaction);
      // Whoever writes there by other means waits as well.
      const tables = view.tables.map(({ name }) => quotedName(name)).join(', ');
      await transaction.run(`LOCK TABLE ${tables} IN SHARE MODE`);
      return await work(view);
    });
  }

  async fill<T>(work: (filling: StateFilling) => Promise<T>): Promise<T> {
    await migratePostgres(this.#postgres, this.#schema, migrations);
    return await this.#alone(async (transaction) => {
      const filling = await SchemaFilling.of(transaction);
      await filling.refuseFilled(this.label);
      // What they would count is moved as it was counted.
      await filling.triggers('DISABLE');
      const result = await work(filling);
      await filling.triggers('ENABLE');
      await filling.goOnCounting();
      return result;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#postgres[Symbol.asyncDispose]();
  }

  /** In one transaction, for whose time nobody opens this state or writes to it. */
  async #alone<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.write(
      async (transaction) => {
        const { isThere, version } = await versionOf(transaction, this.#schema, this.#postgres.label);
        if (!isThere) {
          throw absent(
            this.label,
            'A host has its state there under its `instance`: see that of the config.',
          );
        }
        if (version !== migrations.length) throw otherVersion(this.label, version, migrations.length);
        if (await hasLiveOwner(transaction, this.#folder)) throw inUse(this.label);
        return await work(transaction);
      },
      { schema: this.#schema, lock: lockOf(this.#schema) },
    );
  }
}

class SchemaView implements StateView {
  readonly tables: readonly StateTable[];
  readonly sizeBytes: number;
  protected readonly transaction: Transaction;

  protected constructor(transaction: Transaction, tables: readonly StateTable[], sizeBytes: number) {
    this.transaction = transaction;
    this.tables = tables;
    this.sizeBytes = sizeBytes;
  }

  static async of(transaction: Transaction): Promise<SchemaView> {
    const row = await transaction.get(
      `SELECT coalesce(sum(pg_table_size(oid)), 0) AS size FROM pg_class
       WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`,
    );
    return new SchemaView(transaction, await tablesOf(transaction), Number(row?.['size']));
  }

  async all(sql: string): Promise<readonly Row[]> {
    return await this.transaction.all(sql);
  }

  async *rows(table: StateTable): AsyncIterable<readonly Row[]> {
    await this.transaction.run(`DECLARE moved NO SCROLL CURSOR FOR ${selectOf(table)}`);
    for (;;) {
      const rows = await this.transaction.all(`FETCH ${batchRows} FROM moved`);
      if (rows.length > 0) yield rows;
      if (rows.length < batchRows) break;
    }
    await this.transaction.run('CLOSE moved');
  }
}

class SchemaFilling extends SchemaView implements StateFilling {
  static override async of(transaction: Transaction): Promise<SchemaFilling> {
    return new SchemaFilling(transaction, await tablesOf(transaction), 0);
  }

  async insert({ name, columns }: StateTable, rows: readonly Row[]): Promise<void> {
    const table = quotedName(name);
    const names = namesOf(columns);
    await this.transaction.run(
      `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, CAST(? AS json))`,
      JSON.stringify(
        rows.map((row) => Object.fromEntries(columns.map((column) => [column, asJson(row[column])]))),
      ),
    );
  }

  storable(text: string): string {
    return storableText(text);
  }

  async refuseFilled(label: string): Promise<void> {
    for (const { name } of this.tables) {
      const row = await this.transaction.get(`SELECT 1 FROM ${quotedName(name)} LIMIT 1`);
      if (row !== undefined) throw filled(label, name);
    }
  }

  async triggers(what: 'DISABLE' | 'ENABLE'): Promise<void> {
    for (const { name } of this.tables) {
      await this.transaction.run(`ALTER TABLE ${quotedName(name)} ${what} TRIGGER USER`);
    }
  }

  /** From the highest number on, as SQLite does. */
  async goOnCounting(): Promise<void> {
    const columns = await this.transaction.all(
      `SELECT relname AS table, attname AS column FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attidentity <> ''`,
    );
    for (const { table, column } of columns) {
      const [inTable, counted] = [quotedName(String(table)), quotedName(String(column))];
      const last = await this.transaction.get(
        `SELECT coalesce(max(${counted}), 0) AS number FROM ${inTable}`,
      );
      await this.transaction.run(
        `ALTER TABLE ${inTable} ALTER COLUMN ${counted} RESTART WITH ${Number(last?.['number']) + 1}`,
      );
    }
  }
}

/** What JSON has no word for, in that of PostgreSQL. */
function asJson(value: Row[string] | undefined): string | number | null | undefined {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** But for those of this database alone: who has it open, and its version. */
async function tablesOf(transaction: Transaction): Promise<readonly StateTable[]> {
  const columns = await transaction.all(
    `SELECT relname AS table, attname AS column, coalesce(array_position(conkey, attnum), 0) AS place
     FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
       LEFT JOIN pg_constraint ON conrelid = pg_class.oid AND contype = 'p'
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
       AND relname NOT IN ('owners', 'deliveries', 'lowtide_schema')
     ORDER BY relname, attnum`,
  );
  const references = await transaction.all(
    `SELECT child.relname AS child, parent.relname AS parent
     FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
     WHERE connamespace = current_schema()::regnamespace AND contype = 'f'`,
  );
  return [...Map.groupBy(columns, ({ table }) => String(table))].map(([name, own]) => ({
    name,
    columns: own.map(({ column }) => String(column)),
    key: own
      .filter(({ place }) => Number(place) > 0)
      .toSorted((a, b) => Number(a['place']) - Number(b['place']))
      .map(({ column }) => String(column)),
    references: references.filter(({ child }) => child === name).map(({ parent }) => String(parent)),
  }));
}
