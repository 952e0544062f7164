import type { Postgres } from '../postgres/postgres.ts';
import type { FleetFacts, HostFacts, Lease, Leases, PublishedFacts } from './fleet.ts';
import { instanceOf } from './hosts.ts';
import { decodeSeries, encodeSeries } from './series.ts';

/** What a planner can read is no newer than itself: of a host that is, it knows nothing until it is the planner's turn to be newer. */
const format = 1;

export class PostgresFacts implements FleetFacts {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  async publish(host: Lease, facts: HostFacts): Promise<void> {
    const text = encode(facts);
    await this.#postgres.write(
      async (transaction) => {
        await this.#leases.assertHeld(transaction, host);
        await transaction.run(
          `INSERT INTO lowtide.facts AS old (instance, revision, format, facts) VALUES (?, 1, ?, ?)
           ON CONFLICT (instance) DO UPDATE
             SET revision = old.revision + 1, format = excluded.format, facts = excluded.facts
             WHERE old.facts <> excluded.facts`,
          instanceOf(host),
          format,
          text,
        );
      },
      { idempotent: true },
    );
  }

  async read(known: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, PublishedFacts>> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all(
        `SELECT instance, revision, facts FROM lowtide.facts
           LEFT JOIN json_each_text(?::json) AS known ON known.key = instance
         WHERE format <= ? AND (known.value IS NULL OR known.value::bigint <> revision)`,
        JSON.stringify(Object.fromEntries(known)),
        format,
      ),
    );
    return new Map(
      rows.map((row) => [
        String(row['instance']),
        { revision: Number(row['revision']), facts: decode(String(row['facts'])) },
      ]),
    );
  }
}

type Encoded = Omit<HostFacts, 'load'> & {
  readonly load: Omit<HostFacts['load'], 'cpu' | 'memory'> & {
    readonly cpu: string;
    readonly memory: string;
  };
};

function encode({ load, ...facts }: HostFacts): string {
  const encoded: Encoded = {
    ...facts,
    load: { ...load, cpu: encodeSeries(load.cpu), memory: encodeSeries(load.memory) },
  };
  return JSON.stringify(encoded);
}

function decode(text: string): HostFacts {
  const { load, ...facts } = JSON.parse(text) as Encoded;
  return { ...facts, load: { ...load, cpu: decodeSeries(load.cpu), memory: decodeSeries(load.memory) } };
}
