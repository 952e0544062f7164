import type { Load } from 'lowtide/api';
import type { EpochMs } from '../format/format.ts';

export type Resource = Load['resources'][number]['resource'];

/** Load in steps: `values[i]`, 0 to 1, holds from `times[i]` on. Steps that are missing were not measured. */
export interface LoadSeries {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly stepMs: number;
}

/** The load that is expected, and between which two it will probably lie. */
export interface LoadForecast {
  readonly times: Float64Array;
  readonly expected: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly stepMs: number;
}

export interface ResourceLoad {
  readonly resource: Resource;
  readonly measured: LoadSeries;
  readonly forecast: LoadForecast;
}

/** Times are read once here, not on each drawing. */
export function readLoad(load: Load): ResourceLoad[] {
  // Of some there is nothing to draw, only what waits for them now.
  const drawn = load.resources.filter(({ samples, forecast }) => samples.length + forecast.length > 0);
  return drawn.map(({ resource, samples, forecast }) => {
    const times = Float64Array.from(samples, ({ at }) => Date.parse(at));
    const ahead = Float64Array.from(forecast, ({ at }) => Date.parse(at));
    return {
      resource,
      measured: { times, values: Float64Array.from(samples, ({ value }) => value), stepMs: stepOf(times) },
      forecast: {
        times: ahead,
        expected: Float64Array.from(forecast, ({ expected }) => expected),
        low: Float64Array.from(forecast, ({ low }) => low),
        high: Float64Array.from(forecast, ({ high }) => high),
        stepMs: stepOf(ahead),
      },
    };
  });
}

const usualStepMs = 300_000;

/** A short distance, as gaps make long ones. Not the shortest: a clock that was set may leave two points close together. */
function stepOf(times: Float64Array): number {
  if (times.length < 2) return usualStepMs;
  const distances = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const short = distances.sort()[Math.floor(distances.length / 4)] ?? 0;
  return short > 0 ? short : usualStepMs;
}

/** Indices of steps that follow each other without a gap; `end` is not among them. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * What of a series is seen between two moments, cut where steps are missing; one step beyond each end, so that lines
 * run out of sight.
 */
export function stretchesWithin(
  { times, stepMs }: Pick<LoadSeries, 'times' | 'stepMs'>,
  from: EpochMs,
  until: EpochMs,
): Stretch[] {
  const first = Math.max(0, indexAfter(times, from) - 1);
  const last = Math.min(times.length, indexAfter(times, until) + 1);
  const stretches: Stretch[] = [];
  let start = first;
  for (let index = first + 1; index <= last; index += 1) {
    const isGap = index < last && (times[index] ?? 0) - (times[index - 1] ?? 0) > 1.5 * stepMs;
    if (index < last && !isGap) continue;
    stretches.push({ start, end: index });
    start = index;
  }
  return stretches;
}

/** What was measured in the step around a moment; undefined in a gap. */
export function measuredAt({ times, values, stepMs }: LoadSeries, at: EpochMs): number | undefined {
  const index = indexAfter(times, at) - 1;
  const time = times[index];
  return time !== undefined && at - time < 1.5 * stepMs ? values[index] : undefined;
}

/** What is expected at a moment, with its bounds; undefined where nothing is. */
export function expectedAt(
  { times, expected, low, high, stepMs }: LoadForecast,
  at: EpochMs,
): { readonly expected: number; readonly low: number; readonly high: number } | undefined {
  const index = indexAfter(times, at) - 1;
  const time = times[index];
  if (time === undefined || at - time >= 1.5 * stepMs) return undefined;
  return { expected: expected[index] ?? 0, low: low[index] ?? 0, high: high[index] ?? 0 };
}

/** The first index whose time lies behind `at`. */
function indexAfter(times: Float64Array, at: EpochMs): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
