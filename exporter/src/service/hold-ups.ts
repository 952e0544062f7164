import type { Catalog } from '../catalog/catalog.ts';
import { unlessAway } from '../errors/away.ts';
import type { EpochMs } from '../units/instant.ts';

/** A start that had to wait. */
export interface HoldUp {
  readonly schedule: string;
  readonly at: EpochMs;
  /** As `run:deferred` has it. */
  readonly reason: string;
}

/** Of what happened last, so much is looked through for what a start waits for, or has waited for. */
const recentEvents = 2_000;

/** What held up starts of late, the first time of each reason. */
export async function recentHoldUps(
  catalog: Pick<Catalog, 'eventsAfter' | 'latestSequence'>,
): Promise<readonly HoldUp[]> {
  const latest = await catalog.latestSequence();
  const events = await catalog.eventsAfter(Math.max(0, latest - recentEvents), recentEvents);
  return events.flatMap(({ at, body }) =>
    body.name === 'run:deferred' ? [{ schedule: body.schedule, at, reason: body.reason }] : [],
  );
}

/** What an occurrence waited for the last time, between two moments; undefined where nothing held it up, as far as is known. */
export type HeldUpBefore = (schedule: string, from: EpochMs, until: EpochMs) => Promise<string | undefined>;

/** By what was on record when it is first asked: of what comes later, who puts it there knows. */
export function heldUpBefore(catalog: Pick<Catalog, 'eventsAfter' | 'latestSequence'>): HeldUpBefore {
  let known: readonly HoldUp[] | undefined;
  return async (schedule, from, until) => {
    known ??= await unlessAway(recentHoldUps(catalog));
    const own = known?.filter((held) => held.schedule === schedule && from <= held.at && held.at <= until);
    return own?.at(-1)?.reason;
  };
}
