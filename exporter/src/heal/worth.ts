import type { LackingCopy, RestorableBackup } from '../catalog/copies.ts';
import { keepIn } from '../config/keep.ts';
import type { KeepConfig } from '../config/schema.ts';
import { decideRetention } from '../retention/retention.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * Which copies of a schedule's backups are worth making good: those that would stay in their store had no copy ever failed there.
 * What the rules of a store have removed is not missing. As copies come back there one by one, none that stays to the end is pruned
 * in between: with fewer beside it every rule keeps it all the more.
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
  return [...Map.groupBy(lacking, ({ store }) => store)].flatMap(([store, copies]) => {
    const verdicts = decideRetention(everywhereGood, keepIn(keep, store), timezone);
    const kept = new Set(verdicts.flatMap((verdict) => (verdict.keep ? [verdict.id] : [])));
    return copies.filter((copy) => kept.has(copy.backupId) && !isBeingPruned(copy, now));
  });
}

/** A prune marks a copy first, and then removes what lies in the store: nothing new is put in its way. */
const pruningTakesMs = 3_600_000;

function isBeingPruned({ prunedAt }: LackingCopy, now: EpochMs): boolean {
  return prunedAt !== undefined && Math.abs(now - prunedAt) < pruningTakesMs;
}
