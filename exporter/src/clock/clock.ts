import type { EpochMs } from '../units/instant.ts';

/** The only source of time. Wall time may jump either way; code that waits must ask again when it wakes. */
export interface Clock {
  now(): EpochMs;
  /** Resolves when `at` has come (at once when it lies in the past); rejects with the signal's reason on abort. */
  wakeAt(at: EpochMs, signal: AbortSignal): Promise<void>;
}
