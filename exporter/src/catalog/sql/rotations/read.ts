import { LowtideError } from '../../../errors/lowtide-error.ts';
import type { Rotation, RotationBackup, RotationBackupFilter, RotationFilter } from '../../rotations.ts';
import type { Row, Transaction } from '../transaction.ts';
import { begunOrder, equals, listLimit, where } from '../page.ts';
import { toRotation, toRotationBackup } from './rows.ts';

export async function findRotation(tx: Transaction, id: string): Promise<Rotation | undefined> {
  const row = await tx.get('SELECT * FROM rotations WHERE id = ?', id);
  return row && (await withCounts(tx, row));
}

export async function existingRotation(tx: Transaction, id: string): Promise<Rotation> {
  const rotation = await findRotation(tx, id);
  if (rotation === undefined) throw new LowtideError('not_found', `there is no rotation ${id}`);
  return rotation;
}

export async function listRotations(
  tx: Transaction,
  { status, after, behind, limit }: RotationFilter,
): Promise<Rotation[]> {
  const order = begunOrder(after === undefined ? undefined : await numberOf(tx, after), behind);
  const condition = where([equals('status', status), order.condition]);
  const rows = await tx.all(
    `SELECT * FROM rotations ${condition.sql} ORDER BY ${order.by} LIMIT ?`,
    ...condition.values,
    listLimit(limit),
  );
  const rotations: Rotation[] = [];
  for (const row of rows) rotations.push(await withCounts(tx, row));
  return rotations;
}

export async function listRotationBackups(
  tx: Transaction,
  id: string,
  { status, after, limit }: RotationBackupFilter,
): Promise<RotationBackup[]> {
  const condition = where([
    { sql: 'rotation = ?', values: [await numberOf(tx, id)] },
    equals('status', status),
    after === undefined ? undefined : { sql: 'number > ?', values: [after] },
  ]);
  return (
    await tx.all(
      `SELECT * FROM rotation_backups ${condition.sql} ORDER BY number LIMIT ?`,
      ...condition.values,
      listLimit(limit),
    )
  ).map(toRotationBackup);
}

/** Share of the backups that the latest rotation has dealt with; undefined where there was none. */
export async function rotationProgress(tx: Transaction): Promise<number | undefined> {
  const last = await tx.get('SELECT * FROM rotations ORDER BY number DESC LIMIT 1');
  if (last === undefined) return undefined;
  const { pending, done, skipped, failed, status } = await withCounts(tx, last);
  const ended = done.backups + skipped.backups + failed.backups;
  if (status === 'completed') return 1;
  return ended + pending.backups === 0 ? 0 : ended / (ended + pending.backups);
}

export async function numberOf(tx: Transaction, id: string): Promise<number> {
  const row = await tx.get('SELECT number FROM rotations WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no rotation ${id}`);
  return Number(row['number']);
}

async function withCounts(tx: Transaction, row: Row): Promise<Rotation> {
  const counts = await tx.all(
    'SELECT status, backups, bytes FROM rotation_totals WHERE rotation = ?',
    row['number'] ?? null,
  );
  return toRotation(row, counts);
}
