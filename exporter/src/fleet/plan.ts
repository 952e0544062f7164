import type { Postgres } from '../postgres/postgres.ts';
import type { FleetPlan, FleetSlot, HostPlan, Lease, Leases } from './fleet.ts';

/**
 * The slots of a host are one row: twenty thousand slots of a thousand hosts are a thousand rows, of which a plan that is much
 * like the one before writes those that have changed.
 */
export class PostgresPlan implements FleetPlan {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  write(planner: Lease, slots: ReadonlyMap<string, readonly FleetSlot[]>): Promise<number> {
    const rows = JSON.stringify(
      Object.fromEntries([...slots].map(([instance, own]) => [instance, encode(own)])),
    );
    // Who asserts the same lease in two transactions at a time would have two plans: the row of the version lets one at a time.
    return this.#postgres.write(async (transaction) => {
      await this.#leases.assertHeld(transaction, planner);
      const row = await transaction.get(
        'UPDATE lowtide.plan SET version = version + 1, token = ?, made_at = clock_timestamp() RETURNING version',
        planner.token,
      );
      // A row that only conflicts is locked, which is written to the log as well: those that stay are left out before.
      await transaction.run(
        `INSERT INTO lowtide.plan_slots (instance, slots)
           SELECT key, value FROM json_each_text(?::json) LEFT JOIN lowtide.plan_slots AS old ON old.instance = key
           WHERE old.slots IS DISTINCT FROM value
         ON CONFLICT (instance) DO UPDATE SET slots = excluded.slots`,
        rows,
      );
      await transaction.run(
        'DELETE FROM lowtide.plan_slots WHERE instance NOT IN (SELECT json_object_keys(?::json))',
        rows,
      );
      return Number(row?.['version']);
    });
  }

  async read(instance: string): Promise<HostPlan> {
    const row = await this.#postgres.read((transaction) =>
      transaction.get(
        'SELECT version, (SELECT slots FROM lowtide.plan_slots WHERE instance = ?) AS slots FROM lowtide.plan',
        instance,
      ),
    );
    return { version: Number(row?.['version']), slots: decode(row?.['slots']) };
  }

  async readAll(): Promise<ReadonlyMap<string, readonly FleetSlot[]>> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all('SELECT instance, slots FROM lowtide.plan_slots ORDER BY instance'),
    );
    return new Map(rows.map((row) => [String(row['instance']), decode(row['slots'])]));
  }
}

type EncodedSlot = readonly [string, string, number, number, number];

/** Without the names of the fields, which would be most of it. A later version may add to the end. */
function encode(slots: readonly FleetSlot[]): string {
  return JSON.stringify(
    slots.map(({ owner, schedule, dueAt, start, end }): EncodedSlot => [owner, schedule, dueAt, start, end]),
  );
}

function decode(text: unknown): readonly FleetSlot[] {
  if (typeof text !== 'string') return [];
  return (JSON.parse(text) as readonly EncodedSlot[]).map(([owner, schedule, dueAt, start, end]) => ({
    owner,
    schedule,
    dueAt,
    start,
    end,
  }));
}
