import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type {
  Drill,
  DrillCheck,
  DrillContents,
  DrillEnd,
  DrillFilter,
  DrillRecords,
  DrillScratch,
  LatestDrills,
  NewDrill,
} from '../drills.ts';
import type { Row, StateDatabase, Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { orphansAmong } from './owners.ts';
import { begunOrder, equals, listLimit, where } from './page.ts';
import { setRestored } from './proofs.ts';

/** One method, one transaction, as the catalog itself. */
export class SqlDrillRecords implements DrillRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async start(drill: NewDrill): Promise<Drill> {
    return await this.#database.write((tx) => start(tx, drill));
  }

  async finish(id: string, end: DrillEnd): Promise<Drill> {
    return await this.#database.write((tx) => finish(tx, id, end));
  }

  async drill(id: string): Promise<Drill | undefined> {
    return await this.#database.read((tx) => find(tx, id));
  }

  async list(filter: DrillFilter): Promise<readonly Drill[]> {
    return await this.#database.read((tx) => list(tx, filter));
  }

  async latest(): Promise<Readonly<Record<string, LatestDrills>>> {
    return await this.#database.read((tx) => latest(tx));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Drill[]> {
    return await this.#database.write(async (tx) => {
      const running = await tx.all(`SELECT id, owner FROM drills WHERE status = 'running' ORDER BY number`);
      const interrupted: Drill[] = [];
      for (const { id } of await orphansAmong(tx, running, (row) => mine.has(String(row['id'])))) {
        interrupted.push(
          await finish(tx, String(id), {
            status: 'interrupted',
            finishedAt: at,
            checks: [],
            error: { code: 'interrupted', message: 'its process ended over it' },
            warnings: [],
          }),
        );
      }
      return interrupted;
    });
  }

  async withScratch(): Promise<readonly Drill[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(`SELECT * FROM drills WHERE scratch_left = 1 AND status <> 'running' ORDER BY number`)
      ).map(toDrill),
    );
  }

  async scratchRemoved(id: string): Promise<void> {
    await this.#database.write((tx) => tx.run('UPDATE drills SET scratch_left = 0 WHERE id = ?', id));
  }
}

async function start(tx: Transaction, drill: NewDrill): Promise<Drill> {
  const { id, schedule, backupId, trigger, startedAt, dataAgeSeconds, scratch } = drill;
  if ((await tx.get('SELECT 1 FROM backups WHERE id = ?', backupId)) === undefined) {
    throw new LowtideError('not_found', `there is no backup ${backupId}`);
  }
  const running = await tx.all(
    `SELECT id, owner FROM drills WHERE schedule = ? AND status = 'running'`,
    schedule,
  );
  for (const other of running) {
    if (!(await tx.owner.isAlive(String(other['owner'])))) continue;
    throw new LowtideError('run_active', `a drill of ${schedule} is going on: ${String(other['id'])}`, {
      hint: 'Wait for it to end, or cancel it.',
      retryable: true,
    });
  }
  await tx.run(
    `INSERT INTO drills (id, schedule, backup_id, started_by, status, owner, started_at, data_age_seconds, scratch)
     VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?)`,
    ...[id, schedule, backupId, trigger, tx.owner.id, startedAt, dataAgeSeconds],
    JSON.stringify(scratch),
  );
  await appendEvent(tx, { name: 'drill:started', drillId: id, schedule, backupId }, startedAt);
  return await existing(tx, id);
}

