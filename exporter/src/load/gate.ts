import type { Config } from '../config/schema.ts';
import { resources, type Resource } from './load.ts';
import type { EpochMs } from '../units/instant.ts';

/** What is measured now; what is not known is NaN. */
export type LiveLoad = Readonly<Record<Resource, number>>;

export interface GateTimes {
  readonly now: EpochMs;
  /** When the run was meant to start. */
  readonly slot: EpochMs;
  /** From then on it starts whatever the load. */
  readonly deadline: EpochMs;
}

/**
 * Which resource is too busy for a run to start now; undefined where it may. As long as all of its time is left, a run waits
 * above the high-water marks; the marks rise as its time goes, and at the deadline there are none. A load that is not known
 * holds up nothing.
 */
export function tooBusy(
  load: LiveLoad | undefined,
  highWater: Config['load']['high_water'],
  { now, slot, deadline }: GateTimes,
): Resource | undefined {
  if (load === undefined || now >= deadline) return undefined;
  const gone = Math.min(1, Math.max(0, (now - slot) / Math.max(1, deadline - slot)));
  return resources.find(
    (resource) => load[resource] > highWater[resource] + (1 - highWater[resource]) * gone,
  );
}
