import type { EpochMs } from '../units/instant.ts';

/**
 * Answers again with what was found a moment ago, for at most `maxAgeMs` (a number, or taken from the answer itself), and never
 * asks twice at once: whoever comes meanwhile gets the same answer. Failures are not kept.
 */
export function recent<T>(
  ask: () => Promise<T>,
  maxAgeMs: number | ((answer: T) => number),
  now: () => EpochMs,
): () => Promise<T> {
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
  return async () => {
    if (asking !== undefined) return asking;
    if (kept !== undefined) {
      const age = now() - kept.at;
      // A clock set back makes the age negative: ask again rather than trust the answer until the clock has caught up.
      if (age >= 0 && age < kept.maxAgeMs) return kept.answer;
    }
    asking = start();
    return asking;
  };
}
