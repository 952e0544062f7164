import { mean, type PastDays } from './past-days.ts';

/**
 * "Same as yesterday": the load of the same time of day on the last day on which it is known. What every better forecast has to
 * beat.
 */
export function repeatedDay(days: PastDays, length: number): Float64Array {
  const { stepsPerDay, count, values } = days;
  const day = new Float64Array(stepsPerDay).fill(mean(values));
  for (let step = 0; step < stepsPerDay; step += 1) {
    for (let row = 0; row < count; row += 1) {
      const load = values[row * stepsPerDay + step] ?? NaN;
      if (Number.isNaN(load)) continue;
      day[step] = load;
      break;
    }
  }
  return Float64Array.from({ length }, (_, step) => day[step % stepsPerDay] ?? 0);
}
