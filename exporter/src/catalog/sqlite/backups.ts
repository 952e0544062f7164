import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Manifest } from '../../store/manifest.ts';
import { fromRfc3339, type EpochMs } from '../../units/instant.ts';
import type { Backup, BackupFilter, FoundCopy, NewCopy } from '../catalog.ts';
import type { Row, StateDatabase } from './database.ts';
import { equals, listLimit, where } from './page.ts';
import { toBackup, toCopy } from './rows.ts';
import { storedBytesOf } from './sealings.ts';

/**
 * Files a backup, or brings back one already on file, whose copies may be sealed otherwise (a rewrap or re-encryption
 * changes key, header and payload, never the content; see sealings.ts). Throws `manifest_invalid` when the id is known for other content.
 */
export function fileBackup(database: StateDatabase, manifest: Manifest): void {
  const known = findBackup(database, manifest.id);
  if (known === undefined) {
    database.run(
      `INSERT INTO backups
         (id, schedule, type, status, created_at, size_bytes, stored_bytes, key_id, manifest)
       VALUES (?, ?, ?, 'completed', ?, ?, ?, ?, ?)`,
      manifest.id,
      manifest.schedule,
      manifest.type,
      fromRfc3339(manifest.createdAt),
      manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      storedBytesOf(manifest.parts),
      manifest.keyId,
      JSON.stringify(manifest),
    );
    return;
  }
  if (contentOf(known.manifest) !== contentOf(manifest)) {
    throw new LowtideError('manifest_invalid', `backup ${manifest.id} is on file with other content`, {
      hint: 'Two different backups bear the same id: one of the manifests was copied or edited.',
    });
  }
  database.run(`UPDATE backups SET status = 'completed' WHERE id = ?`, manifest.id);
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
export function fileCopy(database: StateDatabase, backupId: string, copy: NewCopy | FoundCopy): void {
  database.run(
    `INSERT INTO copies (backup_id, store, path, status, error) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (backup_id, store) DO UPDATE SET
       path = excluded.path,
       status = iif(verification = 'failed' AND excluded.status = 'good', 'damaged', excluded.status),
       error = iif(verification = 'failed' AND excluded.status = 'good', error, excluded.error),
       pruned_at = NULL,
       prune_reason = NULL`,
    backupId,
    copy.store,
    copy.path,
    copy.status,
    copy.error ?? null,
  );
}

export function findBackup(database: StateDatabase, id: string): Backup | undefined {
  const row = database.get('SELECT * FROM backups WHERE id = ?', id);
  return row && withCopies(database, row);
}

function withCopies(database: StateDatabase, row: Row): Backup {
  const copies = database.all('SELECT * FROM copies WHERE backup_id = ? ORDER BY number', row['id'] ?? null);
  return toBackup(row, copies.map(toCopy));
}

export function listBackups(database: StateDatabase, filter: BackupFilter): Backup[] {
  const after = filter.after === undefined ? undefined : timeOf(database, filter.after);
  const condition = where([
    equals('schedule', filter.schedule),
    equals('status', filter.status),
    after === undefined
      ? undefined
      : { sql: '(created_at, id) < (?, ?)', values: [after, filter.after ?? ''] },
  ]);
  return database
    .all(
      `SELECT * FROM backups ${condition.sql} ORDER BY created_at DESC, id DESC LIMIT ?`,
      ...condition.values,
      listLimit(filter.limit),
    )
    .map((row) => withCopies(database, row));
}

function timeOf(database: StateDatabase, id: string): EpochMs {
  const row = database.get('SELECT created_at FROM backups WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no backup ${id}`);
  return Number(row['created_at']);
}
