/** Weights of a moving mean over 35 minutes: a job that starts a step earlier or later is the same job. */
const kernel = [1 / 64, 6 / 64, 15 / 64, 20 / 64, 15 / 64, 6 / 64, 1 / 64];
const hoursPerDay = 24;
/** So many of the hours, highest and lowest each, say nothing of what most have in common. */
const oddHours = hoursPerDay / 4;

/**
 * A course of a day or more with neighbouring steps averaged: from few days the minutes of a narrow trough are not known.
 * Only what comes at the same minutes of every hour, as jobs do that start every ten minutes, is known from all hours of the
 * day, and stays as sharp as it is.
 */
export function smoothed(course: Float64Array, stepsPerDay: number): Float64Array {
  const pattern = hourlyPattern(course.subarray(0, stepsPerDay));
  const hourly = course.map((_, step) => pattern[step % pattern.length] ?? 0);
  const rest = course.map((load, step) => load - (hourly[step] ?? 0));
  const last = course.length - 1;
  const middle = (kernel.length - 1) / 2;
  return hourly.map((load, step) =>
    kernel.reduce(
      (sum, weight, index) => sum + weight * (rest[Math.min(last, Math.max(0, step + index - middle))] ?? 0),
      load,
    ),
  );
}

/**
 * By how much each step of an hour differs from the hour around it, over a day: the mean of the middle half of the hours, so
 * that what comes once a night has no echo in the others.
 */
function hourlyPattern(day: Float64Array): Float64Array {
  const size = day.length / hoursPerDay;
  if (!Number.isInteger(size)) return new Float64Array(1);
  const differences = day.map((load, step) => load - meanOfHourAround(day, step, size));
  return Float64Array.from({ length: size }, (_, place) => {
    const ofHours = Float64Array.from(
      { length: hoursPerDay },
      (__, hour) => differences[hour * size + place] ?? 0,
    );
    const usual = ofHours.sort().subarray(oddHours, hoursPerDay - oddHours);
    return usual.reduce((sum, difference) => sum + difference, 0) / usual.length;
  });
}

/** With the step in its middle; the day is taken to repeat itself. */
function meanOfHourAround(day: Float64Array, step: number, size: number): number {
  const reach = Math.floor(size / 2);
  let sum = 0;
  for (let away = -reach; away <= reach; away += 1) {
    const share = size % 2 === 0 && Math.abs(away) === reach ? 0.5 : 1;
    sum += share * (day[(step + away + day.length) % day.length] ?? 0);
  }
  return sum / size;
}
