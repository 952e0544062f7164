import { dayMs, zoneOf, type LocalMs, type Zone } from '../schedule/zone.ts';
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
const longestMs = 92 * dayMs;
const quarterMs = 15 * 60_000;

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
  const first = Math.floor((zone.localAt(oldest) - dayMs) / stepMs);
  const length = Math.floor((zone.localAt(newest) + dayMs) / stepMs) - first + 1;
  const values = new Float64Array(length).fill(NaN);
  const counts = new Uint16Array(length);
  // Offsets change on quarters of an hour only: asking for each sample would take most of the time.
  let quarter = NaN;
  let offsetMs = 0;
  for (let index = 0; index < times.length; index += 1) {
    const at = times[index] ?? NaN;
    const load = loads[index] ?? NaN;
    if (!(at >= oldest) || !Number.isFinite(load)) continue;
    if (Math.floor(at / quarterMs) !== quarter) {
      quarter = Math.floor(at / quarterMs);
      offsetMs = zone.localAt(at) - at;
    }
    const step = Math.floor((at + offsetMs) / stepMs) - first;
    const count = counts[step] ?? 0;
    const before = count === 0 ? 0 : (values[step] ?? 0);
    values[step] = before + (Math.min(1, Math.max(0, load)) - before) / (count + 1);
    counts[step] = count + 1;
  }
  return { startsAt: first * stepMs, stepMs, zone, values };
}
