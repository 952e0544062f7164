import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { ScheduleProof } from '../catalog.ts';
import type { Row, Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';

/** Whether what was stored can be brought back. The last time counts, not the latest: clocks step. */

export async function setVerified(tx: Transaction, backupId: string, at: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, verified_at) SELECT schedule, CAST(? AS BIGINT) FROM backups WHERE id = ?
     ON CONFLICT (id) DO UPDATE SET verified_at = excluded.verified_at`,
    at,
    backupId,
  );
}

export async function setRestored(tx: Transaction, backupId: string, at: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, restored_at) SELECT schedule, CAST(? AS BIGINT) FROM backups WHERE id = ?
     ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at`,
    at,
    backupId,
  );
}

export async function recordRestore(
  tx: Transaction,
  backupId: string,
  status: 'completed' | 'failed',
  at: EpochMs,
): Promise<void> {
  if ((await tx.get('SELECT 1 FROM backups WHERE id = ?', backupId)) === undefined) {
    throw new LowtideError('not_found', `there is no backup ${backupId}`);
  }
  if (status === 'completed') await setRestored(tx, backupId, at);
  await appendEvent(tx, { name: 'backup:restored', backupId, status }, at);
}

/** A few looks into an index for each schedule, however many backups it has. */
export async function scheduleProofs(tx: Transaction): Promise<ScheduleProof[]> {
  const ofSchedule = `FROM backups WHERE schedule = schedules.id AND status = 'completed'`;
  const rows = await tx.all(
    `SELECT schedules.id AS schedule, schedules.verified_at, schedules.restored_at,
       (SELECT min(created_at) ${ofSchedule}) AS since, newest.id, newest.good_copies
     FROM schedules JOIN backups AS newest
       ON newest.id = (SELECT id ${ofSchedule} ORDER BY created_at DESC, id DESC LIMIT 1)
     ORDER BY schedules.id`,
  );
  return rows.map(toProof);
}

function toProof(row: Row): ScheduleProof {
  const proof = row as unknown as ProofRow;
  return {
    schedule: proof.schedule,
    since: proof.since,
    newest: { id: proof.id, goodCopies: proof.good_copies },
    ...(proof.verified_at !== null && { verifiedAt: proof.verified_at }),
    ...(proof.restored_at !== null && { restoredAt: proof.restored_at }),
  };
}

interface ProofRow {
  readonly schedule: string;
  readonly since: number;
  readonly id: string;
  readonly good_copies: number;
  readonly verified_at: number | null;
  readonly restored_at: number | null;
}
