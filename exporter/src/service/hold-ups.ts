import type { Catalog } from '../catalog/catalog.ts';
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
