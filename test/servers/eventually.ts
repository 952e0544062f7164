import { setTimeout as delay } from 'node:timers/promises';

/** A machine with too much to do is slow, which is no failure. */
const patienceMs = 40_000;
const longestPauseMs = 400;

/** Asks until it is so: soon at first, then less often, for to ask may cost a process each time. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs;
  for (let pauseMs = 20; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.4)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await delay(pauseMs);
  }
}
