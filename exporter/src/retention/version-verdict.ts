import type { OldVersion, VersionedName } from '../store/store.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Caution } from './orphan-verdict.ts';

/**
 * Which versions may go that a bucket keeps of what was replaced or deleted. An old version may be the last that is left of a
 * backup which other hands have deleted or written over: whatever the catalog counts on has to be there whole, now, for the old
 * ones to go.
 */
export interface BackupFacts {
  readonly schedule: string;
  readonly startedAt: EpochMs;
  /**
   * What the catalog says of the copy in this store. `in_work`: a run, a rotation or a healing works on it. Absent where it knows
   * of none.
   */
  readonly onFile?: 'good' | 'damaged' | 'failed' | 'pruned' | 'in_work' | undefined;
  /** Whether the store shows all of the copy that is on file. */
  readonly isWhole: boolean;
  readonly newestGoodAt: EpochMs | undefined;
}

export interface Judgement {
  readonly remove: boolean;
  /** As a sentence. */
  readonly reason: string;
}

/** On all old versions of one object of a backup, but for their age. */
export function judgeBackupVersions(
  { schedule, startedAt, onFile, isWhole, newestGoodAt }: BackupFacts,
  { current }: Pick<VersionedName, 'current'>,
): Judgement {
  switch (onFile) {
    case 'in_work':
      return leave('a run, a rotation of keys or a healing works on it');
    case 'pruned':
      return remove('no rule keeps it: it was pruned');
    case 'good':
    case 'damaged':
      return onFile === 'good' && isWhole && current !== undefined
        ? remove('replaced: the copy on file is whole')
        : leave('on file, and not whole in the store: an old version may bring it back');
    case 'failed':
    case undefined:
      break;
  }
  if (current !== undefined)
    return leave('not in the catalog: `lowtide catalog rebuild` files what is there');
  return newestGoodAt !== undefined && newestGoodAt > startedAt
    ? remove(`deleted, and a newer good backup of ${schedule} exists`)
    : leave(`deleted, but no newer good backup of ${schedule} is to be seen`);
}

/**
 * Of versions that may go by all else, those that are old enough, in two steps: a mark that hides the rest of its name goes in
 * the second, and only where all that it hides is gone by then. `stays` tells of those that are locked.
 */
export function versionsToRemove(
  { old }: Pick<VersionedName, 'old'>,
  { now, safeAgeMs }: Caution,
  stays: (version: OldVersion) => boolean,
): { readonly first: readonly OldVersion[]; readonly then: readonly OldVersion[] } {
  const free = old.filter((version) => now - version.since >= safeAgeMs && !stays(version));
  const first = free.filter(({ isNewest }) => !isNewest);
  return { first, then: first.length === old.length - 1 ? free.filter(({ isNewest }) => isNewest) : [] };
}

export function youngVersions({ safeAgeMs }: Caution): Judgement {
  return leave(`replaced or deleted less than ${formatDuration(safeAgeMs)} ago`);
}

function leave(reason: string): Judgement {
  return { remove: false, reason };
}

function remove(reason: string): Judgement {
  return { remove: true, reason };
}
