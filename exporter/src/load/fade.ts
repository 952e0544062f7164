import type { PastDays } from './past-days.ts';
import { recencyPerDay } from './day-weight.ts';

/**
 * How long a load that is higher or lower than usual stays so. The answer is a share for each half hour ahead: 1 means
 * that all of the difference is still there, 0 that the load is back to what it usually is at that time.
 */

/** A lull is over soon on every host: assuming so costs little, since the quiet moment is taken at once. */
const lullFadesMs = 3 * 3_600_000;
/** What is assumed of an excess until the host has shown how long its own take. */
const excessFadesMs = 6 * 3_600_000;
/** The assumption weighs as much as this many days of evidence. */
const assumedDays = 5;
/** And at least as much as an excess like the present one that was seen so often: noise says nothing of a shock. */
const assumedShocks = 3;
/** Evidence of a month ago counts half. */
const evidencePerDay = 0.5 ** (1 / 30);
/** So many days must lie before the first that is learned from, or "usual" means little. */
const daysBeforeLearning = 4;

export function lullFade(blocks: number, blockMs: number): Float64Array {
  return exponential(blocks, blockMs, lullFadesMs);
}

/**
 * Learned from every hour of the past at which the load stood above its usual course: the least-squares share of that
 * excess which was left a block later, two blocks later and so on. Never rises. `weekday`: what a day of the same weekday
 * counts more than another, `present`: the excess whose course is asked for.
 */
export function excessFade(
  days: PastDays,
  { weekday, present }: { readonly weekday: number; readonly present: number },
  { blocks, blockMs }: { readonly blocks: number; readonly blockMs: number },
): Float64Array {
  const { energy, product, averageEnergy } = gatherExcesses(days, weekday, blocks);
  const fade = exponential(blocks, blockMs, excessFadesMs);
  const assumed = assumedDays * averageEnergy + assumedShocks * present ** 2 + 1e-9;
  let ceiling = 1;
  for (let ahead = 0; ahead < blocks; ahead += 1) {
    const share = ((product[ahead] ?? 0) + assumed * (fade[ahead] ?? 0)) / ((energy[ahead] ?? 0) + assumed);
    ceiling = Math.max(0, Math.min(ceiling, share));
    fade[ahead] = ceiling;
  }
  return fade;
}

function exponential(blocks: number, blockMs: number, fadesMs: number): Float64Array {
  return Float64Array.from({ length: blocks }, (_, ahead) => Math.exp((-(ahead + 0.5) * blockMs) / fadesMs));
}

interface Excesses {
  /** Sum of squared excesses, and of excess times what was left of it, by blocks ahead. */
  readonly energy: Float64Array;
  readonly product: Float64Array;
  /** Energy that a day has on average, by which the assumption is weighed. */
  readonly averageEnergy: number;
}

function gatherExcesses(days: PastDays, weekday: number, blocks: number): Excesses {
  const size = days.stepsPerDay;
  const { thatDay, dayAfter } = deviations(days, weekday);
  const energy = new Float64Array(blocks);
  const product = new Float64Array(blocks);
  let seen = 0;
  const stride = Math.max(1, Math.round(size / 24));
  for (let day = daysBeforeLearning; day < days.count - 1; day += 1) {
    const weight = evidencePerDay ** (days.count - 1 - day);
    seen += weight;
    for (let origin = 0; origin < size; origin += stride) {
      const excess = thatDay[day * size + origin - 1] ?? NaN;
      if (!(excess > 0)) continue;
      const reach = Math.min(blocks, 2 * size - origin);
      for (let ahead = 0; ahead < reach; ahead += 1) {
        const step = origin + ahead;
        const left = (step < size ? thatDay[day * size + step] : dayAfter[day * size + step - size]) ?? NaN;
        if (Number.isNaN(left)) continue;
        energy[ahead] = (energy[ahead] ?? 0) + weight * excess * excess;
        product[ahead] = (product[ahead] ?? 0) + weight * excess * left;
      }
    }
  }
  const total = energy.reduce((sum, value) => sum + value, 0);
  return { energy, product, averageEnergy: seen === 0 ? 0 : total / blocks / seen };
}

/**
 * By how much each block differed from what the days before it made one expect; oldest day first. `dayAfter` holds the
 * deviations of the day behind each day, as expected without knowing that day.
 */
function deviations(days: PastDays, weekday: number): { thatDay: Float64Array; dayAfter: Float64Array } {
  const size = days.stepsPerDay;
  const thatDay = new Float64Array(days.count * size).fill(NaN);
  const dayAfter = new Float64Array(days.count * size).fill(NaN);
  const at = (day: number, block: number): number =>
    day < 0 ? NaN : (days.values[(days.count - 1 - day) * size + block] ?? NaN);
  const recency = recencyPerDay;
  const week = recencyPerDay ** 7;
  const extra = weekday - 1;
  for (let block = 0; block < size; block += 1) {
    // Decaying sums over the days before, and over those of the same weekday: one multiplication a day.
    let sum = 0;
    let weight = 0;
    const weekSum = new Float64Array(7);
    const weekWeight = new Float64Array(7);
    for (let day = 0; day < days.count; day += 1) {
      const today = at(day, block);
      const slot = day % 7;
      const next = (day + 1) % 7;
      const total = weight + extra * (weekWeight[slot] ?? 0);
      if (total > 0) thatDay[day * size + block] = today - (sum + extra * (weekSum[slot] ?? 0)) / total;
      const later = recency * weight + extra * (weekWeight[next] ?? 0);
      if (later > 0) {
        const expected = (recency * sum + extra * (weekSum[next] ?? 0)) / later;
        dayAfter[day * size + block] = at(day + 1, block) - expected;
      }
      const known = Number.isNaN(today) ? 0 : 1;
      sum = recency * (sum + (known === 1 ? today : 0));
      weight = recency * (weight + known);
      weekSum[slot] = week * ((weekSum[slot] ?? 0) + (known === 1 ? today : 0));
      weekWeight[slot] = week * ((weekWeight[slot] ?? 0) + known);
    }
  }
  return { thatDay, dayAfter };
}
