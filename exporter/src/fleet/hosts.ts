import { LowtideError } from '../errors/lowtide-error.ts';
import type { Postgres, Transaction } from '../postgres/postgres.ts';
import type { HostDetails, KnownHost, Lease } from './fleet.ts';
import { openTasks, plannerLease, take } from './leases.ts';

/** To be there is a lease as any other: what is silent has lost it. */
function leaseOf(instance: string): string {
  return `host/${instance}`;
}

export function instanceOf({ name }: Lease): string {
  return name.slice('host/'.length);
}

export function enter(postgres: Postgres, host: HostDetails, home: string, ttlMs: number): Promise<Lease> {
  const { instance } = host;
  return postgres.write(
    async (transaction) => {
      const lease = await take(transaction, leaseOf(instance), home, ttlMs);
      if (lease === undefined) {
        const other = await transaction.get('SELECT details FROM lowtide.hosts WHERE instance = ?', instance);
        throw taken(instance, other?.['details']);
      }
      await put(transaction, host);
      await transaction.run(
        'UPDATE lowtide.hosts SET entered_at = clock_timestamp() WHERE instance = ?',
        instance,
      );
      // What the process before it had in use, or waited for, its end has left.
      await transaction.run('DELETE FROM lowtide.ways_taken WHERE instance = ?', instance);
      await transaction.run('DELETE FROM lowtide.ways_awaited WHERE instance = ?', instance);
      return lease;
    },
    { idempotent: true },
  );
}

/** Throws `instance_taken` while a process of another home works under the name. Looks, and enters nothing. */
export async function refuseTaken(postgres: Postgres, instance: string, home: string): Promise<void> {
  const other = await postgres.read(async (transaction) => {
    const tables = await transaction.get(`SELECT to_regclass('lowtide.leases') AS leases`);
    if ((tables?.['leases'] ?? null) === null) return undefined;
    return await transaction.get(
      `SELECT details FROM lowtide.leases LEFT JOIN lowtide.hosts ON instance = ?
       WHERE name = ? AND holder IS NOT NULL AND holder <> ? AND expires_at > clock_timestamp()`,
      instance,
      leaseOf(instance),
      home,
    );
  });
  if (other !== undefined) throw taken(instance, other['details']);
}

export async function announce(postgres: Postgres, host: HostDetails): Promise<void> {
  await postgres.write((transaction) => put(transaction, host), { idempotent: true });
}

async function put(transaction: Transaction, { instance, ...details }: HostDetails): Promise<void> {
  await transaction.run(
    `INSERT INTO lowtide.hosts (instance, details, entered_at) VALUES (?, ?, clock_timestamp())
     ON CONFLICT (instance) DO UPDATE SET details = excluded.details`,
    instance,
    JSON.stringify(details),
  );
}

/** Of what `lowtide.leases` has of a host. */
export const hostState = `CASE WHEN holder IS NULL THEN 'left' WHEN expires_at > clock_timestamp() THEN 'alive' ELSE 'silent' END`;

/** Undefined: no such host is known. */
export async function stateOf(
  transaction: Transaction,
  instance: string,
): Promise<KnownHost['state'] | undefined> {
  const row = await transaction.get(
    `SELECT ${hostState} AS state FROM lowtide.hosts JOIN lowtide.leases ON name = 'host/' || instance WHERE instance = ?`,
    instance,
  );
  return row?.['state'] as KnownHost['state'] | undefined;
}

export async function listHosts(postgres: Postgres): Promise<readonly KnownHost[]> {
  const rows = await postgres.read((transaction) =>
    transaction.all(
      `SELECT instance, details, floor(extract(epoch FROM clock_timestamp() - entered_at) * 1000)::bigint AS entered,
         floor(extract(epoch FROM clock_timestamp() - renewed_at) * 1000)::bigint AS heard,
         ${hostState} AS state,
         instance IS NOT DISTINCT FROM (
           SELECT holder FROM lowtide.leases WHERE name = '${plannerLease}' AND expires_at > clock_timestamp()) AS plans
       FROM lowtide.hosts JOIN lowtide.leases ON name = 'host/' || instance
       ORDER BY instance COLLATE "C"`,
    ),
  );
  return rows.map((row) => ({
    ...(JSON.parse(String(row['details'])) as Omit<HostDetails, 'instance'>),
    instance: String(row['instance']),
    state: row['state'] as KnownHost['state'],
    sinceEnteredMs: Number(row['entered']),
    sinceHeardMs: Number(row['heard']),
    isPlanner: row['plans'] === 1,
  }));
}

/** The lease itself stays: should the host come back, its token must be greater than before. */
export function forget(postgres: Postgres, instance: string): Promise<boolean> {
  return postgres.write(
    async (transaction) => {
      const gone = await transaction.run(
        `DELETE FROM lowtide.hosts WHERE instance = ? AND NOT EXISTS (
           SELECT 1 FROM lowtide.leases
           WHERE name = 'host/' || instance AND holder IS NOT NULL AND expires_at > clock_timestamp())`,
        instance,
      );
      if (gone === 0) return false;
      await transaction.run('DELETE FROM lowtide.plan_slots WHERE instance = ?', instance);
      await cancelTasks(transaction, instance);
      return true;
    },
    { idempotent: true },
  );
}

/** What it was still to do, nobody will. */
async function cancelTasks(transaction: Transaction, instance: string): Promise<void> {
  const error = { code: 'cancelled', message: 'the host was taken off the list of hosts' };
  await transaction.run(
    `UPDATE lowtide.campaign_tasks SET state = 'cancelled', report = ?, updated_at = clock_timestamp()
     WHERE instance = ? AND ${openTasks}`,
    JSON.stringify({ error }),
    instance,
  );
}

function taken(instance: string, details: unknown): LowtideError {
  const { address = 'unknown', machine }: Partial<HostDetails> =
    typeof details === 'string' ? (JSON.parse(details) as Partial<HostDetails>) : {};
  const where = machine === undefined ? '' : `on the machine ${machine}, `;
  return new LowtideError(
    'instance_taken',
    `another exporter works under the name ${instance} (${where}its address: ${address})`,
    {
      hint: 'Give each host an `instance` of its own, and run its commands where its `local` is; where the other one is gone, its name is free shortly.',
      retryable: true,
    },
  );
}
