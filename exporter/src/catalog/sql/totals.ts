import type { BackupType } from '../../source/source.ts';
import type { CatalogTotals } from '../catalog.ts';
import type { Row, Transaction } from './transaction.ts';
import { rotationProgress } from './rotations/read.ts';

const types: readonly BackupType[] = ['database', 'files', 'command'];

/** From the summary tables and short index ranges alone: the cost does not grow with the number of backups. */
export async function readTotals(tx: Transaction): Promise<CatalogTotals> {
  // Beside the keys of the backups (a snapshot has none), those of copies that are sealed otherwise: few, and an index of their own.
  const byKey = await tx.all(
    `SELECT key_id, sum(backups) AS backups, sum(bytes) AS bytes FROM (
       SELECT key_id, backups, bytes FROM key_totals WHERE key_id <> ''
       UNION ALL
       SELECT key_id, count(*), sum(stored_bytes) FROM (
         SELECT DISTINCT copies.key_id, backups.id, backups.stored_bytes
         FROM copies JOIN backups ON backups.id = copies.backup_id
         WHERE copies.key_id IS NOT NULL AND copies.status IN ('good', 'damaged')
           AND copies.key_id <> backups.key_id) AS otherwise
       GROUP BY key_id) AS counted
     GROUP BY key_id`,
  );
  const progress = await rotationProgress(tx);
  const rates: (readonly [BackupType, number])[] = [];
  for (const type of types) rates.push(...(await successRate(tx, type)));
  return {
    bytesByStore: record(await tx.all('SELECT store, good_bytes FROM store_totals'), 'store', 'good_bytes'),
    bytesByType: record(await tx.all('SELECT type, good_bytes FROM type_totals'), 'type', 'good_bytes'),
    successRateByType: Object.fromEntries(rates),
    lastSuccessBySchedule: record(
      await tx.all('SELECT id, last_success_at FROM schedules WHERE last_success_at IS NOT NULL'),
      'id',
      'last_success_at',
    ),
    runningBySchedule: record(
      await tx.all(`SELECT schedule, count(*) AS runs FROM runs WHERE status = 'running' GROUP BY schedule`),
      'schedule',
      'runs',
    ),
    backupsByKey: record(byKey, 'key_id', 'backups'),
    bytesByKey: record(byKey, 'key_id', 'bytes'),
    copiesByKey: record(await tx.all('SELECT key_id, copies FROM key_copies'), 'key_id', 'copies'),
    ...(progress !== undefined && { rotationProgress: progress }),
  };
}

async function successRate(tx: Transaction, type: BackupType): Promise<[BackupType, number][]> {
  const rate = (
    await tx.get(
      `SELECT avg(CASE WHEN status = 'completed' THEN 1.0 ELSE 0.0 END) AS rate FROM (
       SELECT status FROM runs
       WHERE type = ? AND status IN ('completed', 'failed', 'interrupted')
       ORDER BY finish_sequence DESC LIMIT 100) AS judged`,
      type,
    )
  )?.['rate'];
  return typeof rate === 'number' ? [[type, rate]] : [];
}

/** Without a prototype: a schedule that is called constructor has no function for a count. */
function record(rows: readonly Row[], key: string, value: string): Record<string, number> {
  const counts = Object.create(null) as Record<string, number>;
  for (const row of rows) counts[String(row[key])] = Number(row[value]);
  return counts;
}
