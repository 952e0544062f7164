import type { Manifest } from '../../../store/manifest.ts';
import type { EpochMs } from '../../../units/instant.ts';
import type { CopyChange, CopyOutcome, RotationBackupEnd } from '../../rotations.ts';
import type { Transaction } from '../transaction.ts';
import { appendEvent } from '../events.ts';
import { setSealing } from '../sealings.ts';
import { existingRotation, numberOf } from './read.ts';

/** What is about to be made of copies, and what became of them. Each is inside a transaction. */

export async function beginChanges(
  tx: Transaction,
  changes: readonly CopyChange[],
): Promise<readonly boolean[]> {
  const begun: boolean[] = [];
  for (const { backupId, store, manifest } of changes) {
    const changed = await tx.run(
      `UPDATE copies SET next_manifest = ?
       WHERE backup_id = ? AND store = ? AND status IN ('good', 'damaged') AND healing IS NULL`,
      JSON.stringify(manifest),
      backupId,
      store,
    );
    begun.push(changed > 0);
  }
  return begun;
}

export async function settleBackups(
  tx: Transaction,
  id: string,
  ends: readonly RotationBackupEnd[],
  at: EpochMs,
): Promise<void> {
  const { mode } = await existingRotation(tx, id);
  const rotation = await numberOf(tx, id);
  for (const { backupId, status, reason, copies } of ends) {
    for (const { store, outcome } of copies) await settleCopy(tx, backupId, store, outcome);
    await tx.run(
      'UPDATE rotation_backups SET status = ?, reason = ? WHERE rotation = ? AND backup_id = ?',
      status,
      reason ?? null,
      rotation,
      backupId,
    );
  }
  const count = (status: RotationBackupEnd['status']): number =>
    ends.filter((end) => end.status === status).length;
  await appendEvent(
    tx,
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
export async function settleCopy(
  tx: Transaction,
  backupId: string,
  store: string,
  outcome: CopyOutcome,
): Promise<void> {
  const row = await tx.get(
    `SELECT next_manifest FROM copies
     WHERE backup_id = ? AND store = ? AND status IN ('good', 'damaged') AND next_manifest IS NOT NULL`,
    backupId,
    store,
  );
  await tx.run('UPDATE copies SET next_manifest = NULL WHERE backup_id = ? AND store = ?', backupId, store);
  if (row === undefined || outcome === 'kept') return;
  await setSealing(tx, backupId, store, JSON.parse(String(row['next_manifest'])) as Manifest);
}

export async function unsettledCopies(tx: Transaction): Promise<readonly CopyChange[]> {
  return (
    await tx.all(
      'SELECT backup_id, store, next_manifest FROM copies WHERE next_manifest IS NOT NULL ORDER BY number',
    )
  ).map((row) => ({
    backupId: String(row['backup_id']),
    store: String(row['store']),
    manifest: JSON.parse(String(row['next_manifest'])) as Manifest,
  }));
}
