import type {
  AbandonedCopy,
  CopyRecords,
  GoodCopy,
  HealedCopy,
  HealFailure,
  LackingCopy,
  RestorableBackup,
} from '../copies.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Row, StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { isSealedAs, setSealing } from './sealings.ts';

/** One method, one transaction, as the catalog itself. */
export class SqliteCopyRecords implements CopyRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async lacking(schedule: string, stores: readonly string[]): Promise<readonly LackingCopy[]> {
    const database = this.#database;
    return database.read(() =>
      database
        .all(
          `SELECT backups.id, backups.created_at, backups.stored_bytes, wanted.value AS store,
             coalesce(copies.status, 'missing') AS status, copies.pruned_at
           FROM backups CROSS JOIN json_each(?) AS wanted
             LEFT JOIN copies ON copies.backup_id = backups.id AND copies.store = wanted.value
           WHERE backups.schedule = ? AND backups.status = 'completed' AND backups.good_copies > 0
             AND backups.key_id <> ''
             AND copies.status IS NOT 'good'
           ORDER BY backups.created_at DESC, backups.id DESC, wanted.key`,
          JSON.stringify(stores),
          schedule,
        )
        .map(toLacking),
    );
  }

  async restorable(schedule: string): Promise<readonly RestorableBackup[]> {
    const database = this.#database;
    return database.read(() =>
      database
        .all(
          `SELECT id, created_at FROM backups
           WHERE schedule = ? AND status = 'completed' AND good_copies > 0 AND key_id <> ''`,
          schedule,
        )
        .map((row) => ({ backupId: String(row['id']), createdAt: Number(row['created_at']) })),
    );
  }

  async lost(schedule: string): Promise<readonly string[]> {
    const database = this.#database;
    return database.read(() =>
      database
        .all(
          `SELECT id FROM backups
           WHERE schedule = ? AND status = 'completed' AND good_copies = 0 AND key_id <> ''
           ORDER BY created_at DESC, id DESC`,
          schedule,
        )
        .map((row) => String(row['id'])),
    );
  }

  async good(schedule: string): Promise<readonly GoodCopy[]> {
    const database = this.#database;
    return database.read(() =>
      database
        .all(
          `SELECT backups.id, copies.store, backups.stored_bytes, copies.read_at,
             max(backups.created_at, coalesce(copies.read_at, 0), coalesce(copies.healed_at, 0),
               iif(copies.verification = 'passed', copies.verified_at, 0)) AS known_at
           FROM backups JOIN copies ON copies.backup_id = backups.id
           WHERE backups.schedule = ? AND backups.status = 'completed' AND copies.status = 'good'`,
          schedule,
        )
        .map(toGood),
    );
  }

  async recordRead(
    backupId: string,
    store: string,
    { at, bytes }: { readonly at: EpochMs; readonly bytes: number },
  ): Promise<void> {
    const database = this.#database;
    database.write(() => {
      database.run('UPDATE copies SET read_at = ? WHERE backup_id = ? AND store = ?', at, backupId, store);
      appendEvent(database, { name: 'backup:read', backupId, store, bytes }, at);
    });
  }

  async claim(backupId: string, store: string, path: string): Promise<boolean> {
    const database = this.#database;
    return database.write(() => {
      const backup = database.get(`SELECT 1 FROM backups WHERE id = ? AND status = 'completed'`, backupId);
      if (backup === undefined) return false;
      database.run(
        `INSERT INTO copies (backup_id, store, path, status, error) VALUES (?, ?, ?, 'failed', ?)
         ON CONFLICT DO NOTHING`,
        backupId,
        store,
        path,
        beingMade,
      );
      const { healing } = find(database, backupId, store) ?? {};
      // One of this owner as well: what of it is not worked on is abandoned, and to be put in order first.
      if (typeof healing === 'string' && (healing === database.owner.id || database.owner.isAlive(healing))) {
        return false;
      }
      return (
        database.run(
          `UPDATE copies
           SET healing = ?1, path = iif(status = 'damaged', path, ?2),
             error = iif(status = 'pruned', ?3, error), status = iif(status = 'pruned', 'failed', status),
             pruned_at = NULL, prune_reason = NULL
           WHERE backup_id = ?4 AND store = ?5 AND status <> 'good' AND next_manifest IS NULL`,
          database.owner.id,
          path,
          beingMade,
          backupId,
          store,
        ) > 0
      );
    });
  }

  async healed(backupId: string, store: string, { from, manifest, at, bytes }: HealedCopy): Promise<boolean> {
    const database = this.#database;
    return database.write(() => {
      if (!isSealedAs(database, backupId, from, manifest)) return false;
      const filed = database.run(
        `UPDATE copies
         SET status = 'good', error = NULL, verified_at = NULL, verification = NULL, healing = NULL, healed_at = ?
         WHERE backup_id = ? AND store = ? AND healing = ? AND status IN ('failed', 'damaged')
           AND next_manifest IS NULL`,
        at,
        backupId,
        store,
        database.owner.id,
      );
      if (filed === 0) return false;
      setSealing(database, backupId, store, manifest);
      appendEvent(database, { name: 'backup:healed', backupId, store, status: 'completed', bytes }, at);
      return true;
    });
  }

  async release(backupId: string, store: string, failure?: HealFailure): Promise<void> {
    const database = this.#database;
    database.write(() => {
      database.run(
        `UPDATE copies SET healing = NULL, error = iif(status = 'failed', coalesce(?, error), error)
         WHERE backup_id = ? AND store = ?`,
        failure?.error ?? null,
        backupId,
        store,
      );
      if (failure === undefined) return;
      const { errorType, at } = failure;
      appendEvent(database, { name: 'backup:healed', backupId, store, status: 'failed', errorType }, at);
    });
  }

  /** Takes the write lock though it only reads: while locks of dead owners are removed they look alive. */
  async abandoned(mine: ReadonlySet<string>): Promise<readonly AbandonedCopy[]> {
    const database = this.#database;
    const isAbandoned = ({ backup_id: id, store, healing }: Row): boolean =>
      healing === database.owner.id
        ? !mine.has(`${String(id)} ${String(store)}`)
        : !database.owner.isAlive(String(healing));
    return database.write(() =>
      database
        .all('SELECT backup_id, store, healing FROM copies WHERE healing IS NOT NULL ORDER BY number')
        .filter(isAbandoned)
        .map((row) => ({ backupId: String(row['backup_id']), store: String(row['store']) })),
    );
  }
}

const beingMade = 'it is still to be made from another copy';

function find(database: StateDatabase, backupId: string, store: string): Row | undefined {
  return database.get('SELECT * FROM copies WHERE backup_id = ? AND store = ?', backupId, store);
}

function toGood(row: Row): GoodCopy {
  return {
    backupId: String(row['id']),
    store: String(row['store']),
    bytes: Number(row['stored_bytes']),
    knownAt: Number(row['known_at']),
    ...(row['read_at'] !== null && { readAt: Number(row['read_at']) }),
  };
}

function toLacking(row: Row): LackingCopy {
  return {
    backupId: String(row['id']),
    createdAt: Number(row['created_at']),
    storedBytes: Number(row['stored_bytes']),
    store: String(row['store']),
    status: row['status'] as LackingCopy['status'],
    ...(row['pruned_at'] !== null && { prunedAt: Number(row['pruned_at']) }),
  };
}
