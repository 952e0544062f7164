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
import type { Row, StateDatabase } from './database.ts';

/** One method, one transaction, as the catalog itself. */
export class SqliteBackgroundRecords implements BackgroundRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async start(run: NewBackgroundRun): Promise<BackgroundRun> {
    const database = this.#database;
    return database.write(() => {
      if (database.get('SELECT 1 FROM backups WHERE id = ?', run.backupId) === undefined) {
        throw new LowtideError('not_found', `there is no backup ${run.backupId}`);
      }
      database.run(
        `INSERT INTO background_runs (id, kind, backup_id, target, status, owner, started_at)
         VALUES (?, ?, ?, ?, 'running', ?, ?)`,
        run.id,
        run.kind,
        run.backupId,
        run.target ?? null,
        database.owner.id,
        run.startedAt,
      );
      return existing(database, run.id);
    });
  }

  async finish(id: string, end: BackgroundEnd): Promise<BackgroundRun> {
    return this.#database.write(() => finish(this.#database, id, end));
  }

  async run(id: string): Promise<BackgroundRun | undefined> {
    return this.#database.read(() => find(this.#database, id));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly BackgroundRun[]> {
    const database = this.#database;
    const isOrphan = ({ id, owner }: Row): boolean =>
      owner === database.owner.id ? !mine.has(String(id)) : !database.owner.isAlive(String(owner));
    return database.write(() =>
      database
        .all(`SELECT id, owner FROM background_runs WHERE status = 'running' ORDER BY number`)
        .filter(isOrphan)
        .map(({ id }) =>
          finish(database, String(id), {
            status: 'interrupted',
            finishedAt: at,
            error: { code: 'interrupted', message: 'its process ended over it' },
            warnings: [],
          }),
        ),
    );
  }
}

function finish(database: StateDatabase, id: string, end: BackgroundEnd): BackgroundRun {
  const { status } = existing(database, id);
  if (status !== 'running') throw new LowtideError('run_ended', `run ${id} has already ended: ${status}`);
  database.run(
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
  return existing(database, id);
}

function find(database: StateDatabase, id: string): BackgroundRun | undefined {
  const row = database.get('SELECT * FROM background_runs WHERE id = ?', id);
  return row && toRun(row);
}

function existing(database: StateDatabase, id: string): BackgroundRun {
  const run = find(database, id);
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
