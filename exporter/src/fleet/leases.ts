import { LowtideError } from '../errors/lowtide-error.ts';
import type { Postgres, Transaction } from '../postgres/postgres.ts';
import type { Lease, Leases, Renewal } from './fleet.ts';

/** `clock_timestamp()` and not `now()`: a transaction may have waited for long before it comes to the lease. */
const ahead = "clock_timestamp() + ? * interval '1 millisecond'";

/** Of the one process that plans for all; its holder is the `instance` of the host. */
export const plannerLease = 'planner';

/** For how long a request waits for its host: who asked has gone on by then, and may have asked another. */
export const requestWaits = "interval '2 minutes'";

/** Of a campaign, those that are left to be done: the index of campaign_tasks has these. */
export const openTasks = "state IN ('waiting', 'running')";

export class PostgresLeases implements Leases {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#postgres.write((transaction) => take(transaction, name, holder, ttlMs), {
      idempotent: true,
    });
  }

  async renew(lease: Lease, ttlMs: number, isLateFine = false): Promise<Renewal> {
    const row = await this.#postgres.write(
      (transaction) =>
        transaction.get(
          `UPDATE lowtide.leases SET renewed_at = clock_timestamp(), expires_at = ${ahead}
           WHERE name = ? AND token = ? AND holder IS NOT NULL AND (expires_at > clock_timestamp() OR ?)
           RETURNING (SELECT version FROM lowtide.plan) AS plan,
             EXISTS (SELECT 1 FROM lowtide.leases
               WHERE name = '${plannerLease}' AND holder IS NOT NULL AND expires_at > clock_timestamp()) AS planned,
             EXISTS (
               SELECT 1 FROM lowtide.requests
               WHERE 'host/' || instance = name AND requests.token IS NULL
                 AND asked_at > clock_timestamp() - ${requestWaits}) AS asked,
             EXISTS (SELECT 1 FROM lowtide.hosts WHERE instance = substr(name, 6)) AS known,
             EXISTS (
               SELECT 1 FROM lowtide.campaign_tasks WHERE 'host/' || instance = name AND ${openTasks}) AS open,
             floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
          ttlMs,
          lease.name,
          lease.token,
          isLateFine ? 'true' : 'false',
        ),
      // A renewal that a crash of the server loses is as if it had come a moment earlier.
      { idempotent: true, durable: false },
    );
    if (row === undefined) throw lost(lease);
    return {
      planVersion: Number(row['plan']),
      databaseNow: Number(row['now']),
      isPlanned: row['planned'] === 1,
      hasRequests: row['asked'] === 1,
      isKnown: row['known'] === 1,
      hasTasks: row['open'] === 1,
    };
  }

  async release(lease: Lease): Promise<void> {
    await this.#postgres.write(
      (transaction) =>
        transaction.run(
          'UPDATE lowtide.leases SET holder = NULL WHERE name = ? AND token = ?',
          lease.name,
          lease.token,
        ),
      { idempotent: true },
    );
  }

  async assertHeld(transaction: Transaction, lease: Lease): Promise<void> {
    // The share of the row is what whoever wants to acquire the lease has to wait for.
    const held = await transaction.get(
      `SELECT 1 FROM lowtide.leases
       WHERE name = ? AND token = ? AND holder IS NOT NULL AND expires_at > clock_timestamp() FOR SHARE`,
      lease.name,
      lease.token,
    );
    if (held === undefined) throw lost(lease);
  }

  async assertNotTaken(transaction: Transaction, lease: Lease): Promise<void> {
    const ours = await transaction.get(
      'SELECT 1 FROM lowtide.leases WHERE name = ? AND token = ? FOR SHARE',
      lease.name,
      lease.token,
    );
    if (ours === undefined) throw lost(lease);
  }
}

/** Within a transaction; undefined where another holds it. */
export async function take(
  transaction: Transaction,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<Lease | undefined> {
  const row = await transaction.get(
    `INSERT INTO lowtide.leases AS held (name, token, holder, renewed_at, expires_at)
     VALUES (?1, 1, ?2, clock_timestamp(), clock_timestamp() + ?3 * interval '1 millisecond')
     ON CONFLICT (name) DO UPDATE
       SET token = held.token + 1, holder = excluded.holder, renewed_at = clock_timestamp(),
         expires_at = clock_timestamp() + ?3 * interval '1 millisecond'
       WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.expires_at <= clock_timestamp()
     RETURNING token`,
    name,
    holder,
    ttlMs,
  );
  return row === undefined ? undefined : { name, holder, token: Number(row['token']) };
}

function lost({ name }: Lease): LowtideError {
  return new LowtideError('lease_lost', `the lease ${name} is over, or another process has it`, {
    hint: 'This process was paused, or cut off from the database, for longer than its lease. Nothing was written.',
    retryable: false,
  });
}
