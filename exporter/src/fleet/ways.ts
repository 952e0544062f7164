import type { Postgres } from '../postgres/postgres.ts';
import type { FleetWays, Lease, Leases, WaysInUse } from './fleet.ts';
import { instanceOf } from './hosts.ts';

/** A row counts as long as its host is heard of, which a crash leaves behind; who enters anew clears them away. */
const inUseByOthers = `
  SELECT use FROM lowtide.ways_taken
    JOIN lowtide.leases ON name = 'host/' || instance
  WHERE holder IS NOT NULL AND expires_at > clock_timestamp() AND NOT (instance = ? AND run = ?)`;

export class PostgresWays implements FleetWays {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  take<Full>(
    host: Lease,
    run: string,
    use: WaysInUse,
    full: (others: readonly WaysInUse[]) => Full | undefined,
  ): Promise<Full | undefined> {
    const instance = instanceOf(host);
    return this.#postgres.write(
      async (transaction) => {
        for (const name of namesOf(use)) {
          await transaction.get(
            'SELECT pg_advisory_xact_lock(hashtextextended(?, 0))',
            `lowtide way ${name}`,
          );
        }
        await this.#leases.assertNotTaken(transaction, host);
        const rows = await transaction.all(inUseByOthers, instance, run);
        const why = full(rows.map((row) => JSON.parse(String(row['use'])) as WaysInUse));
        if (why !== undefined) return why;
        await transaction.run(
          `INSERT INTO lowtide.ways_taken (instance, token, run, use) VALUES (?, ?, ?, ?)
           ON CONFLICT (instance, run) DO UPDATE SET token = excluded.token, use = excluded.use`,
          ...[instance, host.token, run, JSON.stringify(use)],
        );
        return undefined;
      },
      // A crash of the server that loses it: for a moment, one run is not reckoned with.
      { idempotent: true, durable: false },
    );
  }

  async release(host: Lease, run: string): Promise<void> {
    await this.#postgres.write(
      (transaction) =>
        transaction.run(
          'DELETE FROM lowtide.ways_taken WHERE instance = ? AND run = ? AND token = ?',
          ...[instanceOf(host), run, host.token],
        ),
      { idempotent: true, durable: false },
    );
  }
}

/** All who lock several do so in the same order. */
function namesOf({ ways: { stores, network, server } }: WaysInUse): readonly string[] {
  return [
    ...stores.map((name) => `stores ${name}`),
    ...(network === undefined ? [] : [`networks ${network}`]),
    ...(server === undefined ? [] : [`servers ${server}`]),
  ].toSorted();
}
