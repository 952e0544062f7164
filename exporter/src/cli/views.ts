import { rotationView } from '../api/views.ts';
import type { Rotation } from '../catalog/rotations.ts';
import type { ObjectLock } from '../store/store.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';

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

/** What keeps an object in its store, with its end as RFC 3339. */
export function lockAnswer({ locked }: { readonly locked?: ObjectLock }): {
  readonly locked?: { readonly by: string; readonly until?: string };
} {
  if (locked === undefined) return {};
  const { by, until } = locked;
  return { locked: { by, ...(until !== undefined && { until: toRfc3339(until) }) } };
}
