import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/**
 * Waits so long, by the wall clock or by one that is never set, whichever is over first: a clock that is put back must keep nobody
 * from looking again. Resolves early on abort.
 */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    await Promise.race([clock.wakeAt(clock.now() + ms, either), delay(ms, undefined, { signal: either })]);
  } catch {
    // Aborted: there is nothing to wait for.
  } finally {
    over.abort();
  }
}
