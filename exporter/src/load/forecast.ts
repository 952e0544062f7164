import type { LocalMs } from '../schedule/zone.ts';
import type { EpochMs } from '../units/instant.ts';
import { bandOf, type Band } from './band.ts';
import { dayWeight } from './day-weight.ts';
import { learnedCourse } from './learned-course.ts';
import { mean, pastDays, type PastDays } from './past-days.ts';
import { repeatedDay } from './repeated-day.ts';
import type { LoadSeries } from './series.ts';

/**
 * What the load of a resource will be, from its own past: as learned from many days (`learned-course`), or the last day over
 * again (`repeated-day`). Which of them is to be followed, `champion` tells.
 */
export interface LoadForecast {
  /** The beginning of the first step, which holds the moment of the forecast. */
  readonly startsAt: EpochMs;
  readonly stepMs: number;
  /** The load to reckon with in each step, 0 to 1. Always a number. */
  readonly expected: Float64Array;
  /** Worked out when asked for: most forecasts are looked at for what is expected alone. */
  readonly band: () => Band;
  readonly basis: ForecastBasis;
  /** How much was seen, in days, without its gaps; of more than two weeks no more is counted. */
  readonly daysSeen: number;
}

/** `learned` weighs all days that are known; `yesterday` repeats the last 24 hours. */
export const forecastMethods = ['learned', 'yesterday'] as const;
export type ForecastMethod = (typeof forecastMethods)[number];

/**
 * What a forecast rests on: `none` no sample at all, `level` less than a day (the same load is expected throughout),
 * `days` too little to know the week, `weeks` at least two of them; `yesterday` the last 24 hours alone.
 */
export type ForecastBasis = 'none' | 'level' | 'days' | 'weeks' | 'yesterday';

/** The forecast from the step that holds `now` up to `horizonMs` later. Samples from `now` on are not looked at. */
export function forecastLoad(
  history: LoadSeries,
  now: EpochMs,
  horizonMs: number,
  method: ForecastMethod,
): LoadForecast {
  const { stepMs, zone } = history;
  const localNow = Math.floor(zone.localAt(now) / stepMs) * stepMs;
  const startsAt = now - (zone.localAt(now) - localNow);
  const length = Math.max(0, Math.ceil((now + horizonMs - startsAt) / stepMs));
  const days = pastDays(history, localNow);
  const daysSeen = daysKnown(days);
  const places = placesOf(history, { startsAt, localNow, length });
  const reach = places.reduce((last, place) => Math.max(last, place), -1) + 1;
  const local = daysSeen < 1 ? levelAlone(days, reach) : courses[method](days, reach, stepMs);
  const byClock = (values: Float64Array): Float64Array => {
    const steps = new Float64Array(length);
    for (let step = 0; step < length; step += 1) steps[step] = values[places[step] ?? 0] ?? 0;
    return steps;
  };
  return {
    startsAt,
    stepMs,
    expected: byClock(local.expected),
    band() {
      const { low, high } = local.band();
      return { low: byClock(low), high: byClock(high) };
    },
    basis: basisOf(daysSeen, method),
    daysSeen,
  };
}

/** So much is known of the week. */
const daysOfWeeks = 14;

function basisOf(daysSeen: number, method: ForecastMethod): ForecastBasis {
  if (daysSeen < 1) return daysSeen === 0 ? 'none' : 'level';
  if (method === 'yesterday') return 'yesterday';
  return daysSeen < daysOfWeeks ? 'days' : 'weeks';
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

/** How much of the days is known, without its gaps; of all history no more is counted than makes a difference. */
function daysKnown({ values, stepsPerDay }: PastDays): number {
  const enough = daysOfWeeks * stepsPerDay;
  let count = 0;
  for (let index = 0; index < values.length && count < enough; index += 1) {
    if (!Number.isNaN(values[index])) count += 1;
  }
  return count / stepsPerDay;
}

interface Course {
  readonly expected: Float64Array;
  readonly band: () => Band;
}

function levelAlone(days: PastDays, length: number): Course {
  const level = mean(days.values);
  return {
    expected: new Float64Array(length).fill(Number.isNaN(level) ? 0.5 : level),
    band: () => ({ low: new Float64Array(length), high: new Float64Array(length).fill(1) }),
  };
}

const courses: Readonly<Record<ForecastMethod, (days: PastDays, length: number, stepMs: number) => Course>> =
  {
    learned(days, length, stepMs) {
      const course = learnedCourse(days, length, stepMs);
      return { expected: course.expected, band: () => bandOf({ days, ...course }) };
    },
    yesterday(days, length) {
      const expected = repeatedDay(days, length);
      return { expected, band: () => repeatedBand(days, expected) };
    },
  };

function repeatedBand(days: PastDays, expected: Float64Array): Band {
  const plain = Float64Array.from({ length: days.count }, (_, row) => dayWeight(row + 1, 1));
  const total = plain.reduce((sum, weight) => sum + weight, 0);
  return bandOf({
    days,
    weights: plain.map((weight) => weight / total),
    usual: expected,
    expected,
    left: new Float64Array(expected.length),
    blockSteps: Math.max(1, Math.round(days.stepsPerDay / 48)),
  });
}
