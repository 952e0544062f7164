import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type {
  BackgroundEnd,
  BackgroundError,
  BackgroundRecords,
  BackgroundRun,
  NewBackgroundRun,
  VerifiedCopy,
} from '../background.ts';
import type { Row, StateDatabase, Transaction } from './transaction.ts';
import { orphansAmong } from './owners.ts';

/** One method, one transaction, as the catalog itself. */
export class SqlBackgroundRecords implements BackgroundRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async start(run: NewBackgroundRun): Promise<BackgroundRun> {
    return await this.#database.write(async (tx) => {
      if ((await tx.get('SELECT 1 FROM backups WHERE id = ?', run.backupId)) === undefined) {
        throw new LowtideError('not_found', `there is no backup ${run.backupId}`);
      }
      await tx.run(
        `INSERT INTO background_runs (id, kind, backup_id, target, status, owner, started_at)
         VALUES (?, ?, ?, ?, 'running', ?, ?)`,
        run.id,
        run.kind,
        run.backupId,
        run.target ?? null,
        tx.owner.id,
        run.startedAt,
      );
      return await existing(tx, run.id);
    });
  }

  async finish(id: string, end: BackgroundEnd): Promise<BackgroundRun> {
    return await this.#database.write((tx) => finish(tx, id, end));
  }

  async run(id: string): Promise<BackgroundRun | undefined> {
    return await this.#database.read((tx) => find(tx, id));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly BackgroundRun[]> {
    return await this.#database.write(async (tx) => {
      const running = await tx.all(
        `SELECT id, owner FROM background_runs WHERE status = 'running' ORDER BY number`,
      );
      const interrupted: BackgroundRun[] = [];
      for (const { id } of await orphansAmong(tx, running, (row) => mine.has(String(row['id'])))) {
        interrupted.push(
          await finish(tx, String(id), {
            status: 'interrupted',
            finishedAt: at,
            error: { code: 'interrupted', message: 'its process ended over it' },
            warnings: [],
          }),
        );
      }
      return interrupted;
    });
  }
}

async function finish(tx: Transaction, id: string, end: BackgroundEnd): Promise<BackgroundRun> {
  const { status } = await existing(tx, id);
  if (status !== 'running') throw new LowtideError('run_ended', `run ${id} has already ended: ${status}`);
  await tx.run(
    `UPDATE background_runs
     SET status = ?, finished_at = ?, copies = ?, store = ?, error = ?, warnings = ? WHERE id = ?`,
    end.status,
    end.finishedAt,
    end.copies === undefined ? null : JSON.stringify(end.copies),
    end.store ?? null,
    end.error === undefined ? null : JSON.stringify(end.error),
    JSON.stringify(end.warnings),
    id,
  );
  return await existing(tx, id);
}

async function find(tx: Transaction, id: string): Promise<BackgroundRun | undefined> {
  const row = await tx.get('SELECT * FROM background_runs WHERE id = ?', id);
  return row && toRun(row);
}

async function existing(tx: Transaction, id: string): Promise<BackgroundRun> {
  const run = await find(tx, id);
  if (run === undefined) throw new LowtideError('not_found', `there is no run ${id}`);
  return run;
}

interface BackgroundRow {
  readonly id: string;
  readonly kind: BackgroundRun['kind'];
  readonly backup_id: string;
  readonly target: string | null;
  readonly status: BackgroundRun['status'];
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly copies: string | null;
  readonly store: string | null;
  readonly error: string | null;
  readonly warnings: string;
}

function toRun(row: Row): BackgroundRun {
  const run = row as unknown as BackgroundRow;
  return {
    id: run.id,
    kind: run.kind,
    backupId: run.backup_id,
    ...(run.target !== null && { target: run.target }),
    status: run.status,
    startedAt: run.started_at,
    ...(run.finished_at !== null && { finishedAt: run.finished_at }),
    ...(run.copies !== null && { copies: JSON.parse(run.copies) as VerifiedCopy[] }),
    ...(run.store !== null && { store: run.store }),
    ...(run.error !== null && { error: JSON.parse(run.error) as BackgroundError }),
    warnings: JSON.parse(run.warnings) as string[],
  };
}
