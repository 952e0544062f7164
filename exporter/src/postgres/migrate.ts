import { LowtideError } from '../errors/lowtide-error.ts';
import { quotedName } from './sql-text.ts';
import type { Postgres, Transaction } from './postgres.ts';

/**
 * One step of a schema's history. A version only adds ("expand"): what an older Lowtide reads is taken away ("contract")
 * no earlier than a release after the last one that read it, and then says so by `readableFrom`.
 */
export interface Migration {
  readonly sql: string;
  /** The oldest version of the schema whose Lowtide can go on working once this step is done. */
  readonly readableFrom: number;
}

/**
 * Brings `schema` (made where absent) up to the newest version, each step in a transaction of its own together with the
 * version it leads to: cut off anywhere, the next goes on from there. Any number of hosts may do so at once, of different
 * versions of Lowtide: an older one that finds a newer schema works on with it, as long as that is readable for it.
 *
 * A role without the right to make schemas needs one that is made for it: then only the tables are ours.
 * Throws `state_invalid` where the schema is too new, or something else's.
 */
export async function migratePostgres(
  postgres: Postgres,
  schema: string,
  migrations: readonly Migration[],
): Promise<void> {
  const known = migrations.length;
  for (;;) {
    // Most starts find nothing to do, and then nobody needs to wait for anybody.
    const found = await postgres.read((transaction) => versionOf(transaction, schema, postgres.label));
    if (found.readableFrom > known) {
      throw new LowtideError(
        'state_invalid',
        `the schema ${schema} of ${postgres.label} has version ${found.version} and can be read from ${found.readableFrom} on; this Lowtide knows ${known}`,
        { hint: 'A newer Lowtide has written it: run that one, or a newer.' },
      );
    }
    if (found.version >= known) return;
    await postgres.write((transaction) => step(transaction, schema, migrations, postgres.label), {
      lock: `lowtide migrate ${schema}`,
      idempotent: true,
    });
  }
}

async function step(
  transaction: Transaction,
  schema: string,
  migrations: readonly Migration[],
  label: string,
): Promise<void> {
  const quoted = quotedName(schema);
  const { version, isThere } = await versionOf(transaction, schema, label);
  const next = migrations[version];
  // Another host was faster.
  if (next === undefined) return;
  if (!isThere) {
    if ((await transaction.get('SELECT 1 FROM pg_namespace WHERE nspname = ?', schema)) === undefined) {
      await transaction.run(`CREATE SCHEMA ${quoted}`);
    }
    await transaction.run(
      `CREATE TABLE ${quoted}.lowtide_schema (version INTEGER NOT NULL, readable_from INTEGER NOT NULL)`,
    );
    await transaction.run(`INSERT INTO ${quoted}.lowtide_schema VALUES (0, 0)`);
  }
  await transaction.run(`SET LOCAL search_path TO ${quoted}`);
  await transaction.run(next.sql);
  await transaction.run(
    'UPDATE lowtide_schema SET version = ?, readable_from = ?',
    version + 1,
    next.readableFrom,
  );
}

export interface Version {
  readonly isThere: boolean;
  readonly version: number;
  readonly readableFrom: number;
}

/** The version of a schema, which may not be there. Throws `state_invalid` where it is something else's. */
export async function versionOf(transaction: Transaction, schema: string, label: string): Promise<Version> {
  const tables = await transaction.all(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = ? AND relkind IN ('r', 'p')`,
    schema,
  );
  if (tables.length === 0) return { isThere: false, version: 0, readableFrom: 0 };
  if (!tables.some(({ name }) => name === 'lowtide_schema')) {
    throw new LowtideError(
      'state_invalid',
      `the schema ${schema} of ${label} holds tables of something else`,
      {
        hint: 'Give Lowtide a database of its own, or another instance name.',
      },
    );
  }
  const row = await transaction.get(
    `SELECT version, readable_from FROM ${quotedName(schema)}.lowtide_schema`,
  );
  return { isThere: true, version: Number(row?.['version']), readableFrom: Number(row?.['readable_from']) };
}
