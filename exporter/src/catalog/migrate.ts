import type { DatabaseSync } from 'node:sqlite';
import { LowtideError } from '../errors/lowtide-error.ts';

/** `Lowt` in ASCII, in the file's header: a database of somebody else is not taken for a catalog. */
const applicationId = 0x4c6f7774;

/**
 * Brings the database up to the newest version, each migration in a transaction of its own together with the
 * `user_version` it leads to: cut off anywhere, the next start goes on from there. Throws `state_invalid` for a
 * newer version, or a database that is no catalog. `path` names the file in errors. One process at a time.
 */
export function migrate(database: DatabaseSync, migrations: readonly string[], path: string): void {
  for (;;) {
    const version = versionOf(database, path);
    if (version > migrations.length) {
      throw new LowtideError(
        'state_invalid',
        `the catalog ${path} has version ${version}, this Lowtide knows up to ${migrations.length}`,
        { hint: 'A newer Lowtide has written it: run that one, or a newer.' },
      );
    }
    const next = migrations[version];
    if (next === undefined) return;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(next);
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** How many migrations the database has had. Throws `state_invalid` where it is no catalog. */
export function versionOf(database: DatabaseSync, path: string): number {
  refuseForeign(database, path);
  return readPragma(database, 'user_version');
}

function refuseForeign(database: DatabaseSync, path: string): void {
  const id = readPragma(database, 'application_id');
  if (id === applicationId) return;
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (id === 0 && tables === 0) return;
  throw new LowtideError(
    'state_invalid',
    `${path} is a database of something else, not a catalog of Lowtide`,
    {
      hint: 'Point `state:` in lowtide.yaml at a folder of its own.',
    },
  );
}

function readPragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
