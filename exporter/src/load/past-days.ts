import { dayMs, type LocalMs } from '../schedule/zone.ts';
import type { LoadSeries } from './series.ts';

/**
 * History cut into days that begin at one time of day, the time of the forecast. Row 0 is the last 24 hours, row 1 the
 * 24 hours before them: what followed the same time of day one day ago, two days ago and so on.
 */
export interface PastDays {
  readonly stepsPerDay: number;
  readonly count: number;
  /** Row by row, oldest step of the row first; gaps are NaN. */
  readonly values: Float64Array;
}

export function pastDays(series: LoadSeries, now: LocalMs): PastDays {
  const stepsPerDay = Math.round(dayMs / series.stepMs);
  const end = Math.floor(now / series.stepMs) - Math.round(series.startsAt / series.stepMs);
  // A series without any value may begin in 1970.
  const known = Math.min(end, series.values.length);
  let first = 0;
  while (first < known && Number.isNaN(series.values[first] ?? NaN)) first += 1;
  const count = first < known ? Math.ceil((end - first) / stepsPerDay) : 0;
  const values = new Float64Array(count * stepsPerDay).fill(NaN);
  for (let row = 0; row < count; row += 1) {
    const from = end - (row + 1) * stepsPerDay;
    const ofRow = series.values.subarray(Math.max(0, from), Math.max(0, from + stepsPerDay));
    values.set(ofRow, row * stepsPerDay + Math.max(0, -from));
  }
  return { stepsPerDay, count, values };
}

/** The mean of the values from `from` up to `to` that are there; NaN where none is. */
export function mean(values: Float64Array, from = 0, to = values.length): number {
  let sum = 0;
  let count = 0;
  for (let index = from; index < to; index += 1) {
    const value = values[index] ?? NaN;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? NaN : sum / count;
}

/** Means over `size` steps each. */
export function inBlocks(days: PastDays, size: number): PastDays {
  const values = new Float64Array(days.values.length / size);
  for (let block = 0; block < values.length; block += 1) {
    values[block] = mean(days.values, block * size, (block + 1) * size);
  }
  return { stepsPerDay: days.stepsPerDay / size, count: days.count, values };
}
