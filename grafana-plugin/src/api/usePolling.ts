import { useCallback, useEffect, useRef, useState } from 'react';
import type { EpochMs } from '../format/format.ts';
import { now } from '../lib/clock.ts';
import { failureOf, RequestError, type RequestFailure } from './failure.ts';
import { pollDelayMs } from './poll-delay.ts';

export interface Polled<T> {
  /** The last answer; it stays when a later request fails. */
  readonly data: T | undefined;
  /** Of the last request; undefined once one succeeds. */
  readonly failure: RequestFailure | undefined;
  /** When the data came. */
  readonly updatedAt: EpochMs | undefined;
  readonly isLoading: boolean;
  /** Asks at once. */
  readonly refresh: () => void;
}

interface Answer<T> {
  /** What was asked; the answer to something else does not count. */
  readonly to?: () => Promise<T>;
  readonly data?: T;
  readonly failure?: RequestFailure | undefined;
  readonly updatedAt?: EpochMs;
}

/**
 * The one poll of a view. It rests while nobody looks, asks less often the longer no answer comes, and never has two
 * requests under way. `ask` is to stay the same (`useCallback`) for as long as the same is asked for; the interval may
 * depend on the answer, as where something goes on.
 */
export function usePolling<T>(
  ask: () => Promise<T>,
  intervalMs: number | ((data: T | undefined) => number),
): Polled<T> {
  const [answer, setAnswer] = useState<Answer<T>>({});
  const [isLoading, setLoading] = useState(true);
  const askNow = useRef<() => void>(() => undefined);
  const interval = useRef(intervalMs);
  useEffect(() => {
    interval.current = intervalMs;
  });

  useEffect(() => {
    let isOver = false;
    let isAsking = false;
    let isWantedAgain = false;
    let failures = 0;
    let timer: number | undefined;
    let lastAskedAt = 0;
    let latest: Answer<T> = {};

    const delayMs = (): number => {
      const { current } = interval;
      return pollDelayMs(typeof current === 'number' ? current : current(latest.data), failures);
    };
    const settle = (answered: Answer<T>): void => {
      isAsking = false;
      if (isOver) return;
      latest = answered;
      setAnswer(answered);
      setLoading(false);
      if (isWantedAgain) {
        isWantedAgain = false;
        poll();
      } else if (!document.hidden) {
        timer = window.setTimeout(poll, delayMs());
      }
    };
    const poll = (): void => {
      window.clearTimeout(timer);
      if (isAsking) {
        isWantedAgain = true;
        return;
      }
      isAsking = true;
      lastAskedAt = now();
      setLoading(true);
      ask().then(
        (data) => {
          failures = 0;
          settle({ to: ask, data, updatedAt: now() });
        },
        (error: unknown) => {
          failures += 1;
          const failure = error instanceof RequestError ? error.failure : failureOf({});
          settle({ ...latest, to: ask, failure });
        },
      );
    };
    const onVisibility = (): void => {
      window.clearTimeout(timer);
      if (document.hidden || isAsking) return;
      const due = lastAskedAt + delayMs() - now();
      timer = window.setTimeout(poll, Math.max(0, due));
    };

    askNow.current = poll;
    poll();
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      isOver = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [ask]);

  const refresh = useCallback(() => askNow.current(), []);
  const { data, failure, updatedAt }: Answer<T> = answer.to === ask ? answer : {};
  return { data, failure, updatedAt, isLoading, refresh };
}
