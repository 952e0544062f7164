import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * Tries again what the adapter calls `retryable`, after a delay that doubles each time, of which a random part is waited
 * (full jitter: clients that were cut off together do not come back together).
 */
export interface RetryPolicy {
  /** The first one included. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Throws the signal's reason when that is aborted. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Throws what the last attempt threw, or the signal's reason. */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (thrown) {
      signal.throwIfAborted();
      if (!isWorthAnother(thrown) || tries >= policy.attempts) throw thrown;
      await policy.wait(delayBefore(tries, policy), signal);
    }
  }
}

/** Milliseconds to wait once so many attempts have failed. */
export function delayBefore(
  tries: number,
  { firstDelayMs, longestDelayMs, random }: Pick<RetryPolicy, 'firstDelayMs' | 'longestDelayMs' | 'random'>,
): number {
  return random() * Math.min(longestDelayMs, firstDelayMs * 2 ** (tries - 1));
}

export function isWorthAnother(thrown: unknown): boolean {
  return thrown instanceof LowtideError && thrown.retryable;
}
