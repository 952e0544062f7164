import { LowtideError } from '../../../errors/lowtide-error.ts';
import type { EpochMs } from '../../../units/instant.ts';
import type { NewRotation, NewRotationBackup, Rotation, RotationEnd } from '../../rotations.ts';
import type { Row, StateDatabase } from '../database.ts';
import { appendEvent } from '../events.ts';
import { existingRotation, numberOf } from './read.ts';

/** How a rotation begins, goes on in another process, and ends. Each is inside a transaction. */

export function startRotation(database: StateDatabase, rotation: NewRotation): Rotation {
  refuseWhileAnother(database);
  database.run(
    `INSERT INTO rotations
       (id, mode, status, owner, started_by, by_whom, days_back, from_keys, at_low_tide, bytes_per_second, started_at)
     VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?)`,
    rotation.id,
    rotation.mode,
    database.owner.id,
    rotation.trigger,
    rotation.by ?? null,
    rotation.daysBack ?? null,
    rotation.fromKeys === undefined ? null : JSON.stringify(rotation.fromKeys),
    rotation.atLowTide === true ? 1 : 0,
    rotation.bytesPerSecond ?? null,
    rotation.startedAt,
  );
  addBackups(database, rotation.id, rotation.backups);
  const { id: rotationId, mode, trigger, by } = rotation;
  appendEvent(
    database,
    { name: 'rotation:started', rotationId, mode, trigger, ...(by !== undefined && { by }) },
    rotation.startedAt,
  );
  return existingRotation(database, rotation.id);
}

export function addBackups(database: StateDatabase, id: string, backups: readonly NewRotationBackup[]): void {
  const rotation = numberOf(database, id);
  const last = database.get(
    'SELECT max(number) AS last FROM rotation_backups WHERE rotation = ?',
    rotation,
  )?.['last'];
  let number = typeof last === 'number' ? last + 1 : 0;
  for (const { backupId, bytes, skipped } of backups) {
    number += database.run(
      `INSERT INTO rotation_backups (rotation, number, backup_id, bytes, status, reason)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      rotation,
      number,
      backupId,
      bytes,
      skipped === undefined ? 'pending' : 'skipped',
      skipped ?? null,
    );
  }
}

export function resumeRotation(database: StateDatabase, id: string, at: EpochMs): Rotation {
  const { status, mode, trigger } = existingRotation(database, id);
  refuseWhileAnother(database);
  if (status === 'completed') {
    throw new LowtideError('rotation_ended', `rotation ${id} is complete: there is nothing to resume`);
  }
  database.run(
    `UPDATE rotations
     SET status = 'running', owner = ?, resumed_at = ?, finished_at = NULL, error = NULL, cancel_requested = 0
     WHERE id = ?`,
    database.owner.id,
    at,
    id,
  );
  database.run(
    `UPDATE rotation_backups SET status = 'pending', reason = NULL
     WHERE status = 'failed' AND rotation = (SELECT number FROM rotations WHERE id = ?)`,
    id,
  );
  appendEvent(database, { name: 'rotation:started', rotationId: id, mode, trigger, resumed: true }, at);
  return existingRotation(database, id);
}

export function finishRotation(
  database: StateDatabase,
  id: string,
  { status, at, error }: RotationEnd,
): Rotation {
  refuseUnlessRunning(existingRotation(database, id));
  database.run(
    'UPDATE rotations SET status = ?, finished_at = ?, error = ? WHERE id = ?',
    status,
    at,
    error === undefined ? null : JSON.stringify(error),
    id,
  );
  const ended = existingRotation(database, id);
  appendEvent(
    database,
    {
      name: 'rotation:finished',
      rotationId: id,
      mode: ended.mode,
      status,
      done: ended.done.backups,
      skipped: ended.skipped.backups,
      failed: ended.failed.backups,
    },
    at,
  );
  return ended;
}

export function requestCancel(database: StateDatabase, id: string): Rotation {
  refuseUnlessRunning(existingRotation(database, id));
  database.run('UPDATE rotations SET cancel_requested = 1 WHERE id = ?', id);
  return existingRotation(database, id);
}

export function interruptOrphans(
  database: StateDatabase,
  mine: ReadonlySet<string>,
  at: EpochMs,
): readonly Rotation[] {
  const isOrphan = ({ id, owner }: Row): boolean =>
    owner === database.owner.id ? !mine.has(String(id)) : !database.owner.isAlive(String(owner));
  return database
    .all(`SELECT id, owner FROM rotations WHERE status = 'running'`)
    .filter(isOrphan)
    .map(({ id }) => finishRotation(database, String(id), { status: 'interrupted', at }));
}

function refuseWhileAnother(database: StateDatabase): void {
  const other = database.get(`SELECT id FROM rotations WHERE status = 'running'`);
  if (other === undefined) return;
  throw new LowtideError('rotation_active', `a rotation is going on: ${String(other['id'])}`, {
    hint: 'Wait for it to end, or cancel it.',
  });
}

function refuseUnlessRunning({ id, status }: Rotation): void {
  if (status === 'running') return;
  throw new LowtideError('rotation_ended', `rotation ${id} has already ended: ${status}`);
}
