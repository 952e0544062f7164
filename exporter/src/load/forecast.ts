import type { LocalMs } from '../schedule/zone.ts';
import type { EpochMs } from '../units/instant.ts';
import { bandOf } from './band.ts';
import { dayWeight, weekdayWeight } from './day-weight.ts';
import { excessFade, lullFade } from './fade.ts';
import { inBlocks, mean, pastDays, type PastDays } from './past-days.ts';
import type { LoadSeries } from './series.ts';

/**
 * What the load of a resource will be, from its own past. Three things are weighed, and nothing else:
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
export interface LoadForecast {
  /** The beginning of the first step, which holds the moment of the forecast. */
  readonly startsAt: EpochMs;
  readonly stepMs: number;
  /** The load to reckon with in each step, 0 to 1. Always a number. */
  readonly expected: Float64Array;
  /** Nine of ten times the load is higher than this; never above `expected`. */
  readonly low: Float64Array;
  /** Nine of ten times the load is lower than this; never below `expected`. */
  readonly high: Float64Array;
  readonly basis: ForecastBasis;
  /** How much history there is, in days; gaps do not count. */
  readonly daysSeen: number;
}

/**
 * What a forecast rests on: `none` no sample at all, `level` less than a day (the same load is expected throughout),
 * `days` too little to know the week, `weeks` at least two of them.
 */
export type ForecastBasis = 'none' | 'level' | 'days' | 'weeks';

const blockMs = 30 * 60_000;
/** How near, in standard deviations of the load, a past level must be to count as "about where it stands now". */
const sameLevelWidth = 0.5;
/** What days count that are like tonight in nothing but the date, against those that began like it. */
const anyDayShare = 0.7;
const outlierDeviations = 3;
/** Weights of a moving mean over 25 minutes: a job that starts a step earlier or later is the same job. */
const smoothing = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];

/** The forecast from the step that holds `now` up to `horizonMs` later. Samples from `now` on are not looked at. */
export function forecastLoad(history: LoadSeries, now: EpochMs, horizonMs: number): LoadForecast {
  const { stepMs, zone } = history;
  const localNow = Math.floor(zone.localAt(now) / stepMs) * stepMs;
  const startsAt = now - (zone.localAt(now) - localNow);
  const length = Math.max(0, Math.ceil((now + horizonMs - startsAt) / stepMs));
  const days = pastDays(history, localNow);
  const daysSeen = known(days.values) / days.stepsPerDay;
  const places = placesOf(history, { startsAt, localNow, length });
  const reach = places.reduce((last, place) => Math.max(last, place), -1) + 1;
  const local = daysSeen < 1 ? levelAlone(days, reach) : fromPastDays(days, reach, stepMs);
  const byClock = (values: Float64Array): Float64Array => {
    const steps = new Float64Array(length);
    for (let step = 0; step < length; step += 1) steps[step] = values[places[step] ?? 0] ?? 0;
    return steps;
  };
  return {
    startsAt,
    stepMs,
    expected: byClock(local.expected),
    low: byClock(local.low),
    high: byClock(local.high),
    basis: daysSeen === 0 ? 'none' : daysSeen < 1 ? 'level' : daysSeen < 14 ? 'days' : 'weeks',
    daysSeen,
  };
}

/**
 * How many steps behind what clocks show now lies what they will show in each step ahead. Mostly that many steps; where
 * clocks are set, more or fewer. What they show again because they are set back right now counts as now.
 */
function placesOf(
  { stepMs, zone }: LoadSeries,
  { startsAt, localNow, length }: { startsAt: EpochMs; localNow: LocalMs; length: number },
): Int32Array {
  const places = new Int32Array(length);
  for (let step = 0; step < length; step += 1) {
    const local = zone.localAt(startsAt + step * stepMs);
    places[step] = Math.max(0, Math.floor((local - localNow) / stepMs));
  }
  return places;
}

function known(values: Float64Array): number {
  let count = 0;
  for (const value of values) if (!Number.isNaN(value)) count += 1;
  return count;
}

interface Course {
  readonly expected: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

function levelAlone(days: PastDays, length: number): Course {
  const level = mean(days.values);
  return {
    expected: new Float64Array(length).fill(Number.isNaN(level) ? 0.5 : level),
    low: new Float64Array(length),
    high: new Float64Array(length).fill(1),
  };
}

function fromPastDays(days: PastDays, length: number, stepMs: number): Course {
  const blockSteps = Math.max(1, Math.round(blockMs / stepMs));
  const blocks = Math.ceil(length / blockSteps);
  const half = inBlocks(days, blockSteps);
  const levels = levelsBefore(half);
  const weekday = weekdayWeight(half);
  const weights = weighDays(days, levels, weekday);
  const usual = smoothed(usualCourse(days, weights, length));
  const excess = differenceNow(levels, weights);
  const fade = excess > 0 ? excessFade(half, weekday, blocks, blockMs) : lullFade(blocks, blockMs);
  const left = between(fade, blockSteps, length);
  const expected = usual.map((load, step) => Math.min(1, Math.max(0, load + excess * (left[step] ?? 0))));
  return { expected, ...bandOf({ days, weights, usual, expected, left, blockSteps }) };
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

function smoothed(course: Float64Array): Float64Array {
  const last = course.length - 1;
  return course.map((_, step) =>
    smoothing.reduce(
      (load, weight, index) => load + weight * (course[Math.min(last, Math.max(0, step + index - 2))] ?? 0),
      0,
    ),
  );
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
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    squares += (value - middle) ** 2;
    count += 1;
  }
  return count === 0 ? 0 : Math.sqrt(squares / count);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
