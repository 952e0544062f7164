import type { EpochMs } from '../format/format.ts';
import { hourMs } from './zone.ts';

export interface TimeRange {
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** Where moments lie on the axis, in pixels from its beginning. */
export interface TimeScale extends TimeRange {
  readonly width: number;
  x(at: EpochMs): number;
  at(x: number): EpochMs;
}

/** What is shown of a stretch of time. */
export interface Extent {
  readonly x: number;
  readonly width: number;
}

/** The past hours and the coming ones, with now in the middle. */
export function tideRange(now: EpochMs, hours = 48): TimeRange {
  return { from: now - hours * hourMs, until: now + hours * hourMs };
}

/** Linear in time: an hour is as wide as any other, also where clocks are set. */
export function timeScale({ from, until }: TimeRange, width: number): TimeScale {
  if (!(until > from) || !(width > 0)) throw new RangeError('an axis needs some time, and some room');
  const perMs = width / (until - from);
  return {
    from,
    until,
    width,
    x: (at) => (at - from) * perMs,
    at: (x) => from + x / perMs,
  };
}

/** The part of a stretch that lies on the axis; undefined where none does. */
export function extentOf(scale: TimeScale, start: EpochMs, end: EpochMs): Extent | undefined {
  if (end < scale.from || start >= scale.until || end < start) return undefined;
  const x = scale.x(Math.max(start, scale.from));
  return { x, width: scale.x(Math.min(end, scale.until)) - x };
}

export interface ZoomLimits {
  readonly shortestMs: number;
  readonly longestMs: number;
}

/** `factor` above 1 shows more time. What is at `at` stays where it is, under the pointer. */
export function zoomed(
  { from, until }: TimeRange,
  factor: number,
  at: EpochMs,
  { shortestMs, longestMs }: ZoomLimits,
): TimeRange {
  const length = until - from;
  const wanted = Math.min(longestMs, Math.max(shortestMs, length * factor));
  const start = at - ((at - from) / length) * wanted;
  return { from: start, until: start + wanted };
}

/** Moves by a share of what is shown; above 0 to later. */
export function panned({ from, until }: TimeRange, share: number): TimeRange {
  const by = (until - from) * share;
  return { from: from + by, until: until + by };
}
