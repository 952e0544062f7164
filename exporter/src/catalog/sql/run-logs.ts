import { runLogDays, type RunLogLine, type RunLogs } from '../run-logs.ts';
import type { StateDatabase, Transaction } from './transaction.ts';

const keptMs = runLogDays * 86_400_000;
/** More than one, so that what there is too much of (a clock was set) goes as well. */
const droppedAtOnce = 2;

/** One method, one transaction, as the catalog itself. */
export class SqlRunLogs implements RunLogs {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async append(runId: string, line: RunLogLine): Promise<void> {
    await this.#database.write((tx) => appendLine(tx, runId, line));
  }

  async of(runId: string): Promise<readonly RunLogLine[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT at, level, message FROM run_log_lines
           WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY number`,
          runId,
        )
      ).map((row) => ({ ...row }) as unknown as RunLogLine),
    );
  }
}

export async function appendLine(
  tx: Transaction,
  runId: string,
  { at, level, message }: RunLogLine,
): Promise<void> {
  const row = await tx.get(
    `SELECT runs.number AS run, count(lines.number) AS lines
     FROM runs LEFT JOIN run_log_lines AS lines ON lines.run = runs.number WHERE runs.id = ? GROUP BY runs.number`,
    runId,
  );
  if (row === undefined) return;
  const { run = null, lines } = row;
  await tx.run(
    'INSERT INTO run_log_lines (run, number, at, level, message) VALUES (?, ?, ?, ?, ?)',
    run,
    Number(lines) + 1,
    at,
    level,
    message,
  );
  if (Number(lines) === 0) await dropOldest(tx, at - keptMs);
}

async function dropOldest(tx: Transaction, before: number): Promise<void> {
  await tx.run(
    `DELETE FROM run_log_lines WHERE at < ? AND run IN (SELECT DISTINCT run FROM run_log_lines ORDER BY run LIMIT ?)`,
    before,
    droppedAtOnce,
  );
}
