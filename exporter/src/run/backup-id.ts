import { partExtensions, type DumpPart } from '../source/source.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * How a backup and its objects are called: `files-20261125T020000Z-3fa29c`, and in every store
 * `files/files-20261125T020000Z-3fa29c.tar.zst.age`. The time is for people, the random digits make it unique.
 */
export function backupIdOf(schedule: string, startedAt: EpochMs, random: Uint8Array): string {
  const time = Temporal.Instant.fromEpochMilliseconds(Math.floor(startedAt / 1000) * 1000)
    .toString()
    .replaceAll(/[-:]/g, '');
  return `${schedule}-${time}-${Buffer.from(random).toString('hex')}`;
}

/** How many random bytes an id takes. */
export const randomIdBytes = 3;

/** What the name of every object of a backup begins with, and of no other backup. */
export function objectPrefixOf(schedule: string, backupId: string): string {
  return `${schedule}/${backupId}.`;
}

/** The extensions tell how to open it by hand: `age -d FILE.tar.zst.age | zstd -d | tar x`. */
export function partName(prefix: string, { role, format }: Pick<DumpPart, 'role' | 'format'>): string {
  return `${prefix}${role === 'main' ? '' : `${role}.`}${partExtensions[format]}.zst.age`;
}
