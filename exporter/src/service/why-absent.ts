import type { Catalog, Run } from '../catalog/catalog.ts';
import { unlessAway } from '../errors/away.ts';
import { absent, absentAfter, interrupted, stillRunning } from '../events/events.ts';
import type { EpochMs } from '../units/instant.ts';
import { recentHoldUps, type HoldUp } from './hold-ups.ts';

/** An occurrence that is over, and that this process has not seen wait. */
export interface Unseen {
  readonly schedule: string;
  readonly dueAt: EpochMs;
  /** When it could have begun, and from when on hardly any more. */
  readonly opensAt: EpochMs;
  readonly lastLook: EpochMs;
}

/** Why it was missed, as far as that is on record. */
export type WhyAbsent = (missed: Unseen, now: EpochMs) => Promise<string>;

/** One that began while another was due is among these. */
const recentRuns = 20;

/**
 * `since`: when this process began. What starts waited for is what was on record when it is first asked: of what comes later, who puts it
 * there knows.
 */
export function whyAbsent(
  catalog: Pick<Catalog, 'eventsAfter' | 'latestSequence' | 'runs'>,
  since: EpochMs,
): WhyAbsent {
  let holdUps: readonly HoldUp[] | undefined;
  return async ({ schedule, dueAt, opensAt, lastLook }, now) => {
    const runs = (await unlessAway(catalog.runs({ schedule, limit: recentRuns }))) ?? [];
    if (runs.some((run) => run.dueAt === dueAt && run.status === 'interrupted')) return interrupted;
    holdUps ??= await unlessAway(recentHoldUps(catalog));
    const waited = holdUps?.findLast(
      (held) => held.schedule === schedule && opensAt <= held.at && held.at <= now,
    );
    if (waited !== undefined) return absentAfter(waited.reason);
    const before = runs.find((run) => run.startedAt < lastLook && endOf(run, now) > opensAt);
    if (before === undefined) return absent;
    return wentOnUntil(before, since, now) >= lastLook ? stillRunning : absentAfter(stillRunning);
  };
}

function endOf({ finishedAt }: Run, now: EpochMs): EpochMs {
  return finishedAt ?? now;
}

/** As far as it is known: one that this process has found without its own had ended some time before that. */
function wentOnUntil(run: Run, since: EpochMs, now: EpochMs): EpochMs {
  const end = endOf(run, now);
  return run.status === 'interrupted' && end >= since ? run.startedAt : end;
}
