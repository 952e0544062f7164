import { LowtideError } from '../errors/lowtide-error.ts';
import type { Postgres, Row } from '../postgres/postgres.ts';
import type {
  FleetRequests,
  Lease,
  Leases,
  NewRequest,
  Relayed,
  RelayedAnswer,
  WaitingRequest,
} from './fleet.ts';
import { instanceOf, stateOf } from './hosts.ts';
import { requestWaits } from './leases.ts';

/** As long as keys of requests are remembered. */
const kept = "interval '1 day'";

export class PostgresRequests implements FleetRequests {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  async ask(id: string, instance: string, request: NewRequest): Promise<Relayed> {
    return await this.#postgres.write(
      async (transaction) => {
        const state = await stateOf(transaction, instance);
        if (state === undefined) throw noHost(instance);
        if (state !== 'alive') throw silent(instance, state);
        await transaction.run(`DELETE FROM lowtide.requests WHERE asked_at < clock_timestamp() - ${kept}`);
        await transaction.run(
          `INSERT INTO lowtide.requests (id, instance, asked_at, request) VALUES (?, ?, clock_timestamp(), ?)
           ON CONFLICT (id) DO NOTHING`,
          id,
          instance,
          JSON.stringify(request),
        );
        const asked = await transaction.get(`${selection} WHERE requests.id = ?`, id);
        if (asked === undefined) throw new LowtideError('internal', 'a request was not kept');
        return toRelayed(asked);
      },
      { idempotent: true },
    );
  }

  async find(id: string): Promise<Relayed | undefined> {
    const row = await this.#postgres.read((transaction) =>
      transaction.get(`${selection} WHERE requests.id = ?`, id),
    );
    return row && toRelayed(row);
  }

  /** Not idempotent: what was taken by a transaction whose end nobody knows, is not taken again. */
  async take(host: Lease): Promise<readonly WaitingRequest[]> {
    const rows = await this.#postgres.write(async (transaction) => {
      await this.#leases.assertHeld(transaction, host);
      return await transaction.all(
        `WITH taken AS (
           UPDATE lowtide.requests SET token = ?
           WHERE instance = ? AND token IS NULL AND asked_at > clock_timestamp() - ${requestWaits}
           RETURNING id, request, asked_at)
         SELECT id, request FROM taken ORDER BY asked_at, id`,
        host.token,
        instanceOf(host),
      );
    });
    return rows.map((row) => ({
      id: String(row['id']),
      ...(JSON.parse(String(row['request'])) as NewRequest),
    }));
  }

  async answer(host: Lease, id: string, answer: RelayedAnswer): Promise<void> {
    await this.#postgres.write(
      (transaction) =>
        transaction.run(
          'UPDATE lowtide.requests SET answer = ? WHERE id = ? AND instance = ? AND token = ?',
          JSON.stringify(answer),
          id,
          instanceOf(host),
          host.token,
        ),
      { idempotent: true },
    );
  }
}

const selection = `
  SELECT requests.*, floor(extract(epoch FROM asked_at) * 1000)::bigint AS asked, CASE
    WHEN answer IS NOT NULL THEN 'answered'
    WHEN requests.token IS NULL AND asked_at > clock_timestamp() - ${requestWaits} THEN 'waiting'
    WHEN requests.token IS NULL THEN 'expired'
    WHEN leases.token = requests.token AND holder IS NOT NULL AND expires_at > clock_timestamp() THEN 'taken'
    ELSE 'unknown' END AS state
  FROM lowtide.requests LEFT JOIN lowtide.leases ON name = 'host/' || instance`;

function toRelayed(row: Row): Relayed {
  const { answer } = row;
  return {
    id: String(row['id']),
    instance: String(row['instance']),
    askedAt: Number(row['asked']),
    state: row['state'] as Relayed['state'],
    ...(JSON.parse(String(row['request'])) as NewRequest),
    ...(typeof answer === 'string' && { answer: JSON.parse(answer) as RelayedAnswer }),
  };
}

function noHost(instance: string): LowtideError {
  return new LowtideError('not_found', `there is no host ${instance}`, {
    hint: 'GET hosts lists those that are known.',
  });
}

function silent(instance: string, state: 'silent' | 'left'): LowtideError {
  const message =
    state === 'left'
      ? `${instance} was stopped, and does nothing now`
      : `nothing is heard of ${instance}: it may be dead, paused or cut off`;
  return new LowtideError('host_silent', message, {
    hint: 'Look at that host; once GET hosts has it as alive, ask again.',
    retryable: true,
  });
}
