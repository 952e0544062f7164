import { DatabaseSync } from 'node:sqlite';
import { immutableUrl, sqliteCode } from './sqlite-file.ts';
import type { IntegrityReport } from './sqlite.ts';

/** A process: `sqlite-worker FILE` checks a database and reports in one line. */
const problemsKept = 10;

function check(path: string): IntegrityReport {
  try {
    using database = new DatabaseSync(immutableUrl(path), { readOnly: true });
    const rows = database.prepare(`PRAGMA integrity_check(${problemsKept})`).all();
    const lines = rows.map((row) => String(Object.values(row)[0]));
    return { problems: lines.filter((line) => line !== 'ok') };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return { errcode: sqliteCode(thrown) ?? 0, message };
  }
}

process.stdout.write(`${JSON.stringify(check(process.argv[2] ?? ''))}\n`);
