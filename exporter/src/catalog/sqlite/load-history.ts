import type { LoadHistory, LoadRecord, Resource } from '../../load/load.ts';
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

  async record(records: readonly LoadRecord[], step: 'fine' | 'coarse'): Promise<void> {
    if (records.length === 0) return;
    this.#database.write(() => {
      for (const { at, cpu, memory, disk, pressure, throughput } of records) {
        this.#database.run(
          `INSERT INTO load_records (step, at, cpu, memory, disk, cpu_pressure, memory_pressure, disk_pressure,
             bytes_read, bytes_written, bytes_received, bytes_sent)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (step, at) DO UPDATE SET cpu = excluded.cpu, memory = excluded.memory, disk = excluded.disk,
             cpu_pressure = ifnull(excluded.cpu_pressure, cpu_pressure),
             memory_pressure = ifnull(excluded.memory_pressure, memory_pressure),
             disk_pressure = ifnull(excluded.disk_pressure, disk_pressure),
             bytes_read = ifnull(excluded.bytes_read, bytes_read),
             bytes_written = ifnull(excluded.bytes_written, bytes_written),
             bytes_received = ifnull(excluded.bytes_received, bytes_received),
             bytes_sent = ifnull(excluded.bytes_sent, bytes_sent)`,
          step,
          at,
          known(cpu),
          known(memory),
          known(disk),
          known(pressure?.cpu),
          known(pressure?.memory),
          known(pressure?.disk),
          known(throughput?.read),
          known(throughput?.written),
          known(throughput?.received),
          known(throughput?.sent),
        );
      }
      const newest = Math.max(...records.map(({ at }) => at));
      this.#database.run('DELETE FROM load_records WHERE step = ? AND at < ?', step, newest - keptMs[step]);
    });
  }

  async records(step: 'fine' | 'coarse', from: EpochMs, until: EpochMs): Promise<readonly LoadRecord[]> {
    return this.#database.read(() =>
      this.#database
        .all(
          'SELECT * FROM load_records WHERE step = ? AND at >= ? AND at < ? ORDER BY at',
          step,
          from,
          until,
        )
        .map(toRecord),
    );
  }
}

function known(figure = NaN): number | null {
  return Number.isNaN(figure) ? null : figure;
}

function toRecord(row: Row): LoadRecord {
  const { at, ...columns } = row as unknown as { at: number } & Columns;
  const { cpu, memory, disk, cpu_pressure, memory_pressure, disk_pressure } = columns;
  const pressure = sharesOf(cpu_pressure, memory_pressure, disk_pressure);
  const throughput = throughputOf(columns);
  return {
    at,
    ...sharesOf(cpu, memory, disk),
    ...(isKnown(pressure) && { pressure }),
    ...(isKnown(throughput) && { throughput }),
  };
}

function isKnown(figures: Readonly<Record<string, number>>): boolean {
  return !Object.values(figures).every((figure) => Number.isNaN(figure));
}

function throughputOf({
  bytes_read,
  bytes_written,
  bytes_received,
  bytes_sent,
}: Columns): NonNullable<LoadRecord['throughput']> {
  return {
    read: bytes_read ?? NaN,
    written: bytes_written ?? NaN,
    received: bytes_received ?? NaN,
    sent: bytes_sent ?? NaN,
  };
}

function sharesOf(cpu: Column, memory: Column, disk: Column): Record<Resource, number> {
  return { cpu: cpu ?? NaN, memory: memory ?? NaN, disk: disk ?? NaN };
}

type Column = number | null | undefined;
type Columns = Readonly<Record<string, number | null>>;
