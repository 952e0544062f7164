import { retrying, type RetryPolicy } from '../retrying.ts';

export interface AskOptions<T> {
  readonly signal?: AbortSignal;
  /** Makes something of what was thrown, or throws it on: then it is a refusal. */
  readonly expected?: (thrown: unknown) => T | Promise<T>;
}

export interface Asked<T> extends AskOptions<T> {
  readonly retry: RetryPolicy;
  readonly send: (signal: AbortSignal) => Promise<T>;
  /** What was thrown, as the store's own refusal. */
  readonly refusal: (thrown: unknown) => unknown;
}

const never = new AbortController().signal;

/** Sends a request to a server, again where that can help. Throws refusals, and the signal's reason. */
export async function ask<T>({ retry, send, refusal, expected, signal = never }: Asked<T>): Promise<T> {
  return await retrying(retry, signal, async () => {
    try {
      return await send(signal);
    } catch (thrown) {
      signal.throwIfAborted();
      try {
        if (expected !== undefined) return await expected(thrown);
      } catch (other) {
        if (other !== thrown) throw other;
      }
      throw refusal(thrown);
    }
  });
}
