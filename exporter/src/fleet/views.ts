import type { Postgres } from '../postgres/postgres.ts';
import type { FleetViews, HostSummary, HostView, Lease, Leases, Published } from './fleet.ts';
import { instanceOf } from './hosts.ts';

/** Another one when what is published could not be read any more as before. */
const format = 1;

export class PostgresViews implements FleetViews {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  async publish(host: Lease, { summary, schedules }: HostView): Promise<void> {
    await this.#postgres.write(
      async (transaction) => {
        await this.#leases.assertHeld(transaction, host);
        await transaction.run(
          `INSERT INTO lowtide.views AS old (instance, format, summary, schedules) VALUES (?, ?, ?, ?)
           ON CONFLICT (instance) DO UPDATE
             SET format = excluded.format, summary = excluded.summary, schedules = excluded.schedules
             WHERE (old.format, old.summary, old.schedules)
               IS DISTINCT FROM (excluded.format, excluded.summary, excluded.schedules)`,
          instanceOf(host),
          format,
          JSON.stringify(summary),
          JSON.stringify(schedules),
        );
      },
      { idempotent: true },
    );
  }

  async summaries(): Promise<ReadonlyMap<string, HostSummary>> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all('SELECT instance, summary FROM lowtide.views WHERE format <= ?', format),
    );
    return new Map(
      rows.map((row) => [String(row['instance']), JSON.parse(String(row['summary'])) as HostSummary]),
    );
  }

  async schedules(instance?: string): Promise<ReadonlyMap<string, Published>> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all(
        'SELECT instance, format, schedules FROM lowtide.views WHERE instance = coalesce(?, instance)',
        instance ?? null,
      ),
    );
    return new Map(
      rows.map((row): [string, Published] => [
        String(row['instance']),
        Number(row['format']) > format
          ? 'newer'
          : (JSON.parse(String(row['schedules'])) as readonly unknown[]),
      ]),
    );
  }
}
