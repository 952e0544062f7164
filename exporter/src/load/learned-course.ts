import { dayWeight, weekdayWeight } from './day-weight.ts';
import { excessFade, lullFade } from './fade.ts';
import { inBlocks, mean, type PastDays } from './past-days.ts';
import { smoothed } from './smoothing.ts';

const blockMs = 30 * 60_000;
/** How near, in standard deviations of the load, a past level must be to count as "about where it stands now". */
const sameLevelWidth = 0.5;
/** What days count that are like tonight in nothing but the date, against those that began like it. */
const anyDayShare = 0.7;
const outlierDeviations = 3;

/** What is expected, and what the band around it is made from; each array but `weights` has a value for each step ahead. */
export interface LearnedCourse {
  readonly expected: Float64Array;
  /** The weighted mean of the past, without what is left of now. */
  readonly usual: Float64Array;
  /** How much of a present difference is still left, 0 to 1. */
  readonly left: Float64Array;
  /** `[k - 1]` is what the day that began `k` days ago counts; they sum to 1. */
  readonly weights: Float64Array;
  readonly blockSteps: number;
}

/**
 * The course of the load in the `length` steps behind `days`. Three things are weighed, and nothing else:
 *
 * - **What followed this time of day on earlier days**, recent ones first, and those of the same weekday as far as weekdays
 *   differ on this host (`day-weight`).
 *   A single day that went far beyond the others counts as far as 3 standard deviations.
 * - **Days on which the load stood, at this time of day, about where it stands now** count more: a host that is busy at
 *   midnight tonight is best compared with nights on which it was busy at midnight.
 * - **What is left of the difference between now and then** is carried on and fades, an excess as fast as excesses have
 *   faded on this host before (`fade`).
 *
 * Measured and explained in docs/scheduling.md.
 */
export function learnedCourse(days: PastDays, length: number, stepMs: number): LearnedCourse {
  const blockSteps = Math.max(1, Math.round(blockMs / stepMs));
  const blocks = Math.ceil(length / blockSteps);
  const half = inBlocks(days, blockSteps);
  const levels = levelsBefore(half);
  const weekday = weekdayWeight(half);
  const weights = weighDays(days, levels, weekday);
  // Of a shorter course than a day it would not be known what comes every hour.
  const course = usualCourse(days, weights, Math.max(length, days.stepsPerDay));
  const usual = smoothed(course, days.stepsPerDay).subarray(0, length);
  const excess = differenceNow(levels, weights);
  const fade =
    excess > 0
      ? excessFade(half, { weekday, present: excess }, { blocks, blockMs })
      : lullFade(blocks, blockMs);
  const left = between(fade, blockSteps, length);
  const expected = usual.map((load, step) => Math.min(1, Math.max(0, load + excess * (left[step] ?? 0))));
  return { expected, usual, left, weights, blockSteps };
}

/** The level right before each origin: `[0]` now, `[k]` the same time of day `k` days ago. NaN where it is missing. */
function levelsBefore(half: PastDays): Float64Array {
  const size = half.stepsPerDay;
  return Float64Array.from({ length: half.count + 1 }, (_, row) => half.values[(row + 1) * size - 1] ?? NaN);
}

/** `[k - 1]` is what the day that began `k` days ago counts; they sum to 1. */
function weighDays(days: PastDays, levels: Float64Array, weekday: number): Float64Array {
  const plain = Float64Array.from({ length: days.count }, (_, row) => dayWeight(row + 1, weekday));
  const now = levels[0] ?? NaN;
  const width = sameLevelWidth * deviation(days.values) + 1e-6;
  const alike = plain.map((weight, row) => {
    const distance = ((levels[row + 1] ?? NaN) - now) / width;
    return Number.isNaN(distance) ? 0 : weight * Math.exp(-(distance ** 2) / 2);
  });
  const total = sum(plain);
  const alikeTotal = sum(alike);
  const trust = alikeTotal / (alikeTotal + anyDayShare * total);
  return plain.map(
    (weight, row) =>
      ((1 - trust) * weight) / total + (alikeTotal > 0 ? (trust * (alike[row] ?? 0)) / alikeTotal : 0),
  );
}

/** How far the level now lies above that of the past days at this time; 0 where it is not known. */
function differenceNow(levels: Float64Array, weights: Float64Array): number {
  let level = 0;
  let total = 0;
  for (const [row, weight] of weights.entries()) {
    const then = levels[row + 1] ?? NaN;
    if (Number.isNaN(then)) continue;
    level += weight * then;
    total += weight;
  }
  const difference = (levels[0] ?? NaN) - level / total;
  return Number.isFinite(difference) ? difference : 0;
}

/** The weighted mean of what followed on earlier days, for each step ahead. */
function usualCourse(days: PastDays, weights: Float64Array, length: number): Float64Array {
  const { stepsPerDay, values, count } = days;
  const fallback = mean(values);
  const course = new Float64Array(length);
  for (let ahead = 0; ahead < length; ahead += 1) {
    const dayAhead = Math.floor(ahead / stepsPerDay);
    const step = ahead - dayAhead * stepsPerDay;
    let total = 0;
    let first = 0;
    let second = 0;
    for (let row = 0; row + dayAhead < count; row += 1) {
      const load = values[row * stepsPerDay + step] ?? NaN;
      if (Number.isNaN(load)) continue;
      const weight = weights[row + dayAhead] ?? 0;
      total += weight;
      first += weight * load;
      second += weight * load * load;
    }
    if (!(total > 0)) {
      course[ahead] = ahead >= stepsPerDay ? (course[ahead - stepsPerDay] ?? fallback) : fallback;
      continue;
    }
    const middle = first / total;
    const reach = outlierDeviations * Math.sqrt(Math.max(0, second / total - middle * middle));
    let held = 0;
    for (let row = 0; row + dayAhead < count; row += 1) {
      const load = values[row * stepsPerDay + step] ?? NaN;
      if (Number.isNaN(load)) continue;
      held += (weights[row + dayAhead] ?? 0) * Math.min(middle + reach, Math.max(middle - reach, load));
    }
    course[ahead] = held / total;
  }
  return course;
}

/** Values of blocks, as a line through their middles. */
function between(blocks: Float64Array, blockSteps: number, length: number): Float64Array {
  return Float64Array.from({ length }, (_, step) => {
    const place = Math.min(blocks.length - 1, Math.max(0, (step + 0.5) / blockSteps - 0.5));
    const before = Math.floor(place);
    const from = blocks[before] ?? 0;
    return from + (place - before) * ((blocks[before + 1] ?? from) - from);
  });
}

function deviation(values: Float64Array): number {
  const middle = mean(values);
  let squares = 0;
  let count = 0;
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- ten times as fast, and this is all of history
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    if (Number.isNaN(value)) continue;
    squares += (value - middle) ** 2;
    count += 1;
  }
  return count === 0 ? 0 : Math.sqrt(squares / count);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
