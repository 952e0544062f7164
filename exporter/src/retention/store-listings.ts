import type { Catalog } from '../catalog/catalog.ts';
import type { Store, StoredObject } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { copyIn, isWhole } from './stored-copy.ts';

export type Listing = ReadonlyMap<string, StoredObject>;

/** What lies in each store, and what of the catalog is to be seen there. */
export class StoreListings {
  readonly #catalog: Catalog;
  readonly #listings = new Map<Store, Listing>();
  readonly #newestGood = new Map<string, EpochMs | undefined>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Throws what the store throws, and the signal's reason. */
  async read(store: Store, signal: AbortSignal): Promise<void> {
    const listing = new Map<string, StoredObject>();
    for await (const object of store.list('')) {
      signal.throwIfAborted();
      listing.set(object.name, object);
    }
    this.#listings.set(store, listing);
  }

  /** Stores that were read. */
  [Symbol.iterator](): IterableIterator<[Store, Listing]> {
    return this.#listings.entries();
  }

  /** When the newest good backup of the schedule was made that some store shows whole; ask once all are read. */
  async newestGoodAt(schedule: string): Promise<EpochMs | undefined> {
    if (!this.#newestGood.has(schedule)) this.#newestGood.set(schedule, await this.#findNewestGood(schedule));
    return this.#newestGood.get(schedule);
  }

  async #findNewestGood(schedule: string): Promise<EpochMs | undefined> {
    const filter = { schedule, status: 'completed', limit: 100 } as const;
    let page = await this.#catalog.backups(filter);
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      const good = page.find((backup) =>
        [...this.#listings].some(([store, listing]) =>
          copyIn(store.id, backup).some((copy) => copy.status === 'good' && isWhole(copy, listing)),
        ),
      );
      if (good !== undefined) return good.createdAt;
      page = await this.#catalog.backups({ ...filter, after: last.id });
    }
    return undefined;
  }
}
