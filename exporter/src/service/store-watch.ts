import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { WatchedStore } from '../health/facts.ts';
import type { Store } from '../store/store.ts';

const checkEveryMs = 60_000;

/** Tries each store once a minute, in the background: whoever only watches asks what was found, and never a store. */
export class StoreWatch {
  readonly #stores: readonly Store[];
  readonly #clock: Clock;
  readonly #found = new Map<string, NonNullable<WatchedStore['lastCheck']>>();

  constructor(stores: Iterable<Store>, clock: Clock) {
    this.#stores = [...stores];
    this.#clock = clock;
  }

  watched(): readonly WatchedStore[] {
    return this.#stores.map(({ id, provider }) => {
      const lastCheck = this.#found.get(id);
      return { id, provider, ...(lastCheck !== undefined && { lastCheck }) };
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(this.#stores.map((store) => this.#check(store)));
      await this.#clock.wakeAt(this.#clock.now() + checkEveryMs, signal).catch(() => undefined);
    }
  }

  async #check(store: Store): Promise<void> {
    try {
      await store.check();
      this.#found.set(store.id, { up: true, at: this.#clock.now() });
    } catch (thrown) {
      this.#found.set(store.id, {
        up: false,
        at: this.#clock.now(),
        error: LowtideError.from(thrown).message,
      });
    }
  }
}
