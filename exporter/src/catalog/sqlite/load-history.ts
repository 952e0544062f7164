import type { LoadHistory, LoadRecord } from '../../load/load.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Row, StateDatabase } from './database.ts';

const dayMs = 86_400_000;

/** Fine records show yesterday in detail, coarse ones the seasons of a quarter. */
const keptMs = { fine: 14 * dayMs, coarse: 92 * dayMs } as const;

export class SqliteLoadHistory implements LoadHistory {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  record(records: readonly LoadRecord[], step: 'fine' | 'coarse'): void {
    if (records.length === 0) return;
    this.#database.write(() => {
      for (const { at, cpu, memory, disk } of records) {
        this.#database.run(
          `INSERT INTO load_records (step, at, cpu, memory, disk) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (step, at) DO UPDATE SET cpu = excluded.cpu, memory = excluded.memory, disk = excluded.disk`,
          step,
          at,
          known(cpu),
          known(memory),
          known(disk),
        );
      }
      const newest = Math.max(...records.map(({ at }) => at));
      this.#database.run('DELETE FROM load_records WHERE step = ? AND at < ?', step, newest - keptMs[step]);
    });
  }

  records(step: 'fine' | 'coarse', from: EpochMs, until: EpochMs): readonly LoadRecord[] {
    return this.#database.read(() =>
      this.#database
        .all(
          'SELECT at, cpu, memory, disk FROM load_records WHERE step = ? AND at >= ? AND at < ? ORDER BY at',
          step,
          from,
          until,
        )
        .map(toRecord),
    );
  }
}

function known(share: number): number | null {
  return Number.isNaN(share) ? null : share;
}

function toRecord(row: Row): LoadRecord {
  const { at, cpu, memory, disk } = row as unknown as { at: number } & Record<string, number | null>;
  return { at, cpu: cpu ?? NaN, memory: memory ?? NaN, disk: disk ?? NaN };
}
