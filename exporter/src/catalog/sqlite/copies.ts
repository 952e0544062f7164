import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { VerificationResult } from '../catalog.ts';
import type { StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { setVerified } from './proofs.ts';
import { shareSealing } from './sealings.ts';

/** A copy that was never written, or was pruned meanwhile, does not come to life by a late verdict. */
export function recordVerification(
  database: StateDatabase,
  backupId: string,
  store: string,
  result: VerificationResult,
): void {
  refuseMissing(database, backupId, store);
  database.run(
    `UPDATE copies
     SET verified_at = ?1, verification = ?2, status = iif(?2 = 'passed', 'good', 'damaged'), error = ?3
     WHERE backup_id = ?4 AND store = ?5 AND status IN ('good', 'damaged')`,
    result.at,
    result.status,
    result.status === 'passed' ? null : (result.error ?? null),
    backupId,
    store,
  );
  if (result.status === 'passed') setVerified(database, backupId, result.at);
  appendEvent(database, { name: 'backup:verified', backupId, status: result.status }, result.at);
}

export function removeCopy(
  database: StateDatabase,
  backupId: string,
  store: string,
  reason: string,
  at: EpochMs,
): void {
  refuseMissing(database, backupId, store);
  database.run(
    `UPDATE copies SET status = 'pruned', error = NULL, pruned_at = ?, prune_reason = ?, manifest = NULL,
       key_id = NULL, next_manifest = NULL
     WHERE backup_id = ? AND store = ? AND status <> 'pruned'`,
    at,
    reason,
    backupId,
    store,
  );
  shareSealing(database, backupId);
  const emptied = database.run(
    `UPDATE backups SET status = 'pruned'
     WHERE id = ?1 AND status = 'completed'
       AND NOT EXISTS (SELECT 1 FROM copies WHERE backup_id = ?1 AND status IN ('good', 'damaged'))`,
    backupId,
  );
  if (emptied > 0) appendEvent(database, { name: 'backup:pruned', backupId, reason }, at);
}

function refuseMissing(database: StateDatabase, backupId: string, store: string): void {
  const copy = database.get('SELECT 1 FROM copies WHERE backup_id = ? AND store = ?', backupId, store);
  if (copy === undefined) {
    throw new LowtideError('not_found', `there is no copy of backup ${backupId} in ${store}`);
  }
}