async function finish(tx: Transaction, id: string, end: DrillEnd): Promise<Drill> {
  const { status, schedule, backupId, dataAgeSeconds } = await existing(tx, id);
  if (status !== 'running') throw new LowtideError('run_ended', `drill ${id} has already ended: ${status}`);
  const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
  await tx.run(
    `UPDATE drills SET status = ?, finished_at = ?, restore_seconds = ?, store = ?, contents = ?, checks = ?,
       error = ?, warnings = ? WHERE id = ?`,
    ...[end.status, end.finishedAt, end.restoreSeconds ?? null, end.store ?? null, json(end.contents)],
    ...[json(end.checks), json(end.error), json(end.warnings), id],
  );
  if (end.status === 'passed') await setRestored(tx, backupId, end.finishedAt);
  const { restoreSeconds, errorType } = end;
  await appendEvent(
    tx,
    {
      name: 'drill:finished',
      drillId: id,
      schedule,
      backupId,
      status: end.status,
      dataAgeSeconds,
      ...(restoreSeconds !== undefined && { restoreSeconds }),
      ...(errorType !== undefined && { errorType }),
    },
    end.finishedAt,
  );
  return await existing(tx, id);
}

async function list(
  tx: Transaction,
  { schedule, status, after, behind, limit }: DrillFilter,
): Promise<Drill[]> {
  const order = begunOrder(after === undefined ? undefined : await numberOf(tx, after), behind);
  const condition = where([equals('schedule', schedule), equals('status', status), order.condition]);
  return (
    await tx.all(
      `SELECT * FROM drills ${condition.sql} ORDER BY ${order.by} LIMIT ?`,
      ...condition.values,
      listLimit(limit),
    )
  ).map(toDrill);
}

/** A few looks into an index for each schedule. Without a prototype: one may be called `constructor`. */
async function latest(tx: Transaction): Promise<Record<string, LatestDrills>> {
  const found = Object.create(null) as Record<string, LatestDrills>;
  for (const { schedule: name } of await tx.all('SELECT DISTINCT schedule FROM drills ORDER BY schedule')) {
    const schedule = String(name);
    const row = await tx.get(
      `SELECT * FROM drills WHERE schedule = ? AND status IN ('passed', 'failed') ORDER BY number DESC LIMIT 1`,
      schedule,
    );
    if (row === undefined) continue;
    const [passed] = await list(tx, { schedule, status: 'passed', limit: 1 });
    found[schedule] = { last: toDrill(row), ...(passed !== undefined && { passed }) };
  }
  return found;
}

async function find(tx: Transaction, id: string): Promise<Drill | undefined> {
  const row = await tx.get('SELECT * FROM drills WHERE id = ?', id);
  return row && toDrill(row);
}

async function existing(tx: Transaction, id: string): Promise<Drill> {
  const drill = await find(tx, id);
  if (drill === undefined) throw new LowtideError('not_found', `there is no drill ${id}`);
  return drill;
}

async function numberOf(tx: Transaction, id: string): Promise<number> {
  const row = await tx.get('SELECT number FROM drills WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no drill ${id}`);
  return Number(row['number']);
}

interface DrillRow {
  readonly id: string;
  readonly schedule: string;
  readonly backup_id: string;
  readonly started_by: Drill['trigger'];
  readonly status: Drill['status'];
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly data_age_seconds: number;
  readonly scratch: string;
  readonly restore_seconds: number | null;
  readonly store: string | null;
  readonly contents: string | null;
  readonly checks: string;
  readonly error: string | null;
  readonly warnings: string;
}

function toDrill(row: Row): Drill {
  const drill = row as unknown as DrillRow;
  return {
    id: drill.id,
    schedule: drill.schedule,
    backupId: drill.backup_id,
    trigger: drill.started_by,
    status: drill.status,
    startedAt: drill.started_at,
    dataAgeSeconds: drill.data_age_seconds,
    scratch: JSON.parse(drill.scratch) as DrillScratch,
    ...(drill.finished_at !== null && { finishedAt: drill.finished_at }),
    ...(drill.restore_seconds !== null && { restoreSeconds: drill.restore_seconds }),
    ...(drill.store !== null && { store: drill.store }),
    ...(drill.contents !== null && { contents: JSON.parse(drill.contents) as DrillContents }),
    checks: JSON.parse(drill.checks) as DrillCheck[],
    ...(drill.error !== null && { error: JSON.parse(drill.error) as NonNullable<Drill['error']> }),
    warnings: JSON.parse(drill.warnings) as string[],
  };
}
