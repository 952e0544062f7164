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
import type { Row, StateDatabase, Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { orphansAmong } from './owners.ts';
import { isSealedAs, setSealing } from './sealings.ts';

/** One method, one transaction, as the catalog itself. */
export class SqlCopyRecords implements CopyRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async lacking(schedule: string, stores: readonly string[]): Promise<readonly LackingCopy[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT backups.id, backups.created_at, backups.stored_bytes, wanted.value AS store,
             coalesce(copies.status, 'missing') AS status, copies.pruned_at
           FROM backups CROSS JOIN json_each(CAST(? AS TEXT)) AS wanted
             LEFT JOIN copies ON copies.backup_id = backups.id AND copies.store = wanted.value
           WHERE backups.schedule = ? AND backups.status = 'completed' AND backups.good_copies > 0
             AND backups.key_id <> ''
             AND copies.status IS DISTINCT FROM 'good'
           ORDER BY backups.created_at DESC, backups.id DESC, wanted.key`,
          JSON.stringify(stores),
          schedule,
        )
      ).map(toLacking),
    );
  }

  async restorable(schedule: string): Promise<readonly RestorableBackup[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT id, created_at FROM backups
           WHERE schedule = ? AND status = 'completed' AND good_copies > 0 AND key_id <> ''`,
          schedule,
        )
      ).map((row) => ({ backupId: String(row['id']), createdAt: Number(row['created_at']) })),
    );
  }

  async lost(schedule: string): Promise<readonly string[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT id FROM backups
           WHERE schedule = ? AND status = 'completed' AND good_copies = 0 AND key_id <> ''
           ORDER BY created_at DESC, id DESC`,
          schedule,
        )
      ).map((row) => String(row['id'])),
    );
  }

  async good(schedule: string): Promise<readonly GoodCopy[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT backups.id, backups.created_at, copies.store, backups.stored_bytes, copies.read_at, copies.healed_at,
             CASE WHEN copies.verification = 'passed' THEN copies.verified_at END AS passed_at
           FROM backups JOIN copies ON copies.backup_id = backups.id
           WHERE backups.schedule = ? AND backups.status = 'completed' AND copies.status = 'good'`,
          schedule,
        )
      ).map(toGood),
    );
  }

  async recordRead(
    backupId: string,
    store: string,
    { at, bytes }: { readonly at: EpochMs; readonly bytes: number },
  ): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.run('UPDATE copies SET read_at = ? WHERE backup_id = ? AND store = ?', at, backupId, store);
      await appendEvent(tx, { name: 'backup:read', backupId, store, bytes }, at);
    });
  }

  async claim(backupId: string, store: string, path: string): Promise<boolean> {
    return await this.#database.write(async (tx) => {
      const backup = await tx.get(`SELECT 1 FROM backups WHERE id = ? AND status = 'completed'`, backupId);
      if (backup === undefined) return false;
      await tx.run(
        `INSERT INTO copies (backup_id, store, path, status, error) VALUES (?, ?, ?, 'failed', ?)
         ON CONFLICT DO NOTHING`,
        backupId,
        store,
        path,
        beingMade,
      );
      const { healing } = (await find(tx, backupId, store)) ?? {};
      // One of this owner as well: what of it is not worked on is abandoned, and to be put in order first.
      if (typeof healing === 'string' && (healing === tx.owner.id || (await tx.owner.isAlive(healing)))) {
        return false;
      }
      return (
        (await tx.run(
          `UPDATE copies
           SET healing = ?1, path = CASE WHEN status = 'damaged' THEN path ELSE ?2 END,
             error = CASE WHEN status = 'pruned' THEN ?3 ELSE error END,
             status = CASE WHEN status = 'pruned' THEN 'failed' ELSE status END,
             pruned_at = NULL, prune_reason = NULL
           WHERE backup_id = ?4 AND store = ?5 AND status <> 'good' AND next_manifest IS NULL`,
          tx.owner.id,
          path,
          beingMade,
          backupId,
          store,
        )) > 0
      );
    });
  }

  async healed(backupId: string, store: string, { from, manifest, at, bytes }: HealedCopy): Promise<boolean> {
    return await this.#database.write(async (tx) => {
      if (!(await isSealedAs(tx, backupId, from, manifest))) return false;
      const filed = await tx.run(
        `UPDATE copies
         SET status = 'good', error = NULL, verified_at = NULL, verification = NULL, healing = NULL, healed_at = ?
         WHERE backup_id = ? AND store = ? AND healing = ? AND status IN ('failed', 'damaged')
           AND next_manifest IS NULL`,
        at,
        backupId,
        store,
        tx.owner.id,
      );
      if (filed === 0) return false;
      await setSealing(tx, backupId, store, manifest);
      await appendEvent(tx, { name: 'backup:healed', backupId, store, status: 'completed', bytes }, at);
      return true;
    });
  }

  async release(backupId: string, store: string, failure?: HealFailure): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.run(
        `UPDATE copies SET healing = NULL, error = CASE WHEN status = 'failed' THEN coalesce(?, error) ELSE error END
         WHERE backup_id = ? AND store = ?`,
        failure?.error ?? null,
        backupId,
        store,
      );
      if (failure === undefined) return;
      const { errorType, at } = failure;
      await appendEvent(tx, { name: 'backup:healed', backupId, store, status: 'failed', errorType }, at);
    });
  }

  /** Takes the write lock though it only reads: while locks of dead owners are removed they look alive. */
  async abandoned(mine: ReadonlySet<string>): Promise<readonly AbandonedCopy[]> {
    return await this.#database.write(async (tx) => {
      const claimed = await tx.all(
        'SELECT backup_id, store, healing AS owner FROM copies WHERE healing IS NOT NULL ORDER BY number',
      );
      const isMine = ({ backup_id: id, store }: Row): boolean => mine.has(`${String(id)} ${String(store)}`);
      const abandoned = await orphansAmong(tx, claimed, isMine);
      return abandoned.map((row) => ({ backupId: String(row['backup_id']), store: String(row['store']) }));
    });
  }
}

const beingMade = 'it is still to be made from another copy';

async function find(tx: Transaction, backupId: string, store: string): Promise<Row | undefined> {
  return await tx.get('SELECT * FROM copies WHERE backup_id = ? AND store = ?', backupId, store);
}

function toGood(row: Row): GoodCopy {
  return {
    backupId: String(row['id']),
    store: String(row['store']),
    bytes: Number(row['stored_bytes']),
    knownAt: Math.max(
      ...['created_at', 'read_at', 'healed_at', 'passed_at'].map((column) => Number(row[column] ?? 0)),
    ),
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
