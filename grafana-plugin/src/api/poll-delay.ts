const longestMs = 5 * 60_000;

/** How long after an answer the next one is asked for: twice as long after each failure in a row. */
export function pollDelayMs(intervalMs: number, failures: number): number {
  return Math.min(Math.max(intervalMs, longestMs), intervalMs * 2 ** Math.min(failures, 10));
}
