import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/**
 * Timers count monotonic time, schedules wall time. Sleeping in short legs and asking the wall clock after each
 * notices a clock that was set, and a host that slept.
 */
const longestLegMs = 30_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  async wakeAt(at, signal) {
    for (let left = at - Date.now(); left > 0; left = at - Date.now()) {
      await delay(Math.min(left, longestLegMs), undefined, { signal });
    }
    signal.throwIfAborted();
  },
};
