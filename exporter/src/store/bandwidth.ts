/**
 * A token bucket, told by the one figure that it needs: when all that was let through will have been paid for. Whoever comes is
 * given his turn at once, and so everybody's comes in the order of asking: nobody starves.
 *
 * What was let through in any span of time is at most what the rate allows in it, and one burst.
 */
export interface Bandwidth {
  readonly bytesPerSecond: number;
  /** What an idle line lets through at once, and the most that may be asked for at a time. */
  readonly burstBytes: number;
}

/** When all that was let through is paid for, by a clock that is never set. */
export type PaidAt = number;

/** What is let through `waitMs` from `now` on. */
export function reserve(
  paidAt: PaidAt,
  bytes: number,
  now: number,
  { bytesPerSecond, burstBytes }: Bandwidth,
): { readonly paidAt: PaidAt; readonly waitMs: number } {
  const msOf = (some: number): number => (some / bytesPerSecond) * 1000;
  const next = Math.max(paidAt, now) + msOf(bytes);
  return { paidAt: next, waitMs: Math.max(0, next - msOf(burstBytes) - now) };
}

/** Bursts of a tenth of a second: no timer has to be exact, and whoever shares the line notices nothing. */
export function bandwidthOf(bytesPerSecond: number): Bandwidth {
  return { bytesPerSecond, burstBytes: Math.ceil(bytesPerSecond / 10) };
}
