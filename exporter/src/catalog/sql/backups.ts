import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Manifest, SnapshotManifest } from '../../store/manifest.ts';
import { fromRfc3339, type EpochMs } from '../../units/instant.ts';
import type { Backup, BackupFilter, FoundCopy, NewCopy, PrunedBackups } from '../catalog.ts';
import type { Row, Transaction } from './transaction.ts';
import { equals, listLimit, where, type Condition } from './page.ts';
import { toBackup, toCopy, toSnapshot } from './rows.ts';
import { storedBytesOf } from './sealings.ts';

/**
 * Files a backup, or brings back one already on file, whose copies may be sealed otherwise (a rewrap or re-encryption
 * changes key, header and payload, never the content; see sealings.ts). Throws `manifest_invalid` when the id is known for other content.
 */
export async function fileBackup(tx: Transaction, manifest: Manifest): Promise<void> {
  const known = await findBackup(tx, manifest.id);
  if (known === undefined) {
    await insertBackup(tx, manifest, {
      sizeBytes: manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      storedBytes: storedBytesOf(manifest.parts),
      keyId: manifest.keyId,
    });
    return;
  }
  if (!('parts' in known.manifest) || contentOf(known.manifest) !== contentOf(manifest)) {
    throw new LowtideError('manifest_invalid', `backup ${manifest.id} is on file with other content`, {
      hint: 'Two different backups bear the same id: one of the manifests was copied or edited.',
    });
  }
  await tx.run(`UPDATE backups SET status = 'completed' WHERE id = ?`, manifest.id);
}

/** Files a backup that another tool keeps. */
export async function fileSnapshot(tx: Transaction, manifest: SnapshotManifest): Promise<void> {
  const { sizeBytes, addedBytes } = manifest.snapshot;
  await insertBackup(tx, manifest, { sizeBytes, storedBytes: addedBytes, keyId: '' });
  await tx.run(`INSERT INTO snapshots (backup_id, status) VALUES (?, 'good')`, manifest.id);
}

async function insertBackup(
  tx: Transaction,
  manifest: Manifest | SnapshotManifest,
  { sizeBytes, storedBytes, keyId }: { sizeBytes: number; storedBytes: number; keyId: string },
): Promise<void> {
  await tx.run(
    `INSERT INTO backups
       (id, schedule, type, status, created_at, size_bytes, stored_bytes, key_id, manifest)
     VALUES (?, ?, ?, 'completed', ?, ?, ?, ?, ?)`,
    manifest.id,
    manifest.schedule,
    manifest.type,
    fromRfc3339(manifest.createdAt),
    sizeBytes,
    storedBytes,
    keyId,
    JSON.stringify(manifest),
  );
}

/** What no re-sealing changes. */
function contentOf(manifest: Manifest): string {
  return JSON.stringify([
    manifest.schedule,
    manifest.type,
    fromRfc3339(manifest.createdAt),
    manifest.parts.map((part) => [part.role, part.sizeBytes, part.compressedSha256]),
  ]);
}

/** Files where a copy lies and what it is worth; sizes alone do not acquit one that failed its last verification. */
export async function fileCopy(tx: Transaction, backupId: string, copy: NewCopy | FoundCopy): Promise<void> {
  await tx.run(
    `INSERT INTO copies (backup_id, store, path, status, error) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (backup_id, store) DO UPDATE SET
       path = excluded.path,
       status = CASE WHEN copies.verification = 'failed' AND excluded.status = 'good' THEN 'damaged' ELSE excluded.status END,
       error = CASE WHEN copies.verification = 'failed' AND excluded.status = 'good' THEN copies.error ELSE excluded.error END,
       pruned_at = NULL,
       prune_reason = NULL`,
    backupId,
    copy.store,
    copy.path,
    copy.status,
    copy.error ?? null,
  );
}

export async function findBackup(tx: Transaction, id: string): Promise<Backup | undefined> {
  const row = await tx.get('SELECT * FROM backups WHERE id = ?', id);
  return row && (await withCopies(tx, [row]))[0];
}

