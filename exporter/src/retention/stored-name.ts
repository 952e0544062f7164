import type { EpochMs } from '../units/instant.ts';

/**
 * What an object's name says of the backup that it belongs to. Only names that are made as run/backup-id.ts makes them are taken
 * for Lowtide's own: whatever else lies in a store is somebody else's, and left alone.
 */
export interface StoredName {
  readonly schedule: string;
  readonly backupId: string;
  /** When its run began, to the second. */
  readonly startedAt: EpochMs;
  /** What the names of all objects of the backup begin with. */
  readonly prefix: string;
  readonly isManifest: boolean;
}

const pattern =
  /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})\/(\1-(\d{8}T\d{6}Z)-[0-9a-f]{6})\.(?:[a-z]+\.)?(?:pgdump|sql|sqlite|tar|bin)\.zst\.age(\.json)?$/;

/** Undefined for a name that is not of Lowtide's making. */
export function storedNameOf(name: string): StoredName | undefined {
  const [, schedule, backupId, time, manifest] = pattern.exec(name) ?? [];
  if (schedule === undefined || backupId === undefined || time === undefined) return undefined;
  const startedAt = epochOf(time);
  if (startedAt === undefined) return undefined;
  const prefix = `${schedule}/${backupId}.`;
  return { schedule, backupId, startedAt, prefix, isManifest: manifest !== undefined };
}

/**
 * What else Lowtide puts into a store, by its name: copies of the config, what a check tries, and what a rotation needs for a
 * while.
 */
export type PassingKind = 'config_copy' | 'check' | 'rotation';

export function passingKindOf(name: string): PassingKind | undefined {
  const object = partialPattern.exec(name)?.[1];
  if (object !== undefined) return storedNameOf(object) === undefined ? undefined : 'rotation';
  return passing.find(([, shape]) => shape.test(name))?.[0];
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const partialPattern = new RegExp(`^(.+)\\.${uuid}\\.partial$`);
const passing: readonly (readonly [PassingKind, RegExp])[] = [
  ['config_copy', /^_config\/\d{8}T\d{9}Z-[0-9a-f]{6}\.age$/],
  ['check', new RegExp(`^(?:probe-${uuid}|_check/[0-9a-f]{12}/.+)$`)],
  ['rotation', new RegExp(`^\\.lowtide/${uuid}\\.journal$`)],
];

/** `20261125T020000Z`; undefined for a month 13. */
function epochOf(time: string): EpochMs | undefined {
  try {
    return Temporal.Instant.from(time).epochMilliseconds;
  } catch {
    return undefined;
  }
}
