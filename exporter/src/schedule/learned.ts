import type { Resources } from './planner.ts';

/** A few runs say more than a guess, and old ones little: the last ten are learned from, once there are three. */
export const runsLearnedFrom = 10;
const fewestRuns = 3;
/** Before something is called unusual, there must be something usual. */
const fewestUsual = 5;
/** What differs by less is the same: half as much again. */
const leastRatio = 1.5;
/** Robust standard deviations of the logarithm; beyond lies one in ten thousand of what is spread evenly around. */
const deviations = 4;
/** By which the median deviation of normal numbers is smaller than their standard deviation. */
const normalRatio = 1.4826;
const minuteMs = 60_000;

/**
 * What to reckon with, from what earlier runs took of something: the ninth of ten, so that one odd night neither stretches
 * every plan nor is forgotten. Undefined below three runs: then the guess of the config stands.
 */
export function expectedFrom(values: readonly number[]): number | undefined {
  if (values.length < fewestRuns) return undefined;
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.9) - 1];
}

/** How long a run will take (milliseconds), from how long earlier ones took. */
export function expectedDuration(durationsMs: readonly number[], guessMs: number): number {
  return Math.max(1, expectedFrom(durationsMs) ?? guessMs);
}

/**
 * What a run will take of the host, from what earlier ones were measured to take. `durationMs`: that of a run; one of a second that
 * keeps half of the processors busy takes little of any minute, and need not wait until half of them are free.
 */
export function expectedResources(
  uses: readonly Resources[],
  guess: Resources,
  durationMs: number,
): Resources {
  const ofMinute = Math.min(1, durationMs / minuteMs);
  const expected = (name: keyof Resources, share: number): number => {
    const least = Math.min(leastUse, guess[name]);
    const learned = expectedFrom(uses.map((use) => use[name]));
    return Math.min(1, Math.max(least, learned === undefined ? guess[name] : learned * share));
  };
  return { cpu: expected('cpu', ofMinute), memory: expected('memory', 1) };
}

/** Nothing runs for free, though it may have been too little to measure; a config may know of less. */
const leastUse = 0.01;

/** Between these lies what is usual. */
export interface UsualBand {
  readonly low: number;
  readonly high: number;
}

/**
 * What is usual for a figure that grows by factors, as sizes and durations do: around the median of earlier runs, as far as
 * they were spread, and half as much again at least. `floor`: what is smaller counts as being so large, since between two
 * seconds and five there is no difference to anybody. Undefined while there are fewer than five runs.
 */
export function usualBand(earlier: readonly number[], floor: number): UsualBand | undefined {
  if (earlier.length < fewestUsual) return undefined;
  const logs = earlier.map((value) => Math.log(Math.max(value, floor)));
  const middle = median(logs);
  const spread = normalRatio * median(logs.map((value) => Math.abs(value - middle)));
  const reach = Math.max(Math.log(leastRatio), deviations * spread);
  const low = Math.exp(middle - reach);
  return { low: low < floor ? 0 : low, high: Math.exp(middle + reach) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return ((sorted[half] ?? NaN) + (sorted[sorted.length - 1 - half] ?? NaN)) / 2;
}