/** One statement for all of them: a list is read often, and a statement each would cost more than the rows. */
async function withCopies(tx: Transaction, rows: readonly Row[]): Promise<Backup[]> {
  const copies = await tx.all(
    `SELECT copies.* FROM json_each(CAST(? AS TEXT)) AS asked CROSS JOIN copies WHERE copies.backup_id = asked.value
     ORDER BY copies.number`,
    JSON.stringify(rows.map(({ id }) => id)),
  );
  const byBackup = Map.groupBy(copies, ({ backup_id: id }) => id);
  const snapshots = await snapshotsOf(tx, rows);
  return rows.map((row) => {
    const snapshot = snapshots.get(row['id']);
    return toBackup(
      row,
      (byBackup.get(row['id'] ?? null) ?? []).map(toCopy),
      snapshot && toSnapshot(snapshot),
    );
  });
}

/** Only what another tool keeps is sealed to no key: mostly there is nothing to ask. */
async function snapshotsOf(tx: Transaction, rows: readonly Row[]): Promise<ReadonlyMap<unknown, Row>> {
  const ids = rows.filter((row) => row['key_id'] === '').map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const found = await tx.all(
    'SELECT snapshots.* FROM json_each(CAST(? AS TEXT)) AS asked CROSS JOIN snapshots WHERE backup_id = asked.value',
    JSON.stringify(ids),
  );
  return new Map(found.map((row) => [row['backup_id'], row]));
}

export async function listBackups(tx: Transaction, filter: BackupFilter): Promise<Backup[]> {
  const place =
    filter.after === undefined ? filter.behind : { at: await timeOf(tx, filter.after), id: filter.after };
  const conditions = [
    equals('schedule', filter.schedule),
    equals('status', filter.status),
    place && { sql: '(created_at, id) < (?, ?)', values: [place.at, place.id] },
  ];
  const rows =
    filter.keyId === undefined
      ? await newestBackups(tx, conditions, filter.limit)
      : await newestOfKey(tx, filter.keyId, conditions, filter.limit);
  return await withCopies(tx, rows);
}

async function newestBackups(
  tx: Transaction,
  conditions: readonly (Condition | undefined)[],
  limit: number,
): Promise<readonly Row[]> {
  const { sql, values } = where(conditions);
  return await tx.all(
    `SELECT * FROM backups ${sql} ORDER BY created_at DESC, id DESC LIMIT ?`,
    ...values,
    listLimit(limit),
  );
}

/** Of those that the row says and of those of which only a copy is sealed so, each by its own index: an OR would take neither. */
async function newestOfKey(
  tx: Transaction,
  keyId: string,
  conditions: readonly (Condition | undefined)[],
  limit: number,
): Promise<readonly Row[]> {
  const otherwise = {
    sql: `id IN (SELECT backup_id FROM copies WHERE key_id = ? AND status IN ('good', 'damaged'))`,
    values: [keyId],
  };
  const found = [
    ...(await newestBackups(tx, [equals('key_id', keyId), ...conditions], limit)),
    ...(await newestBackups(tx, [otherwise, ...conditions], limit)),
  ];
  const newestFirst = found.toSorted(
    (a, b) =>
      Number(b['created_at']) - Number(a['created_at']) || (String(a['id']) < String(b['id']) ? 1 : -1),
  );
  return newestFirst.filter((row, index) => row['id'] !== newestFirst[index - 1]?.['id']).slice(0, limit);
}

export async function prunedOf(tx: Transaction, keyId: string): Promise<PrunedBackups> {
  const pruned = `FROM backups WHERE key_id = ? AND status = 'pruned'`;
  const sums = await tx.get(
    `SELECT count(*) AS backups, sum(stored_bytes) AS bytes, min(created_at) AS "from", max(created_at) AS until ${pruned}`,
    keyId,
  );
  const { from, until } = sums ?? {};
  const schedules = await tx.all(`SELECT DISTINCT schedule ${pruned} ORDER BY schedule`, keyId);
  return {
    backups: Number(sums?.['backups'] ?? 0),
    bytes: Number(sums?.['bytes'] ?? 0),
    ...(typeof from === 'number' && { from }),
    ...(typeof until === 'number' && { until }),
    schedules: schedules.map(({ schedule }) => String(schedule)),
  };
}

async function timeOf(tx: Transaction, id: string): Promise<EpochMs> {
  const row = await tx.get('SELECT created_at FROM backups WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no backup ${id}`);
  return Number(row['created_at']);
}
