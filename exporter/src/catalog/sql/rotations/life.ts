import { LowtideError } from '../../../errors/lowtide-error.ts';
import type { EpochMs } from '../../../units/instant.ts';
import type { NewRotation, NewRotationBackup, Rotation, RotationEnd } from '../../rotations.ts';
import type { Transaction } from '../transaction.ts';
import { appendEvent } from '../events.ts';
import { orphansAmong } from '../owners.ts';
import { existingRotation, numberOf } from './read.ts';

/** How a rotation begins, goes on in another process, and ends. Each is inside a transaction. */

export async function startRotation(tx: Transaction, rotation: NewRotation): Promise<Rotation> {
  await refuseWhileAnother(tx);
  await tx.run(
    `INSERT INTO rotations
       (id, mode, status, owner, started_by, by_whom, days_back, from_keys, at_low_tide, bytes_per_second, started_at)
     VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?)`,
    rotation.id,
    rotation.mode,
    tx.owner.id,
    rotation.trigger,
    rotation.by ?? null,
    rotation.daysBack ?? null,
    rotation.fromKeys === undefined ? null : JSON.stringify(rotation.fromKeys),
    rotation.atLowTide === true ? 1 : 0,
    rotation.bytesPerSecond ?? null,
    rotation.startedAt,
  );
  await addBackups(tx, rotation.id, rotation.backups);
  const { id: rotationId, mode, trigger, by } = rotation;
  await appendEvent(
    tx,
    { name: 'rotation:started', rotationId, mode, trigger, ...(by !== undefined && { by }) },
    rotation.startedAt,
  );
  return await existingRotation(tx, rotation.id);
}

export async function addBackups(
  tx: Transaction,
  id: string,
  backups: readonly NewRotationBackup[],
): Promise<void> {
  const rotation = await numberOf(tx, id);
  const last = (
    await tx.get('SELECT max(number) AS last FROM rotation_backups WHERE rotation = ?', rotation)
  )?.['last'];
  let number = typeof last === 'number' ? last + 1 : 0;
  for (const { backupId, bytes, skipped } of backups) {
    number += await tx.run(
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

export async function resumeRotation(tx: Transaction, id: string, at: EpochMs): Promise<Rotation> {
  const { status, mode, trigger } = await existingRotation(tx, id);
  await refuseWhileAnother(tx);
  if (status === 'completed') {
    throw new LowtideError('rotation_ended', `rotation ${id} is complete: there is nothing to resume`);
  }
  await tx.run(
    `UPDATE rotations
     SET status = 'running', owner = ?, resumed_at = ?, finished_at = NULL, error = NULL, cancel_requested = 0
     WHERE id = ?`,
    tx.owner.id,
    at,
    id,
  );
  await tx.run(
    `UPDATE rotation_backups SET status = 'pending', reason = NULL
     WHERE status = 'failed' AND rotation = (SELECT number FROM rotations WHERE id = ?)`,
    id,
  );
  await appendEvent(tx, { name: 'rotation:started', rotationId: id, mode, trigger, resumed: true }, at);
  return await existingRotation(tx, id);
}

export async function finishRotation(
  tx: Transaction,
  id: string,
  { status, at, error }: RotationEnd,
): Promise<Rotation> {
  refuseUnlessRunning(await existingRotation(tx, id));
  await tx.run(
    'UPDATE rotations SET status = ?, finished_at = ?, error = ? WHERE id = ?',
    status,
    at,
    error === undefined ? null : JSON.stringify(error),
    id,
  );
  const ended = await existingRotation(tx, id);
  await appendEvent(
    tx,
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

export async function requestCancel(tx: Transaction, id: string): Promise<Rotation> {
  refuseUnlessRunning(await existingRotation(tx, id));
  await tx.run('UPDATE rotations SET cancel_requested = 1 WHERE id = ?', id);
  return await existingRotation(tx, id);
}

export async function interruptOrphans(
  tx: Transaction,
  mine: ReadonlySet<string>,
  at: EpochMs,
): Promise<readonly Rotation[]> {
  const running = await tx.all(`SELECT id, owner FROM rotations WHERE status = 'running'`);
  const interrupted: Rotation[] = [];
  for (const { id } of await orphansAmong(tx, running, (row) => mine.has(String(row['id'])))) {
    interrupted.push(await finishRotation(tx, String(id), { status: 'interrupted', at }));
  }
  return interrupted;
}

async function refuseWhileAnother(tx: Transaction): Promise<void> {
  const other = await tx.get(`SELECT id FROM rotations WHERE status = 'running'`);
  if (other === undefined) return;
  throw new LowtideError('rotation_active', `a rotation is going on: ${String(other['id'])}`, {
    hint: 'Wait for it to end, or cancel it.',
  });
}

function refuseUnlessRunning({ id, status }: Rotation): void {
  if (status === 'running') return;
  throw new LowtideError('rotation_ended', `rotation ${id} has already ended: ${status}`);
}
