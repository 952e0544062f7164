import type { PastDays } from './past-days.ts';

/** A day counts half as much as one eight days younger. */
const halfLifeDays = 8;

/** By what a day's weight falls with each day of age. */
export const recencyPerDay = 0.5 ** (1 / halfLifeDays);

/** What a day counts in a forecast, by how many days before the forecast time it lies. */
export function dayWeight(daysBefore: number, weekdayWeight: number): number {
  return recencyPerDay ** daysBefore * (daysBefore % 7 === 0 ? weekdayWeight : 1);
}

const weeks = [7, 14];
const notWeeks = [5, 6, 8, 9, 12, 13];
/** By how much a day of the same weekday counts more on a host where weekdays are all alike. */
const leastWeight = 1.2;
const mostWeight = 20;
/** So many pairs of days that differ as any other are assumed, until there is evidence. */
const assumedPairs = 4;
const evidencePerDay = 0.5 ** (1 / 30);

/**
 * By how much a day of the same weekday counts more than another: the more, the less days a week or two apart differ from
 * one another, compared with days about as far apart that are not of the same weekday.
 */
export function weekdayWeight(half: PastDays): number {
  const other = differences(half, notWeeks);
  const same = differences(half, weeks);
  if (other.weight === 0 || other.sum === 0) return leastWeight;
  const usual = other.sum / other.weight;
  const weekly = (same.sum + assumedPairs * usual) / (same.weight + assumedPairs);
  return Math.min(mostWeight, Math.max(1, leastWeight * (usual / weekly) ** 2));
}

/** The mean squares of the differences of days that lie so many days apart, summed by weight. */
function differences(half: PastDays, distances: readonly number[]): { sum: number; weight: number } {
  const size = half.stepsPerDay;
  let sum = 0;
  let weight = 0;
  for (const distance of distances) {
    for (let row = 0; row + distance < half.count; row += 1) {
      let squares = 0;
      let blocks = 0;
      for (let block = row * size; block < (row + 1) * size; block += 1) {
        const difference = (half.values[block] ?? NaN) - (half.values[block + distance * size] ?? NaN);
        if (Number.isNaN(difference)) continue;
        squares += difference * difference;
        blocks += 1;
      }
      if (blocks < size / 2) continue;
      const evidence = evidencePerDay ** row;
      sum += (evidence * squares) / blocks;
      weight += evidence;
    }
  }
  return { sum, weight };
}
