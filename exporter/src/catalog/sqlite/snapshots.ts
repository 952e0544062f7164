import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { VerificationResult } from '../catalog.ts';
import type { PresentSnapshot, SnapshotRecords } from '../snapshots.ts';
import type { StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { setVerified } from './proofs.ts';

export class SqliteSnapshotRecords implements SnapshotRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async present(schedule: string): Promise<readonly PresentSnapshot[]> {
    return this.#database.read(() =>
      this.#database
        .all(
          `SELECT id, manifest ->> '$.snapshot.id' AS snapshot, created_at, stored_bytes, snapshots.status
           FROM backups JOIN snapshots ON backup_id = id
           WHERE schedule = ? AND backups.status = 'completed' ORDER BY created_at DESC, id DESC`,
          schedule,
        )
        .map((row) => ({
          backupId: String(row['id']),
          snapshot: String(row['snapshot']),
          createdAt: Number(row['created_at']),
          isDamaged: row['status'] === 'damaged',
          addedBytes: Number(row['stored_bytes']),
        })),
    );
  }

  async recordCheck(backupId: string, { status, at, error }: VerificationResult): Promise<void> {
    this.#database.write(() => {
      this.#refuseMissing(backupId);
      this.#database.run(
        `UPDATE snapshots SET verified_at = ?, status = ?, error = ?
         WHERE status <> 'pruned' AND backup_id IN (
           SELECT id FROM backups WHERE schedule = (SELECT schedule FROM backups WHERE id = ?))`,
        at,
        status === 'passed' ? 'good' : 'damaged',
        status === 'passed' ? null : (error ?? null),
        backupId,
      );
      if (status === 'passed') setVerified(this.#database, backupId, at);
      appendEvent(this.#database, { name: 'backup:verified', backupId, status }, at);
    });
  }

  async remove(backupId: string, reason: string, at: EpochMs): Promise<void> {
    this.#database.write(() => {
      this.#refuseMissing(backupId);
      const removed = this.#database.run(
        `UPDATE snapshots SET status = 'pruned', error = NULL, pruned_at = ?, prune_reason = ?
         WHERE backup_id = ? AND status <> 'pruned'`,
        at,
        reason,
        backupId,
      );
      if (removed === 0) return;
      this.#database.run(`UPDATE backups SET status = 'pruned' WHERE id = ?`, backupId);
      appendEvent(this.#database, { name: 'backup:pruned', backupId, reason }, at);
    });
  }

  async reclaimedAt(schedule: string): Promise<EpochMs | undefined> {
    const at = this.#database.read(() =>
      this.#database.get('SELECT reclaimed_at FROM schedules WHERE id = ?', schedule),
    )?.['reclaimed_at'];
    return typeof at === 'number' ? at : undefined;
  }

  async setReclaimed(schedule: string, at: EpochMs): Promise<void> {
    this.#database.write(() =>
      this.#database.run(
        `INSERT INTO schedules (id, reclaimed_at) VALUES (?, ?)
         ON CONFLICT (id) DO UPDATE SET reclaimed_at = excluded.reclaimed_at`,
        schedule,
        at,
      ),
    );
  }

  #refuseMissing(backupId: string): void {
    if (this.#database.get('SELECT 1 FROM snapshots WHERE backup_id = ?', backupId) !== undefined) return;
    throw new LowtideError('not_found', `there is no snapshot on file for backup ${backupId}`);
  }
}
