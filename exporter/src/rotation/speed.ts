import type { Rotation, RotationMode } from '../catalog/rotations.ts';
import type { RotationSpeed } from './plan.ts';

/** What a common disk and two cores do, until something was measured here. */
const assumed: RotationSpeed = { backupsPerSecond: 500, bytesPerSecond: 200 * 1024 * 1024 };
/** Shorter ones say more about their beginning and end than about speed. */
const shortestMs = 2000;

/** From the last completed rotation of the same kind. `rotations`: newest first. */
export function measuredSpeed(rotations: readonly Rotation[], mode: RotationMode): RotationSpeed {
  for (const { mode: of, status, startedAt, finishedAt = startedAt, done, ...pace } of rotations) {
    const seconds = (finishedAt - startedAt) / 1000;
    // One that waited, lay still, or was kept slow, says nothing about what would be possible.
    if (pace.atLowTide === true || pace.resumedAt !== undefined || pace.bytesPerSecond !== undefined)
      continue;
    if (of !== mode || status !== 'completed' || seconds * 1000 < shortestMs || done.backups === 0) continue;
    return mode === 'reencrypt'
      ? { ...assumed, bytesPerSecond: done.bytes / seconds }
      : { ...assumed, backupsPerSecond: done.backups / seconds };
  }
  return assumed;
}
