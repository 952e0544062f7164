import type { LoadHistory, LoadRecord, Resource } from '../../load/load.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Row, StateDatabase, Transaction } from './transaction.ts';

const dayMs = 86_400_000;

/** Fine records show yesterday in detail, coarse ones the seasons of a quarter. */
const keptMs = { fine: 14 * dayMs, coarse: 92 * dayMs } as const;
/** For each record that is filed: a clock that stands a year ahead for some minutes does not take the past with it. */
const mostForgotten = 3;

export class SqlLoadHistory implements LoadHistory {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async record(records: readonly LoadRecord[], step: 'fine' | 'coarse'): Promise<void> {
    if (records.length === 0) return;
    await this.#database.write((tx) => recordLoad(tx, records, step));
  }

  async records(step: 'fine' | 'coarse', from: EpochMs, until: EpochMs): Promise<readonly LoadRecord[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          'SELECT * FROM load_records WHERE step = ? AND at >= ? AND at < ? ORDER BY at',
          step,
          from,
          until,
        )
      ).map(toRecord),
    );
  }
}

export async function recordLoad(
  tx: Transaction,
  records: readonly LoadRecord[],
  step: 'fine' | 'coarse',
): Promise<void> {
  for (const { at, cpu, memory, disk, pressure, throughput } of records) {
    await tx.run(
      `INSERT INTO load_records (step, at, cpu, memory, disk, cpu_pressure, memory_pressure, disk_pressure,
         bytes_read, bytes_written, bytes_received, bytes_sent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (step, at) DO UPDATE SET
         cpu = coalesce(excluded.cpu, load_records.cpu),
         memory = coalesce(excluded.memory, load_records.memory),
         disk = coalesce(excluded.disk, load_records.disk),
         cpu_pressure = coalesce(excluded.cpu_pressure, load_records.cpu_pressure),
         memory_pressure = coalesce(excluded.memory_pressure, load_records.memory_pressure),
         disk_pressure = coalesce(excluded.disk_pressure, load_records.disk_pressure),
         bytes_read = coalesce(excluded.bytes_read, load_records.bytes_read),
         bytes_written = coalesce(excluded.bytes_written, load_records.bytes_written),
         bytes_received = coalesce(excluded.bytes_received, load_records.bytes_received),
         bytes_sent = coalesce(excluded.bytes_sent, load_records.bytes_sent)`,
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
  await tx.run(
    `DELETE FROM load_records WHERE step = ? AND at IN
       (SELECT at FROM load_records WHERE step = ? AND at < ? ORDER BY at LIMIT ?)`,
    step,
    step,
    newest - keptMs[step],
    mostForgotten * records.length,
  );
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
