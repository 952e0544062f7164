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
import type { Row, StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { equals, listLimit, where } from './page.ts';
import { setRestored } from './proofs.ts';

/** One method, one transaction, as the catalog itself. */
export class SqliteDrillRecords implements DrillRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async start(drill: NewDrill): Promise<Drill> {
    return this.#database.write(() => start(this.#database, drill));
  }

  async finish(id: string, end: DrillEnd): Promise<Drill> {
    return this.#database.write(() => finish(this.#database, id, end));
  }

  async drill(id: string): Promise<Drill | undefined> {
    return this.#database.read(() => find(this.#database, id));
  }

  async list(filter: DrillFilter): Promise<readonly Drill[]> {
    return this.#database.read(() => list(this.#database, filter));
  }

  async latest(): Promise<Readonly<Record<string, LatestDrills>>> {
    return this.#database.read(() => latest(this.#database));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Drill[]> {
    const database = this.#database;
    return database.write(() =>
      orphans(database, mine).map((id) =>
        finish(database, id, {
          status: 'interrupted',
          finishedAt: at,
          checks: [],
          error: { code: 'interrupted', message: 'its process ended over it' },
          warnings: [],
        }),
      ),
    );
  }

  async withScratch(): Promise<readonly Drill[]> {
    const database = this.#database;
    return database.read(() =>
      database
        .all(`SELECT * FROM drills WHERE scratch_left = 1 AND status <> 'running' ORDER BY number`)
        .map(toDrill),
    );
  }

  async scratchRemoved(id: string): Promise<void> {
    this.#database.write(() => this.#database.run('UPDATE drills SET scratch_left = 0 WHERE id = ?', id));
  }
}

function start(database: StateDatabase, drill: NewDrill): Drill {
  const { id, schedule, backupId, trigger, startedAt, dataAgeSeconds, scratch } = drill;
  if (database.get('SELECT 1 FROM backups WHERE id = ?', backupId) === undefined) {
    throw new LowtideError('not_found', `there is no backup ${backupId}`);
  }
  const other = database
    .all(`SELECT id, owner FROM drills WHERE schedule = ? AND status = 'running'`, schedule)
    .find(({ owner }) => database.owner.isAlive(String(owner)));
  if (other !== undefined) {
    throw new LowtideError('run_active', `a drill of ${schedule} is going on: ${String(other['id'])}`, {
      hint: 'Wait for it to end, or cancel it.',
      retryable: true,
    });
  }
  database.run(
    `INSERT INTO drills (id, schedule, backup_id, started_by, status, owner, started_at, data_age_seconds, scratch)
     VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?)`,
    ...[id, schedule, backupId, trigger, database.owner.id, startedAt, dataAgeSeconds],
    JSON.stringify(scratch),
  );
  appendEvent(database, { name: 'drill:started', drillId: id, schedule, backupId }, startedAt);
  return existing(database, id);
}

function finish(database: StateDatabase, id: string, end: DrillEnd): Drill {
  const { status, schedule, backupId, dataAgeSeconds } = existing(database, id);
  if (status !== 'running') throw new LowtideError('run_ended', `drill ${id} has already ended: ${status}`);
  const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
  database.run(
    `UPDATE drills SET status = ?, finished_at = ?, restore_seconds = ?, store = ?, contents = ?, checks = ?,
       error = ?, warnings = ? WHERE id = ?`,
    ...[end.status, end.finishedAt, end.restoreSeconds ?? null, end.store ?? null, json(end.contents)],
    ...[json(end.checks), json(end.error), json(end.warnings), id],
  );
  if (end.status === 'passed') setRestored(database, backupId, end.finishedAt);
  const { restoreSeconds, errorType } = end;
  appendEvent(
    database,
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
  return existing(database, id);
}

function list(database: StateDatabase, { schedule, status, after, limit }: DrillFilter): Drill[] {
  const condition = where([
    equals('schedule', schedule),
    equals('status', status),
    after === undefined ? undefined : { sql: 'number < ?', values: [numberOf(database, after)] },
  ]);
  return database
    .all(
      `SELECT * FROM drills ${condition.sql} ORDER BY number DESC LIMIT ?`,
      ...condition.values,
      listLimit(limit),
    )
    .map(toDrill);
}

/** A few looks into an index for each schedule. Without a prototype: one may be called `constructor`. */
function latest(database: StateDatabase): Record<string, LatestDrills> {
  const found = Object.create(null) as Record<string, LatestDrills>;
  for (const { schedule: name } of database.all('SELECT DISTINCT schedule FROM drills ORDER BY schedule')) {
    const schedule = String(name);
    const row = database.get(
      `SELECT * FROM drills WHERE schedule = ? AND status IN ('passed', 'failed') ORDER BY number DESC LIMIT 1`,
      schedule,
    );
    if (row === undefined) continue;
    const [passed] = list(database, { schedule, status: 'passed', limit: 1 });
    found[schedule] = { last: toDrill(row), ...(passed !== undefined && { passed }) };
  }
  return found;
}

function orphans(database: StateDatabase, mine: ReadonlySet<string>): string[] {
  return database
    .all(`SELECT id, owner FROM drills WHERE status = 'running' ORDER BY number`)
    .filter(({ id, owner }) =>
      owner === database.owner.id ? !mine.has(String(id)) : !database.owner.isAlive(String(owner)),
    )
    .map(({ id }) => String(id));
}

function find(database: StateDatabase, id: string): Drill | undefined {
  const row = database.get('SELECT * FROM drills WHERE id = ?', id);
  return row && toDrill(row);
}

function existing(database: StateDatabase, id: string): Drill {
  const drill = find(database, id);
  if (drill === undefined) throw new LowtideError('not_found', `there is no drill ${id}`);
  return drill;
}

function numberOf(database: StateDatabase, id: string): number {
  const row = database.get('SELECT number FROM drills WHERE id = ?', id);
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
