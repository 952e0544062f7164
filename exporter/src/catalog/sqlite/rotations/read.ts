import { LowtideError } from '../../../errors/lowtide-error.ts';
import type { Rotation, RotationBackup, RotationBackupFilter, RotationFilter } from '../../rotations.ts';
import type { Row, StateDatabase } from '../database.ts';
import { equals, listLimit, where } from '../page.ts';
import { toRotation, toRotationBackup } from './rows.ts';

export function findRotation(database: StateDatabase, id: string): Rotation | undefined {
  const row = database.get('SELECT * FROM rotations WHERE id = ?', id);
  return row && withCounts(database, row);
}

export function existingRotation(database: StateDatabase, id: string): Rotation {
  const rotation = findRotation(database, id);
  if (rotation === undefined) throw new LowtideError('not_found', `there is no rotation ${id}`);
  return rotation;
}

export function listRotations(database: StateDatabase, { status, after, limit }: RotationFilter): Rotation[] {
  const condition = where([
    equals('status', status),
    after === undefined ? undefined : { sql: 'number < ?', values: [numberOf(database, after)] },
  ]);
  return database
    .all(
      `SELECT * FROM rotations ${condition.sql} ORDER BY number DESC LIMIT ?`,
      ...condition.values,
      listLimit(limit),
    )
    .map((row) => withCounts(database, row));
}

export function listRotationBackups(
  database: StateDatabase,
  id: string,
  { status, after, limit }: RotationBackupFilter,
): RotationBackup[] {
  const condition = where([
    { sql: 'rotation = ?', values: [numberOf(database, id)] },
    equals('status', status),
    after === undefined ? undefined : { sql: 'number > ?', values: [after] },
  ]);
  return database
    .all(
      `SELECT * FROM rotation_backups ${condition.sql} ORDER BY number LIMIT ?`,
      ...condition.values,
      listLimit(limit),
    )
    .map(toRotationBackup);
}

/** Share of the backups that the latest rotation has dealt with; undefined where there was none. */
export function rotationProgress(database: StateDatabase): number | undefined {
  const last = database.get('SELECT * FROM rotations ORDER BY number DESC LIMIT 1');
  if (last === undefined) return undefined;
  const { pending, done, skipped, failed, status } = withCounts(database, last);
  const ended = done.backups + skipped.backups + failed.backups;
  if (status === 'completed') return 1;
  return ended + pending.backups === 0 ? 0 : ended / (ended + pending.backups);
}

export function numberOf(database: StateDatabase, id: string): number {
  const row = database.get('SELECT number FROM rotations WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no rotation ${id}`);
  return Number(row['number']);
}

function withCounts(database: StateDatabase, row: Row): Rotation {
  const counts = database.all(
    'SELECT status, backups, bytes FROM rotation_totals WHERE rotation = ?',
    row['number'] ?? null,
  );
  return toRotation(row, counts);
}
