import { runLogDays, type RunLogLine, type RunLogs } from '../run-logs.ts';
import type { StateDatabase } from './database.ts';

const keptMs = runLogDays * 86_400_000;
/** More than one, so that what there is too much of (a clock was set) goes as well. */
const droppedAtOnce = 2;

/** One method, one transaction, as the catalog itself. */
export class SqliteRunLogs implements RunLogs {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async append(runId: string, { at, level, message }: RunLogLine): Promise<void> {
    this.#database.write(() => {
      const row = this.#database.get(
        `SELECT runs.number AS run, count(lines.number) AS lines
         FROM runs LEFT JOIN run_log_lines AS lines ON lines.run = runs.number WHERE runs.id = ? GROUP BY runs.number`,
        runId,
      );
      if (row === undefined) return;
      const { run = null, lines } = row;
      this.#database.run(
        'INSERT INTO run_log_lines (run, number, at, level, message) VALUES (?, ?, ?, ?, ?)',
        run,
        Number(lines) + 1,
        at,
        level,
        message,
      );
      if (Number(lines) === 0) this.#dropOldest(at - keptMs);
    });
  }

  async of(runId: string): Promise<readonly RunLogLine[]> {
    return this.#database.read(() =>
      this.#database
        .all(
          `SELECT at, level, message FROM run_log_lines
           WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY number`,
          runId,
        )
        .map((row) => ({ ...row }) as unknown as RunLogLine),
    );
  }

  #dropOldest(before: number): void {
    this.#database.run(
      `DELETE FROM run_log_lines WHERE at < ? AND run IN (SELECT DISTINCT run FROM run_log_lines ORDER BY run LIMIT ?)`,
      before,
      droppedAtOnce,
    );
  }
}
