import type { Postgres } from '../postgres/postgres.ts';
import type { FleetWays, Lease, Leases, WaysInUse, WaysWish } from './fleet.ts';
import { instanceOf } from './hosts.ts';

/** Who waits asks every ten seconds; who does not any more was started elsewhere, skipped, or is held up by something else. */
const waitsFor = "interval '20 seconds'";

/** A row counts as long as its host is heard of, which a crash leaves behind; who enters anew clears them away. */
const isHeard = `EXISTS (
  SELECT 1 FROM lowtide.leases WHERE name = 'host/' || instance AND holder IS NOT NULL AND expires_at > clock_timestamp())`;

/** In use by others, or kept for who comes before. */
const beforeIt = `
  SELECT use FROM lowtide.ways_taken WHERE NOT (instance = ?1 AND run = ?2) AND ${isHeard}
  UNION ALL
  SELECT use FROM lowtide.ways_awaited
  WHERE NOT (instance = ?1 AND run = ?2) AND asked_at > clock_timestamp() - ${waitsFor} AND ${isHeard} AND (
    urgency > ?3 OR urgency = ?3 AND since < coalesce(
      (SELECT since FROM lowtide.ways_awaited WHERE instance = ?1 AND run = ?2), clock_timestamp()))`;

export class PostgresWays implements FleetWays {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  take<Full>(host: Lease, { run, use, urgency, full, awaited }: WaysWish<Full>): Promise<Full | undefined> {
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
        const rows = await transaction.all(beforeIt, instance, run, urgency);
        const why = full(rows.map((row) => JSON.parse(String(row['use'])) as WaysInUse));
        if (why === undefined) {
          await transaction.run(
            `WITH over AS (DELETE FROM lowtide.ways_awaited WHERE instance = ?1 AND run = ?2)
             INSERT INTO lowtide.ways_taken (instance, run, token, use) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (instance, run) DO UPDATE SET token = excluded.token, use = excluded.use`,
            ...[instance, run, host.token, JSON.stringify(use)],
          );
          return undefined;
        }
        // Together with what this host has given up waiting for.
        await transaction.run(
          `WITH over AS (
             DELETE FROM lowtide.ways_awaited
             WHERE instance = ?1 AND run <> ?2 AND asked_at < clock_timestamp() - interval '1 hour')
           INSERT INTO lowtide.ways_awaited (instance, run, use, urgency, since, asked_at)
           VALUES (?1, ?2, ?3, ?4, clock_timestamp(), clock_timestamp())
           ON CONFLICT (instance, run) DO UPDATE
             SET use = excluded.use, urgency = excluded.urgency, asked_at = excluded.asked_at`,
          ...[instance, run, JSON.stringify(awaited(why)), urgency],
        );
        return why;
      },
      // What a crash of the server loses of it, the host tells again.
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

  async taken(host: Lease): Promise<readonly string[]> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all(
        'SELECT run FROM lowtide.ways_taken WHERE instance = ? AND token = ?',
        ...[instanceOf(host), host.token],
      ),
    );
    return rows.map((row) => String(row['run']));
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
