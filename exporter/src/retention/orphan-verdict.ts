import type { CopyStatus } from '../catalog/catalog.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * What lies in a store and belongs to no backup, and whether it may go. Everything here errs towards leaving: another host may
 * write to the same bucket, clocks differ, the catalog may have been lost, and data can be opened by hand as long as it is
 * there.
 *
 * - `unfinished_write`: what a write has left that was never completed.
 * - `data_without_manifest`: whole parts of a backup whose manifest was never written, or is gone.
 * - `manifest_without_data`: the reverse.
 * - `half_removed`: the catalog calls the copy pruned, and something of it is left.
 * - `not_on_file`: a backup, by all that can be seen; only the catalog does not know it. Never removed.
 */
export type OrphanKind =
  'unfinished_write' | 'data_without_manifest' | 'manifest_without_data' | 'half_removed' | 'not_on_file';

export interface OrphanVerdict {
  readonly kind: OrphanKind;
  readonly remove: boolean;
  /** As a sentence. */
  readonly reason: string;
}

/** What a store holds of one backup that has no good or damaged copy on file there. */
export interface Stray {
  readonly schedule: string;
  /** When its run began, by its name. */
  readonly startedAt: EpochMs;
  /** When the last of it was written. */
  readonly touchedAt: EpochMs;
  readonly hasManifest: boolean;
  readonly hasData: boolean;
  /** What the catalog says of the copy in this store; absent where it knows of none. */
  readonly onFile?: Extract<CopyStatus, 'failed' | 'pruned'> | undefined;
  /** When the newest good backup of the schedule was made that some store shows whole. */
  readonly newestGoodAt: EpochMs | undefined;
}

export interface Caution {
  readonly now: EpochMs;
  /** What is younger may be the work of a run that goes on elsewhere. */
  readonly safeAgeMs: number;
}

export function judgeStray(stray: Stray, caution: Caution): OrphanVerdict {
  const { schedule, hasManifest, hasData, onFile, startedAt, touchedAt, newestGoodAt } = stray;
  if (onFile === 'pruned') return remove('half_removed', 'a prune was cut off here');
  if (hasManifest && hasData) {
    return leave('not_on_file', 'not in the catalog: `lowtide catalog rebuild` files it');
  }
  const kind = hasData ? 'data_without_manifest' : 'manifest_without_data';
  if (isYoung(Math.max(startedAt, touchedAt), caution)) return leave(kind, youngReason(caution));
  // It may be all that is left, and age and zstd open it without a manifest.
  if (newestGoodAt === undefined || newestGoodAt <= startedAt) {
    return leave(kind, `no newer good backup of ${schedule} is to be seen: this may be better than nothing`);
  }
  return remove(kind, `a newer good backup of ${schedule} exists`);
}

/** `touchedAt` is undefined where the store does not tell. */
export function judgeUnfinished(
  { touchedAt, isRotating }: { readonly touchedAt: EpochMs | undefined; readonly isRotating: boolean },
  caution: Caution,
): OrphanVerdict {
  const kind = 'unfinished_write';
  if (isRotating) return leave(kind, 'a rotation of keys goes on, or was cut off: it looks after its own');
  if (touchedAt === undefined) {
    return leave(kind, 'may be going on; the server throws it away a week after its last block has come');
  }
  if (isYoung(touchedAt, caution)) return leave(kind, youngReason(caution));
  return remove(kind, `nothing has come for ${formatDuration(wholeHours(caution.now - touchedAt))}`);
}

/** What lies in the future was written by a clock that is ahead. */
function isYoung(at: EpochMs, { now, safeAgeMs }: Caution): boolean {
  return now - at < safeAgeMs;
}

function youngReason({ safeAgeMs }: Caution): string {
  return `younger than ${formatDuration(safeAgeMs)}: another host may be writing it`;
}

const hourMs = 3_600_000;

function wholeHours(durationMs: number): number {
  return Math.floor(durationMs / hourMs) * hourMs;
}

function leave(kind: OrphanKind, reason: string): OrphanVerdict {
  return { kind, remove: false, reason };
}

function remove(kind: OrphanKind, reason: string): OrphanVerdict {
  return { kind, remove: true, reason };
}
