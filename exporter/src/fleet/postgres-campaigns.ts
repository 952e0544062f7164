import { LowtideError } from '../errors/lowtide-error.ts';
import type { Postgres, Row, Transaction } from '../postgres/postgres.ts';
import type {
  Asking,
  Campaign,
  CampaignTask,
  FleetCampaigns,
  NewCampaign,
  OpenTask,
  TaskReport,
  TaskState,
} from './campaign.ts';
import type { KnownHost, Lease, Leases } from './fleet.ts';
import { hostState, instanceOf } from './hosts.ts';
import { openTasks } from './leases.ts';

const kept = "interval '90 days'";

export class PostgresCampaigns implements FleetCampaigns {
  readonly #postgres: Postgres;
  readonly #leases: Leases;

  constructor(postgres: Postgres, leases: Leases) {
    this.#postgres = postgres;
    this.#leases = leases;
  }

  async begin(id: string, campaign: NewCampaign, hosts?: readonly string[]): Promise<Campaign> {
    return await this.#postgres.write(
      async (transaction) => {
        await forgetOld(transaction);
        const isNew = await transaction.run(
          `INSERT INTO lowtide.campaigns (id, asked_at, campaign) VALUES (?, clock_timestamp(), ?)
           ON CONFLICT (id) DO NOTHING`,
          id,
          JSON.stringify(campaign),
        );
        if (isNew > 0) await addTasks(transaction, id, campaign.kind, hosts);
        const [begun] = await campaigns(transaction, 'WHERE id = ?', id);
        if (begun === undefined) throw new LowtideError('internal', 'a campaign was not kept');
        return begun;
      },
      { idempotent: true },
    );
  }

  async cancel(id: string, asking: Asking): Promise<Campaign | undefined> {
    return await this.#postgres.write(
      async (transaction) => {
        await transaction.run(
          `UPDATE lowtide.campaigns SET cancelled = ? WHERE id = ? AND cancelled IS NULL AND EXISTS (
             SELECT 1 FROM lowtide.campaign_tasks WHERE campaign_tasks.campaign = id AND ${openTasks})`,
          JSON.stringify(asking),
          id,
        );
        const [found] = await campaigns(transaction, 'WHERE id = ?', id);
        return found;
      },
      { idempotent: true },
    );
  }

  async find(id: string): Promise<Campaign | undefined> {
    const [found] = await this.#postgres.read((transaction) => campaigns(transaction, 'WHERE id = ?', id));
    return found;
  }

  async list(after: string | undefined, limit: number): Promise<readonly Campaign[]> {
    return await this.#postgres.read(async (transaction) => {
      const newest = 'ORDER BY asked_at DESC, id DESC LIMIT ?';
      if (after === undefined) return await campaigns(transaction, newest, limit);
      const place = 'SELECT asked_at, id FROM lowtide.campaigns WHERE id = ?';
      if ((await transaction.get(place, after)) === undefined) {
        throw new LowtideError('not_found', `there is no campaign ${after}`);
      }
      return await campaigns(transaction, `WHERE (asked_at, id) < (${place}) ${newest}`, after, limit);
    });
  }

  async open(instance: string): Promise<readonly OpenTask[]> {
    const rows = await this.#postgres.read((transaction) =>
      transaction.all(
        `SELECT campaign_tasks.campaign AS id, campaigns.campaign, cancelled, rotation_id, state, report
         FROM lowtide.campaign_tasks JOIN lowtide.campaigns ON id = campaign_tasks.campaign
         WHERE instance = ? AND ${openTasks} ORDER BY asked_at, id`,
        instance,
      ),
    );
    return rows.map((row) => ({
      ...(JSON.parse(String(row['campaign'])) as NewCampaign),
      campaign: String(row['id']),
      ...cancellationOf(row),
      ...rotationOf(row),
      ...reportOf(row),
    }));
  }

  async report(host: Lease, id: string, { state, ...report }: TaskReport): Promise<void> {
    await this.#postgres.write(
      async (transaction) => {
        await this.#leases.assertHeld(transaction, host);
        await transaction.run(
          `UPDATE lowtide.campaign_tasks SET state = ?, report = ?, updated_at = clock_timestamp()
           WHERE campaign = ? AND instance = ? AND ${openTasks}`,
          state,
          JSON.stringify(report),
          id,
          instanceOf(host),
        );
      },
      { idempotent: true },
    );
  }
}

