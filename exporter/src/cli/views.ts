import { rotationView } from '../api/views.ts';
import type { Rotation } from '../catalog/rotations.ts';
import type { EpochMs } from '../units/instant.ts';

/** A rotation as the API tells it, with the counts under the names that the library has. */
export function rotationAnswer(rotation: Rotation, now: EpochMs): Record<string, unknown> {
  const { mode, done, skipped, failed } = rotation;
  return {
    ...rotationView(rotation, now, {}),
    backupsRewrapped: mode === 'rewrap' ? done.backups : 0,
    backupsReencrypted: mode === 'reencrypt' ? done.backups : 0,
    backupsSkipped: skipped.backups,
    backupsFailed: failed.backups,
  };
}

/** Local to this machine, to the second: for people. */
export function shownTime(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(Temporal.Now.timeZoneId())
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' })
    .replace('T', ' ');
}
