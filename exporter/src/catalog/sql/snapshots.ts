import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { VerificationResult } from '../catalog.ts';
import type { SnapshotManifest } from '../../store/manifest.ts';
import type { PresentSnapshot, SnapshotRecords } from '../snapshots.ts';
import type { StateDatabase, Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { setVerified } from './proofs.ts';

export class SqlSnapshotRecords implements SnapshotRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async present(schedule: string): Promise<readonly PresentSnapshot[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT id, manifest, created_at, stored_bytes, snapshots.status
           FROM backups JOIN snapshots ON backup_id = id
           WHERE schedule = ? AND backups.status = 'completed' ORDER BY created_at DESC, id DESC`,
          schedule,
        )
      ).map((row) => ({
        backupId: String(row['id']),
        snapshot: (JSON.parse(String(row['manifest'])) as SnapshotManifest).snapshot.id,
        createdAt: Number(row['created_at']),
        isDamaged: row['status'] === 'damaged',
        addedBytes: Number(row['stored_bytes']),
      })),
    );
  }

  async recordCheck(backupId: string, { status, at, error }: VerificationResult): Promise<void> {
    await this.#database.write(async (tx) => {
      await refuseMissing(tx, backupId);
      await tx.run(
        `UPDATE snapshots SET verified_at = ?, status = ?, error = ?
         WHERE status <> 'pruned' AND backup_id IN (
           SELECT id FROM backups WHERE schedule = (SELECT schedule FROM backups WHERE id = ?))`,
        at,
        status === 'passed' ? 'good' : 'damaged',
        status === 'passed' ? null : (error ?? null),
        backupId,
      );
      if (status === 'passed') await setVerified(tx, backupId, at);
      await appendEvent(tx, { name: 'backup:verified', backupId, status }, at);
    });
  }

  async remove(backupId: string, reason: string, at: EpochMs): Promise<void> {
    await this.#database.write(async (tx) => {
      await refuseMissing(tx, backupId);
      const removed = await tx.run(
        `UPDATE snapshots SET status = 'pruned', error = NULL, pruned_at = ?, prune_reason = ?
         WHERE backup_id = ? AND status <> 'pruned'`,
        at,
        reason,
        backupId,
      );
      if (removed === 0) return;
      await tx.run(`UPDATE backups SET status = 'pruned' WHERE id = ?`, backupId);
      await appendEvent(tx, { name: 'backup:pruned', backupId, reason }, at);
    });
  }

  async reclaimedAt(schedule: string): Promise<EpochMs | undefined> {
    const row = await this.#database.read((tx) =>
      tx.get('SELECT reclaimed_at FROM schedules WHERE id = ?', schedule),
    );
    const at = row?.['reclaimed_at'];
    return typeof at === 'number' ? at : undefined;
  }

  async setReclaimed(schedule: string, at: EpochMs): Promise<void> {
    await this.#database.write((tx) =>
      tx.run(
        `INSERT INTO schedules (id, reclaimed_at) VALUES (?, ?)
         ON CONFLICT (id) DO UPDATE SET reclaimed_at = excluded.reclaimed_at`,
        schedule,
        at,
      ),
    );
  }
}

async function refuseMissing(tx: Transaction, backupId: string): Promise<void> {
  if ((await tx.get('SELECT 1 FROM snapshots WHERE backup_id = ?', backupId)) !== undefined) return;
  throw new LowtideError('not_found', `there is no snapshot on file for backup ${backupId}`);
}
