import type { HostLoads, LoadRecord } from '../../load/load.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { StateDatabase } from './transaction.ts';

const keptMs = 92 * 86_400_000;

export class SqlHostLoads implements HostLoads {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async record(host: string, records: readonly LoadRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#database.write(async (tx) => {
      for (const { at, cpu, memory, disk } of records) {
        await tx.run(
          `INSERT INTO host_load_records (host, at, cpu, memory, disk) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (host, at) DO UPDATE SET
             cpu = coalesce(excluded.cpu, host_load_records.cpu),
             memory = coalesce(excluded.memory, host_load_records.memory),
             disk = coalesce(excluded.disk, host_load_records.disk)`,
          host,
          at,
          ...[cpu, memory, disk].map((share) => (Number.isNaN(share) ? null : share)),
        );
      }
      const newest = Math.max(...records.map(({ at }) => at));
      await tx.run('DELETE FROM host_load_records WHERE at < ?', newest - keptMs);
    });
  }

  async records(host: string, from: EpochMs, until: EpochMs): Promise<readonly LoadRecord[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          'SELECT at, cpu, memory, disk FROM host_load_records WHERE host = ? AND at >= ? AND at < ? ORDER BY at',
          host,
          from,
          until,
        )
      ).map((row) => {
        const { at, cpu, memory, disk } = row as unknown as Columns;
        return { at, cpu: cpu ?? NaN, memory: memory ?? NaN, disk: disk ?? NaN };
      }),
    );
  }
}

type Columns = Readonly<Record<'cpu' | 'memory' | 'disk', number | null>> & { readonly at: EpochMs };
