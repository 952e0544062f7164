import type { EpochMs } from '../units/instant.ts';

/** A question whose answers are kept for a while. */
export interface Recent<T> {
  /** An answer that is no older than it may be: asks where there is none. */
  (): Promise<T>;
  /**
   * For those who cannot wait: up to twice that age the last answer is given, and the next one asked for meanwhile. Beyond that, and
   * where there is none, they wait as well.
   */
  readonly soon: () => Promise<T>;
}

/**
 * Answers again with what was found a moment ago, for at most `maxAgeMs` (a number, or taken from the answer itself), and never
 * asks twice at once: whoever comes meanwhile gets the same answer. Failures are not kept.
 */
export function recent<T>(
  ask: () => Promise<T>,
  maxAgeMs: number | ((answer: T) => number),
  now: () => EpochMs,
): Recent<T> {
  let kept: { readonly answer: T; readonly at: EpochMs; readonly maxAgeMs: number } | undefined;
  let asking: Promise<T> | undefined;
  const start = async (): Promise<T> => {
    try {
      const at = now();
      const answer = await ask();
      kept = { answer, at, maxAgeMs: typeof maxAgeMs === 'number' ? maxAgeMs : maxAgeMs(answer) };
      return answer;
    } finally {
      asking = undefined;
    }
  };
  /** By how many times its age; a clock set back makes it negative, and is not waited for to catch up. */
  const isWithin = (times: number): boolean => {
    const age = now() - (kept?.at ?? -Infinity);
    return kept !== undefined && age >= 0 && age < times * kept.maxAgeMs;
  };
  const fresh = (): Promise<T> => (asking ??= start());
  const answer = async (): Promise<T> => {
    if (asking === undefined && kept !== undefined && isWithin(1)) return kept.answer;
    return fresh();
  };
  const soon = async (): Promise<T> => {
    if (kept === undefined || !isWithin(2)) return fresh();
    // Whoever waits for an answer hears of its failure.
    if (!isWithin(1)) fresh().catch(() => undefined);
    return kept.answer;
  };
  return Object.assign(answer, { soon });
}
