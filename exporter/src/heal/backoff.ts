import type { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';

const firstDelayMs = 120_000;
const longestDelayMs = 6 * 3_600_000;
/** What another try does not change: somebody has to give a right, make room, or take a lock away. */
const lasting: readonly string[] = ['store_denied', 'store_full'];

/**
 * When a copy that could not be made good is tried again: after minutes at first, then hours, so that a store that is down is not
 * pressed; and after hours at once where it was refused for good.
 */
export class HealBackoff {
  readonly #random: () => number;
  /** By store, then by backup. */
  readonly #failures = new Map<
    string,
    Map<string, { readonly tries: number; readonly notBefore: EpochMs }>
  >();

  /** `random`: from 0 up to 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  isWaiting({ backupId, store }: Copy, now: EpochMs): boolean {
    const { notBefore = -Infinity } = this.#failures.get(store)?.get(backupId) ?? {};
    // A clock that was set back must not make it wait for days.
    return now < notBefore && notBefore - now <= longestDelayMs;
  }

  failed({ backupId, store }: Copy, error: LowtideError | undefined, now: EpochMs): void {
    const ofStore = this.#failures.get(store) ?? new Map<string, { tries: number; notBefore: EpochMs }>();
    const tries = (ofStore.get(backupId)?.tries ?? 0) + 1;
    const full = lasting.includes(error?.code ?? '')
      ? longestDelayMs
      : Math.min(longestDelayMs, firstDelayMs * 2 ** (tries - 1));
    // At least half of it: those that failed together do not come back together, nor at once.
    ofStore.set(backupId, { tries, notBefore: now + (full * (1 + this.#random())) / 2 });
    this.#failures.set(store, ofStore);
  }

  succeeded({ backupId, store }: Copy): void {
    this.#failures.get(store)?.delete(backupId);
  }

  /** The store was down and is not any more: all is tried again. */
  cameBack(store: string): void {
    this.#failures.delete(store);
  }
}

interface Copy {
  readonly backupId: string;
  readonly store: string;
}
