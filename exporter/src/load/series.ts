import { zoneOf, type LocalMs, type Zone } from '../schedule/zone.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * The load of one resource in steps of equal length, laid out by what clocks on the wall show: work follows the clock,
 * so half past two belongs to half past two on both sides of a change to summer time.
 */
export interface LoadSeries {
  /** What clocks show at the beginning of the first step. */
  readonly startsAt: LocalMs;
  /** A divisor of the day. */
  readonly stepMs: number;
  readonly zone: Zone;
  /** Share of the resource in use, 0 to 1, averaged over the step. Gaps are NaN, never 0. */
  readonly values: Float64Array;
}

/** Older days say little about tomorrow, and a wrong time stamp must not cost gigabytes. */
const longestMs = 92 * 86_400_000;

/**
 * Puts samples into steps, whatever their order; a step takes the mean of those that begin in it (where clocks are set
 * back, both hours are one). What is not a number counts as missing, a load below 0 or above 1 as 0 or 1, and what is
 * more than 92 days older than the newest sample is left out.
 */
export function seriesOf(
  times: ArrayLike<EpochMs>,
  loads: ArrayLike<number>,
  stepMs: number,
  timezone = 'UTC',
): LoadSeries {
  const zone = zoneOf(timezone);
  let newest = -Infinity;
  let oldest = Infinity;
  for (let index = 0; index < times.length; index += 1) {
    const at = times[index] ?? NaN;
    if (!Number.isFinite(at) || !Number.isFinite(loads[index])) continue;
    newest = Math.max(newest, at);
    oldest = Math.min(oldest, at);
  }
  if (newest === -Infinity) return { startsAt: 0, stepMs, zone, values: new Float64Array(0) };
  oldest = Math.max(oldest, newest - longestMs);
  // Clocks may have been set back in between: a day of margin holds whatever they showed.
  const marginMs = 86_400_000;
  const first = Math.floor((zone.localAt(oldest) - marginMs) / stepMs);
  const length = Math.floor((zone.localAt(newest) + marginMs) / stepMs) - first + 1;
  const sums = new Float64Array(length);
  const counts = new Uint32Array(length);
  for (let index = 0; index < times.length; index += 1) {
    const at = times[index] ?? NaN;
    const load = loads[index] ?? NaN;
    if (!(at >= oldest) || !Number.isFinite(load)) continue;
    const step = Math.floor(zone.localAt(at) / stepMs) - first;
    sums[step] = (sums[step] ?? 0) + Math.min(1, Math.max(0, load));
    counts[step] = (counts[step] ?? 0) + 1;
  }
  return {
    startsAt: first * stepMs,
    stepMs,
    zone,
    values: sums.map((sum, step) => (counts[step] === 0 ? NaN : sum / (counts[step] ?? 1))),
  };
}