async function forgetOld(transaction: Transaction): Promise<void> {
  await transaction.run(
    `DELETE FROM lowtide.campaigns WHERE asked_at < clock_timestamp() - ${kept} AND NOT EXISTS (
       SELECT 1 FROM lowtide.campaign_tasks WHERE campaign_tasks.campaign = id AND ${openTasks})`,
  );
}

async function addTasks(
  transaction: Transaction,
  id: string,
  kind: NewCampaign['kind'],
  hosts: readonly string[] | undefined,
): Promise<void> {
  const added = await transaction.all(
    `INSERT INTO lowtide.campaign_tasks (campaign, instance, rotation_id, state, report, updated_at)
     SELECT ?1, instance, CASE WHEN ?2 = 'rotation' THEN gen_random_uuid()::text END, 'waiting', '{}', clock_timestamp()
     FROM lowtide.hosts
     WHERE ?3::json IS NULL OR instance IN (SELECT json_array_elements_text(?3::json))
     RETURNING instance`,
    id,
    kind,
    hosts === undefined ? null : JSON.stringify(hosts),
  );
  const names = new Set(added.map((row) => row['instance']));
  const unknown = hosts?.find((name) => !names.has(name));
  if (unknown === undefined && names.size > 0) return;
  const message = unknown === undefined ? 'no host has entered yet' : `there is no host ${unknown}`;
  throw new LowtideError('not_found', message, { hint: 'GET hosts lists those that are known.' });
}

/** `which`: from WHERE on. */
async function campaigns(
  transaction: Transaction,
  which: string,
  ...values: readonly (string | number)[]
): Promise<readonly Campaign[]> {
  const rows = await transaction.all(
    `SELECT chosen.id, chosen.campaign, cancelled, ${milliseconds('asked_at')} AS asked, task.instance, rotation_id, state, report,
       ${milliseconds('updated_at')} AS updated, CASE WHEN hosts.instance IS NOT NULL THEN ${hostState} END AS host_state
     FROM (SELECT * FROM lowtide.campaigns ${which}) AS chosen
       JOIN lowtide.campaign_tasks AS task ON task.campaign = chosen.id
       LEFT JOIN lowtide.hosts ON hosts.instance = task.instance
       LEFT JOIN lowtide.leases ON leases.name = 'host/' || task.instance
     ORDER BY asked_at DESC, chosen.id DESC, task.instance COLLATE "C"`,
    ...values,
  );
  return [...Map.groupBy(rows, (row) => String(row['id']))].map(([id, tasks]) => ({
    ...(JSON.parse(String(tasks[0]?.['campaign'])) as NewCampaign),
    id,
    askedAt: Number(tasks[0]?.['asked']),
    ...(tasks[0] !== undefined && cancellationOf(tasks[0])),
    tasks: tasks.map(toTask),
  }));
}

function milliseconds(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::bigint`;
}

function toTask(row: Row): CampaignTask {
  const { host_state: found } = row;
  return {
    instance: String(row['instance']),
    ...(typeof found === 'string' && { hostState: found as KnownHost['state'] }),
    ...rotationOf(row),
    ...reportOf(row),
    updatedAt: Number(row['updated']),
  };
}

function cancellationOf({ cancelled }: Row): Pick<Campaign, 'cancelled'> {
  return typeof cancelled === 'string' ? { cancelled: JSON.parse(cancelled) as Asking } : {};
}

function rotationOf({ rotation_id: id }: Row): Pick<CampaignTask, 'rotationId'> {
  return typeof id === 'string' ? { rotationId: id } : {};
}

function reportOf(row: Row): TaskReport {
  return {
    state: String(row['state']) as TaskState,
    ...(JSON.parse(String(row['report'])) as Omit<TaskReport, 'state'>),
  };
}
