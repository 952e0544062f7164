import type { LackingCopy, RestorableBackup } from '../catalog/copies.ts';
import type { KeepConfig } from '../config/schema.ts';
import { decideRetention } from '../retention/retention.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * Which copies of a schedule's backups are worth making good: those that would stay in a store where no copy had ever failed. As
 * copies come back there one by one, none that stays to the end is pruned in between: with fewer beside it every rule keeps it all
 * the more.
 */
export function worthHealing(
  lacking: readonly LackingCopy[],
  restorable: readonly RestorableBackup[],
  {
    keep,
    timezone,
    now,
  }: { readonly keep: KeepConfig | undefined; readonly timezone: string; readonly now: EpochMs },
): readonly LackingCopy[] {
  const everywhereGood = restorable.map(({ backupId, createdAt }) => ({
    id: backupId,
    createdAt,
    good: true,
  }));
  const kept = new Set(
    decideRetention(everywhereGood, keep, timezone).flatMap((verdict) => (verdict.keep ? [verdict.id] : [])),
  );
  return lacking.filter((copy) => kept.has(copy.backupId) && !isBeingPruned(copy, now));
}

/** A prune marks a copy first, and then removes what lies in the store: nothing new is put in its way. */
const pruningTakesMs = 3_600_000;

function isBeingPruned({ prunedAt }: LackingCopy, now: EpochMs): boolean {
  return prunedAt !== undefined && Math.abs(now - prunedAt) < pruningTakesMs;
}
