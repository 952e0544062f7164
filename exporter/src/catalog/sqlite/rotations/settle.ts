import type { Manifest } from '../../../store/manifest.ts';
import type { EpochMs } from '../../../units/instant.ts';
import type { CopyChange, CopyOutcome, RotationBackupEnd } from '../../rotations.ts';
import type { StateDatabase } from '../database.ts';
import { appendEvent } from '../events.ts';
import { setSealing } from '../sealings.ts';
import { existingRotation, numberOf } from './read.ts';

/** What is about to be made of copies, and what became of them. Each is inside a transaction. */

export function beginChanges(database: StateDatabase, changes: readonly CopyChange[]): readonly boolean[] {
  return changes.map(
    ({ backupId, store, manifest }) =>
      database.run(
        `UPDATE copies SET next_manifest = ?
         WHERE backup_id = ? AND store = ? AND status IN ('good', 'damaged') AND healing IS NULL`,
        JSON.stringify(manifest),
        backupId,
        store,
      ) > 0,
  );
}

export function settleBackups(
  database: StateDatabase,
  id: string,
  ends: readonly RotationBackupEnd[],
  at: EpochMs,
): void {
  const { mode } = existingRotation(database, id);
  const rotation = numberOf(database, id);
  for (const { backupId, status, reason, copies } of ends) {
    for (const { store, outcome } of copies) settleCopy(database, backupId, store, outcome);
    database.run(
      'UPDATE rotation_backups SET status = ?, reason = ? WHERE rotation = ? AND backup_id = ?',
      status,
      reason ?? null,
      rotation,
      backupId,
    );
  }
  const count = (status: RotationBackupEnd['status']): number =>
    ends.filter((end) => end.status === status).length;
  appendEvent(
    database,
    {
      name: 'rotation:backups',
      rotationId: id,
      mode,
      done: count('done'),
      skipped: count('skipped'),
      failed: count('failed'),
      bytes: ends.reduce((sum, end) => sum + end.bytes, 0),
    },
    at,
  );
}

/** A copy that was pruned meanwhile stays so. */
export function settleCopy(
  database: StateDatabase,
  backupId: string,
  store: string,
  outcome: CopyOutcome,
): void {
  const row = database.get(
    `SELECT next_manifest FROM copies
     WHERE backup_id = ? AND store = ? AND status IN ('good', 'damaged') AND next_manifest IS NOT NULL`,
    backupId,
    store,
  );
  database.run('UPDATE copies SET next_manifest = NULL WHERE backup_id = ? AND store = ?', backupId, store);
  if (row === undefined || outcome === 'kept') return;
  setSealing(database, backupId, store, JSON.parse(String(row['next_manifest'])) as Manifest);
}

export function unsettledCopies(database: StateDatabase): readonly CopyChange[] {
  return database
    .all('SELECT backup_id, store, next_manifest FROM copies WHERE next_manifest IS NOT NULL ORDER BY number')
    .map((row) => ({
      backupId: String(row['backup_id']),
      store: String(row['store']),
      manifest: JSON.parse(String(row['next_manifest'])) as Manifest,
    }));
}
