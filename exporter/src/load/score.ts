import { dayMs, type LocalMs } from '../schedule/zone.ts';
import { forecastMethods, type ForecastMethod } from './forecast.ts';
import { learnedCourse } from './learned-course.ts';
import { mean, pastDays, type PastDays } from './past-days.ts';
import { repeatedDay } from './repeated-day.ts';
import type { LoadSeries } from './series.ts';

/**
 * How good the forecasts made at one moment of the past would have been, judged by the 24 hours that came. A forecast is
 * there to find quiet stretches, so what counts is the load of the stretches it would have chosen: one that is wrong by the
 * same amount all day chooses as well as one that is right. All figures are shares of the resource, 0 to 1.
 */
export interface ForecastScore {
  /** The moment of the forecast, by clocks on the wall. */
  readonly origin: LocalMs;
  /** How far the load of the chosen starts lay above the lowest there was; a mean over runs of 15, 45 and 120 minutes. */
  readonly regret: ByMethod;
  /** The mean distance between what was expected and what came. */
  readonly error: ByMethod;
  /** The regret of a start chosen at random. */
  readonly randomRegret: number;
}

export type ByMethod = Readonly<Record<ForecastMethod, number>>;

const runLengthsMs = [15, 45, 120].map((minutes) => minutes * 60_000);
/** Of the 24 hours, so much must have been measured: the disk is unknown while Lowtide itself works on it. */
const leastKnown = 0.75;
/** What lies further back hardly counts in a forecast. Always the same length, so that a score stays what it is. */
export const scoredHistoryMs = 42 * dayMs;

/** Undefined where too little was measured before, or in the 24 hours behind `origin`. */
export function scoreForecasts(series: LoadSeries, origin: LocalMs): ForecastScore | undefined {
  const { stepMs, startsAt, values } = series;
  const at = Math.round((origin - startsAt) / stepMs);
  const length = Math.round(dayMs / stepMs);
  if (at < 0 || at + length > values.length) return undefined;
  const came = values.subarray(at, at + length);
  if (came.reduce((sum, load) => sum + (Number.isNaN(load) ? 0 : 1), 0) < leastKnown * length)
    return undefined;
  const from = Math.max(0, at - Math.round(scoredHistoryMs / stepMs));
  const days = pastDays(
    { ...series, startsAt: startsAt + from * stepMs, values: values.subarray(from, at) },
    origin,
  );
  if (days.values.reduce((sum, load) => sum + (Number.isNaN(load) ? 0 : 1), 0) < length) return undefined;
  const courses = coursesOf(days, length, stepMs);
  const choices = runLengthsMs.flatMap((ms) => choiceOf(came, Math.max(1, Math.round(ms / stepMs))) ?? []);
  if (choices.length === 0) return undefined;
  const over = (figure: (choice: Choice) => number): number =>
    choices.reduce((sum, choice) => sum + figure(choice), 0) / choices.length;
  return {
    origin,
    regret: byMethod((method) => over((choice) => choice.regretOf(courses[method]))),
    error: byMethod((method) =>
      mean(came.map((load, step) => Math.abs(load - (courses[method][step] ?? 0)))),
    ),
    randomRegret: over((choice) => choice.randomRegret),
  };
}

export function byMethod(figure: (method: ForecastMethod) => number): ByMethod {
  return Object.fromEntries(forecastMethods.map((method) => [method, figure(method)])) as ByMethod;
}

function coursesOf(
  days: PastDays,
  length: number,
  stepMs: number,
): Readonly<Record<ForecastMethod, Float64Array>> {
  return { learned: learnedCourse(days, length, stepMs).expected, yesterday: repeatedDay(days, length) };
}

/** The starts that a run of one length could have had on a day that is over. */
interface Choice {
  readonly regretOf: (expected: Float64Array) => number;
  readonly randomRegret: number;
}

/** Only starts whose load is known throughout are compared; undefined where there is none. */
function choiceOf(came: Float64Array, steps: number): Choice | undefined {
  const loads = runMeans(came, steps);
  const lowest = loads.reduce((least, load) => (load < least ? load : least), Infinity);
  if (lowest === Infinity) return undefined;
  return {
    randomRegret: mean(loads) - lowest,
    regretOf(expected) {
      let best = Infinity;
      let regret = 0;
      for (const [start, load] of runMeans(expected, steps).entries()) {
        const met = loads[start] ?? NaN;
        // Rounding must not tell equal loads apart.
        if (Number.isNaN(met) || load >= best - 1e-12) continue;
        best = load;
        regret = met - lowest;
      }
      return regret;
    },
  };
}

/** The mean of each stretch of `steps` steps, by its first; NaN where a step of it is. */
function runMeans(course: Float64Array, steps: number): Float64Array {
  const means = new Float64Array(Math.max(0, course.length - steps + 1));
  let sum = 0;
  let unknown = 0;
  for (let step = 0; step < course.length; step += 1) {
    const joins = course[step] ?? NaN;
    if (Number.isNaN(joins)) unknown += 1;
    else sum += joins;
    const leaves = step < steps ? 0 : (course[step - steps] ?? NaN);
    if (Number.isNaN(leaves)) unknown -= 1;
    else sum -= leaves;
    if (step >= steps - 1) means[step - steps + 1] = unknown > 0 ? NaN : sum / steps;
  }
  return means;
}
