/** A few runs say more than a guess, and old ones little. */
const fewestRuns = 3;

/**
 * How long a run will take, from how long earlier ones took (milliseconds, the latest first): the ninth of ten, so that one
 * odd night neither stretches every plan nor is forgotten. Below three runs the guess of the config stands.
 */
export function expectedDuration(durationsMs: readonly number[], guessMs: number): number {
  if (durationsMs.length < fewestRuns) return guessMs;
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return Math.max(1, sorted[Math.ceil(sorted.length * 0.9) - 1] ?? guessMs);
}
