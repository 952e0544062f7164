import type { EpochMs } from '../units/instant.ts';
import type { LoadForecast } from './forecast.ts';

/** A stretch in which something may run, and what load it is expected to meet. */
export interface QuietStart {
  readonly start: EpochMs;
  /** Mean expected load from `start` on for as long as it takes, 0 to 1. */
  readonly load: number;
}

/** What is searched: the run must begin at `from` or later and be over by `until`. */
export interface Stretch {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly durationMs: number;
}

/**
 * The start with the lowest mean expected load, a whole number of steps behind `from`; of equal ones the earliest, so
 * that a host about which nothing is known starts as its window opens. Undefined where the stretch is shorter than the
 * run or the forecast does not reach over any possible start.
 */
export function quietestStart(forecast: LoadForecast, stretch: Stretch): QuietStart | undefined {
  const { stepMs, expected } = forecast;
  const steps = Math.max(1, Math.round(stretch.durationMs / stepMs));
  const first = Math.floor((stretch.from - forecast.startsAt) / stepMs);
  const count = Math.floor((stretch.until - stretch.from - stretch.durationMs) / stepMs + 1e-9) + 1;
  if (first < 0) throw new RangeError('the stretch begins before the forecast');
  let best: QuietStart | undefined;
  let load = 0;
  for (let step = first; step < Math.min(expected.length, first + count + steps - 1); step += 1) {
    load += expected[step] ?? 0;
    const start = step - first - steps + 1;
    if (start > 0) load -= expected[step - steps] ?? 0;
    // Rounding must not tell equal loads apart, or a flat forecast would pick a start at random.
    if (start >= 0 && (best === undefined || load / steps < best.load - 1e-12)) {
      best = { start: stretch.from + start * stepMs, load: load / steps };
    }
  }
  return best;
}
