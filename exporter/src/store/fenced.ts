import type { RemoteStore } from './objects/store.ts';
import type { Resealing } from './resealing.ts';
import type {
  GetOptions,
  ObjectLock,
  OldVersions,
  PutOptions,
  Store,
  StoredObject,
  StoreSpace,
  UnfinishedWrite,
} from './store.ts';

/**
 * A store that others reach as well, for a process that may be paused at any line: before anything that is there is removed or
 * replaced, it is asked whether this process still is the one to do so. What is new may always come: nothing is lost by it.
 */
export class FencedStore implements Store {
  readonly #store: RemoteStore;
  readonly #assertOurs: () => Promise<void>;
  readonly id: string;
  readonly type: Store['type'];
  readonly provider: string;
  readonly versions?: OldVersions;
  readonly resealing: Resealing;

  /** `assertOurs` throws where it is not. */
  constructor(store: RemoteStore, assertOurs: () => Promise<void>) {
    this.#store = store;
    this.#assertOurs = assertOurs;
    this.id = store.id;
    this.type = store.type;
    this.provider = store.provider;
    const { versions, resealing } = store;
    this.resealing = {
      ...resealing,
      replaceHeads: this.#first((replacements, options) => resealing.replaceHeads(replacements, options)),
      finish: this.#first(() => resealing.finish()),
    };
    if (versions !== undefined) {
      this.versions = { ...versions, remove: this.#first((removed) => versions.remove(removed)) };
    }
  }

  async put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject> {
    if (options.replace === true) await this.#assertOurs();
    return await this.#store.put(name, body, options);
  }

  async delete(name: string): Promise<void> {
    await this.#assertOurs();
    await this.#store.delete(name);
  }

  async sweep(prefix: string): Promise<readonly string[]> {
    await this.#assertOurs();
    return await this.#store.sweep(prefix);
  }

  async discard(write: UnfinishedWrite): Promise<void> {
    await this.#assertOurs();
    await this.#store.discard(write);
  }

  get(name: string, options: GetOptions): AsyncIterable<Uint8Array> {
    return this.#store.get(name, options);
  }

  stat(name: string): Promise<StoredObject | undefined> {
    return this.#store.stat(name);
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#store.list(prefix);
  }

  lockOn(names: readonly string[]): Promise<ObjectLock | undefined> {
    return this.#store.lockOn(names);
  }

  locate(name: string): string {
    return this.#store.locate(name);
  }

  unfinished(prefix: string): AsyncIterable<UnfinishedWrite> {
    return this.#store.unfinished(prefix);
  }

  space(): Promise<StoreSpace | undefined> {
    return this.#store.space();
  }

  check(): Promise<void> {
    return this.#store.check();
  }

  #first<Args extends unknown[], T>(work: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      await this.#assertOurs();
      return await work(...args);
    };
  }
}
