import type { PastDays } from './past-days.ts';

/**
 * How far the load may stray from what is expected: where nine of ten past loads of the same half hour lay, below and
 * above. As far ahead as the present still says something, the band is narrower in the measure in which it does.
 */
export interface Band {
  /** Nine of ten times the load is higher than this; never above what is expected. */
  readonly low: Float64Array;
  /** Nine of ten times the load is lower than this; never below what is expected. */
  readonly high: Float64Array;
}

const outside = 0.1;
const bins = 500;
/** What is not known yet: a share of a day on which every load was equally likely, so that few days give a wide band. */
const unknownDays = 0.25;

export interface Spread {
  readonly days: PastDays;
  /** `[k - 1]` is what the day that began `k` days ago counts; they sum to 1. */
  readonly weights: Float64Array;
  /** For each step ahead: the weighted mean of the past, and what is expected now. */
  readonly usual: Float64Array;
  readonly expected: Float64Array;
  /** For each step ahead: how much of a present difference is still left, 0 to 1. */
  readonly left: Float64Array;
  readonly blockSteps: number;
}

export function bandOf({ days, weights, usual, expected, left, blockSteps }: Spread): Band {
  const low = expected.slice();
  const high = expected.slice();
  // The weights of n equal days have squares that sum to 1/n.
  const daysCounted = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
  const histogram = new Float64Array(bins);
  for (let from = 0; from < expected.length; from += blockSteps) {
    const to = Math.min(expected.length, from + blockSteps);
    histogram.fill(unknownDays / daysCounted / bins);
    count(histogram, days, weights, from, to);
    // Loads of an idle host are often all the same: the edges of a bin hold what lies in it.
    const bottom = binAt(histogram, outside) / bins;
    const top = (binAt(histogram, 1 - outside) + 1) / bins;
    for (let step = from; step < to; step += 1) {
      const load = expected[step] ?? 0;
      const share = Math.min(1, left[step] ?? 0);
      const narrowed = Math.sqrt(1 - share * share);
      low[step] = Math.max(0, load - narrowed * Math.max(0, (usual[step] ?? 0) - bottom));
      high[step] = Math.min(1, load + narrowed * Math.max(0, top - (usual[step] ?? 0)));
    }
  }
  return { low, high };
}

/** Adds the past loads of the steps `from` to `to` ahead; each day brings at most its weight. */
function count(
  histogram: Float64Array,
  days: PastDays,
  weights: Float64Array,
  from: number,
  to: number,
): void {
  const dayAhead = Math.floor(from / days.stepsPerDay);
  const offset = from - dayAhead * days.stepsPerDay;
  for (let row = 0; row + dayAhead < days.count; row += 1) {
    const weight = (weights[row + dayAhead] ?? 0) / (to - from);
    for (let step = offset; step < offset + to - from; step += 1) {
      const load = days.values[row * days.stepsPerDay + step] ?? NaN;
      if (Number.isNaN(load)) continue;
      const bin = Math.min(bins - 1, Math.floor(load * bins));
      histogram[bin] = (histogram[bin] ?? 0) + weight;
    }
  }
}

/** The bin up to which `share` of the histogram lies. */
function binAt(histogram: Float64Array, share: number): number {
  let total = 0;
  for (let bin = 0; bin < bins; bin += 1) total += histogram[bin] ?? 0;
  let rest = share * total;
  for (let bin = 0; bin < bins; bin += 1) {
    rest -= histogram[bin] ?? 0;
    if (rest <= 0) return bin;
  }
  return bins - 1;
}
