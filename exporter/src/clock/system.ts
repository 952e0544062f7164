import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/**
 * Timers count monotonic time, schedules wall time. Sleeping in legs of at most so many milliseconds and asking the wall
 * clock after each notices a clock that was set, and a host that slept.
 */
export function wallClock(longestLegMs: number): Clock {
  return {
    now: () => Date.now(),
    async wakeAt(at, signal) {
      for (let left = at - Date.now(); left > 0; left = at - Date.now()) {
        await delay(Math.min(left, longestLegMs), undefined, { signal });
      }
      signal.throwIfAborted();
    },
  };
}

export const systemClock: Clock = wallClock(30_000);
