import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { WatchedStore } from '../health/facts.ts';
import type { Store } from '../store/store.ts';

const checkEveryMs = 60_000;

type NewestObject = (store: string) => Promise<string | undefined>;

/** Tries each store once a minute, in the background: whoever only watches asks what was found, and never a store. */
export class StoreWatch {
  #stores: readonly Store[];
  readonly #clock: Clock;
  readonly #newest: NewestObject;
  readonly #found = new Map<string, NonNullable<WatchedStore['lastCheck']>>();
  #wake = new AbortController();

  /** `newest`: the object that was stored last in a store, as far as is known. */
  constructor(stores: Iterable<Store>, clock: Clock, newest: NewestObject) {
    this.#stores = [...stores];
    this.#clock = clock;
    this.#newest = newest;
  }

  /** From now on these are tried, at once; what was found about those that stay by name is kept until then. */
  replaceStores(stores: Iterable<Store>): void {
    this.#stores = [...stores];
    this.#wake.abort();
  }

  watched(): readonly WatchedStore[] {
    return this.#stores.map(({ id, provider }) => {
      const lastCheck = this.#found.get(id);
      return { id, provider, ...(lastCheck !== undefined && { lastCheck }) };
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await Promise.all(this.#stores.map((store) => this.#check(store)));
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await this.#clock.wakeAt(this.#clock.now() + checkEveryMs, either).catch(() => undefined);
    }
  }

  async #check(store: Store): Promise<void> {
    try {
      await store.check();
      await this.#refuseLost(store);
      this.#found.set(store.id, { up: true, at: this.#clock.now() });
    } catch (thrown) {
      this.#found.set(store.id, {
        up: false,
        at: this.#clock.now(),
        error: LowtideError.from(thrown).message,
      });
    }
  }

  /** A disk that is not mounted any more takes a probe as well, and none of the backups are there. */
  async #refuseLost(store: Store): Promise<void> {
    const name = await this.#newest(store.id);
    if (name === undefined || (await store.stat(name)) !== undefined) return;
    throw new LowtideError('store_missing_object', `the newest backup on file there, ${name}, is not there`);
  }
}
