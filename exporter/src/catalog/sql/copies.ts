import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { VerificationResult } from '../catalog.ts';
import type { Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { setVerified } from './proofs.ts';
import { shareSealing } from './sealings.ts';

/** A copy that was never written, or was pruned meanwhile, does not come to life by a late verdict. */
export async function recordVerification(
  tx: Transaction,
  backupId: string,
  store: string,
  result: VerificationResult,
): Promise<void> {
  await refuseMissing(tx, backupId, store);
  await tx.run(
    `UPDATE copies
     SET verified_at = ?1, verification = ?2, status = CASE WHEN ?2 = 'passed' THEN 'good' ELSE 'damaged' END, error = ?3
     WHERE backup_id = ?4 AND store = ?5 AND status IN ('good', 'damaged')`,
    result.at,
    result.status,
    result.status === 'passed' ? null : (result.error ?? null),
    backupId,
    store,
  );
  if (result.status === 'passed') await setVerified(tx, backupId, result.at);
  await appendEvent(tx, { name: 'backup:verified', backupId, status: result.status }, result.at);
}

export async function removeCopy(
  tx: Transaction,
  backupId: string,
  store: string,
  reason: string,
  at: EpochMs,
): Promise<void> {
  await refuseMissing(tx, backupId, store);
  await tx.run(
    `UPDATE copies SET status = 'pruned', error = NULL, pruned_at = ?, prune_reason = ?, manifest = NULL,
       key_id = NULL, next_manifest = NULL
     WHERE backup_id = ? AND store = ? AND status <> 'pruned'`,
    at,
    reason,
    backupId,
    store,
  );
  await shareSealing(tx, backupId);
  const emptied = await tx.run(
    `UPDATE backups SET status = 'pruned'
     WHERE id = ?1 AND status = 'completed'
       AND NOT EXISTS (SELECT 1 FROM copies WHERE backup_id = ?1 AND status IN ('good', 'damaged'))`,
    backupId,
  );
  if (emptied > 0) await appendEvent(tx, { name: 'backup:pruned', backupId, reason }, at);
}

async function refuseMissing(tx: Transaction, backupId: string, store: string): Promise<void> {
  const copy = await tx.get('SELECT 1 FROM copies WHERE backup_id = ? AND store = ?', backupId, store);
  if (copy === undefined) {
    throw new LowtideError('not_found', `there is no copy of backup ${backupId} in ${store}`);
  }
}
