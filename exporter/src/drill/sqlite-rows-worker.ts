import { DatabaseSync } from 'node:sqlite';
import { immutableUrl } from '../run/verify/sqlite-file.ts';

/** One line of JSON: how many rows each table has, or what is wrong with the file. */
export type RowsReport = { readonly rows: Readonly<Record<string, number>> } | { readonly problem: string };

/** A process: `sqlite-rows-worker FILE` checks a database and counts its rows. */
function report(path: string): RowsReport {
  try {
    using database = new DatabaseSync(immutableUrl(path), { readOnly: true });
    const found = database
      .prepare('PRAGMA integrity_check(3)')
      .all()
      .map((row) => String(Object.values(row)[0]));
    if (found.some((line) => line !== 'ok')) return { problem: found.join('; ') };
    const tables = database
      .prepare(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
      )
      .all()
      .map(({ name }) => String(name));
    const count = (table: string): number =>
      Number(
        database.prepare(`SELECT count(*) AS rows FROM "${table.replaceAll('"', '""')}"`).get()?.['rows'],
      );
    return { rows: Object.fromEntries(tables.map((table) => [table, count(table)])) };
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

process.stdout.write(`${JSON.stringify(report(process.argv[2] ?? ''))}\n`);
