/** A day of ten days ago counts half as much as yesterday. */
const halfLifeDays = 10;

/** By what a day's weight falls with each day of age. */
export const recencyPerDay = 0.5 ** (1 / halfLifeDays);

/** A day of the same weekday counts by so much more. */
export const sameWeekdayWeight = 1.5;

/** What a day counts in a forecast, by how many days before the forecast time it lies. */
export function dayWeight(daysBefore: number): number {
  return recencyPerDay ** daysBefore * (daysBefore % 7 === 0 ? sameWeekdayWeight : 1);
}
