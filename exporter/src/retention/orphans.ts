import type { Catalog, CopyStatus } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { isManifestName, mainPartBeside, manifestBeside } from '../store/manifest.ts';
import type { ObjectLock, Store, UnfinishedWrite } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { judgeStray, judgeUnfinished, type Caution, type OrphanKind } from './orphan-verdict.ts';
import { StoreListings, type Listing } from './store-listings.ts';
import { storedNameOf, type StoredName } from './stored-name.ts';

/**
 * Finds what lies in the stores and belongs to no backup, says what may go (orphan-verdict.ts), and removes that where it is told
 * to. Names that Lowtide does not make are never looked at, nor are copies of the config and journals of rotations.
 */
export interface OrphanOptions {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  /** Remove what may go; else it is only shown. */
  readonly remove: boolean;
  readonly safeAgeMs: number;
  readonly now: EpochMs;
  readonly signal: AbortSignal;
}

export interface Orphan {
  readonly store: string;
  readonly kind: OrphanKind;
  readonly schedule: string;
  readonly backupId: string;
  /** What it is made of, as the store calls it. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** When the last of it was written; absent where the store does not tell. */
  readonly touchedAt?: EpochMs;
  readonly remove: boolean;
  readonly reason: string;
  /** What keeps one that might go otherwise. */
  readonly locked?: ObjectLock;
}

export interface OrphanReport {
  /** By store; whole backups and torn ones first, then writes. */
  readonly orphans: readonly Orphan[];
  readonly removed: number;
  readonly freedBytes: number;
  /** What kept a store from being looked through, or something from being removed. */
  readonly problems: readonly { readonly store: string; readonly error: LowtideError }[];
}

/** Throws the signal's reason on abort. */
export async function pruneOrphans(options: OrphanOptions): Promise<OrphanReport> {
  return await new OrphanSearch(options).run();
}

/** An orphan, and how it is removed. Resolves to false where it has turned out to be none. */
interface Found {
  readonly orphan: Orphan;
  readonly remove: () => Promise<boolean>;
  /** Absent for what no object has come of yet. */
  readonly lock?: () => Promise<ObjectLock | undefined>;
}

class OrphanSearch {
  readonly #options: OrphanOptions;
  readonly #caution: Caution;
  readonly #problems: { store: string; error: LowtideError }[] = [];
  readonly #listings: StoreListings;

  constructor(options: OrphanOptions) {
    this.#options = options;
    this.#caution = options;
    this.#listings = new StoreListings(options.catalog);
  }

  async run(): Promise<OrphanReport> {
    const { stores, remove, signal } = this.#options;
    for (const store of stores.values()) {
      await this.#listings.read(store, signal).catch((thrown: unknown) => {
        this.#report(store.id, thrown);
      });
    }
    const found: Found[] = [];
    for (const [store, listing] of this.#listings) {
      found.push(...(await this.#strays(store, listing)), ...(await this.#unfinished(store)));
    }
    const orphans: Orphan[] = [];
    const removed: Orphan[] = [];
    for (const each of found) {
      signal.throwIfAborted();
      const orphan = await this.#withLock(each);
      orphans.push(orphan);
      try {
        if (orphan.remove && remove && (await each.remove())) removed.push(orphan);
      } catch (thrown) {
        this.#report(orphan.store, thrown);
      }
    }
    const freedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { orphans, removed: removed.length, freedBytes, problems: this.#problems };
  }

  /** Of what nobody knows whether it is locked, it is not said that it may go. */
  async #withLock({ orphan, lock }: Found): Promise<Orphan> {
    if (!orphan.remove || lock === undefined) return orphan;
    try {
      const locked = await lock();
      if (locked === undefined) return orphan;
      return { ...orphan, remove: false, reason: `protected by ${locked.by}`, locked };
    } catch (thrown) {
      this.#report(orphan.store, thrown);
      return { ...orphan, remove: false, reason: 'its store does not answer' };
    }
  }

  /**
   * The catalog is asked after the store was listed: runs that go on first, then what is on file. A run that ends in between
   * is in the one or the other.
   */
  async #strays(store: Store, listing: Listing): Promise<readonly Found[]> {
    const named = [...listing.values()].flatMap((object) => {
      const name = storedNameOf(object.name);
      return name === undefined ? [] : [{ ...object, is: name }];
    });
    const goingOn = await this.#prefixesGoingOn();
    const found: Found[] = [];
    for (const [prefix, objects] of Map.groupBy(named, ({ is }) => is.prefix)) {
      const [first] = objects;
      if (first === undefined || goingOn.has(prefix)) continue;
      const onFile = await this.#onFile(first.is, store);
      if (onFile === 'good' || onFile === 'damaged' || onFile === 'healing') continue;
      const { schedule, backupId, startedAt } = first.is;
      const manifests = objects.filter(({ is }) => is.isManifest);
      const data = objects.filter(({ is }) => !is.isManifest);
      const touchedAt = Math.max(...objects.map(({ modifiedAt }) => modifiedAt));
      const hasManifest = manifests.length > 0;
      const newestGoodAt = await this.#listings.newestGoodAt(schedule);
      const stray = {
        schedule,
        startedAt,
        touchedAt,
        hasManifest,
        hasData: data.length > 0,
        onFile,
        newestGoodAt,
      };
      const orphan: Orphan = {
        ...{ store: store.id, schedule, backupId, touchedAt },
        // The manifest last, as in a prune: it tells what the rest is.
        names: [...data, ...manifests].map(({ name }) => name),
        sizeBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        ...judgeStray(stray, this.#caution),
      };
      found.push({
        orphan,
        lock: () => store.lockOn(orphan.names),
        remove: () => this.#removeStray(store, first.is, orphan),
      });
    }
    return found;
  }

  async #removeStray(store: Store, name: StoredName, { kind, names }: Orphan): Promise<boolean> {
    // A listing may have left out what has come a moment ago, or long since where the server shows it late.
    for (const each of kind === 'half_removed' ? [] : names) {
      const other = isManifestName(each) ? mainPartBeside(each) : manifestBeside(each);
      if ((await store.stat(other)) !== undefined) return false;
    }
    const onFile = await this.#onFile(name, store);
    if ((await this.#prefixesGoingOn()).has(name.prefix)) return false;
    if (onFile === 'good' || onFile === 'damaged' || onFile === 'healing') return false;
    for (const each of names) await store.delete(each);
    return true;
  }

  async #unfinished(store: Store): Promise<readonly Found[]> {
    const found: Found[] = [];
    try {
      for await (const write of store.unfinished('')) {
        this.#options.signal.throwIfAborted();
        const name = storedNameOf(write.object);
        if (name === undefined || (await this.#prefixesGoingOn()).has(name.prefix)) continue;
        if ((await this.#onFile(name, store)) === 'healing') continue;
        found.push(await this.#unfinishedWrite(store, name, write));
      }
    } catch (thrown) {
      this.#report(store.id, thrown);
    }
    return found;
  }

  async #unfinishedWrite(store: Store, name: StoredName, write: UnfinishedWrite): Promise<Found> {
    const { touchedAt, sizeBytes } = write;
    const isRotating = await this.#isRotating(store, write.object);
    const orphan: Orphan = {
      ...{ store: store.id, schedule: name.schedule, backupId: name.backupId, names: [write.as], sizeBytes },
      ...(touchedAt !== undefined && { touchedAt }),
      ...judgeUnfinished({ touchedAt, isRotating }, this.#caution),
    };
    const remove = async (): Promise<boolean> => {
      if (await this.#isRotating(store, write.object)) return false;
      if ((await this.#prefixesGoingOn()).has(name.prefix) || (await this.#onFile(name, store)) === 'healing')
        return false;
      await store.discard(write);
      return true;
    };
    return { orphan, remove };
  }

  /**
   * A rotation that goes on, in whatever process, or that has yet to be put in order, may need what it has written beside objects:
   * also where only the store knows of it, since the catalog was lost, or is another's.
   */
  async #isRotating(store: Store, object: string): Promise<boolean> {
    if ((await store.resealing?.isPending()) === true) return true;
    const { rotations } = this.#options.catalog;
    if ((await rotations.list({ status: 'running', limit: 1 })).length > 0) return true;
    return (await rotations.unsettled()).some(
      (copy) => copy.store === store.id && copy.manifest.parts.some(({ name }) => name === object),
    );
  }

  /** Those whose process is gone as well: the next run of whoever shares the catalog puts them in order. */
  async #prefixesGoingOn(): Promise<ReadonlySet<string>> {
    const runs = await this.#options.catalog.runs({ status: 'running', limit: 10_000 });
    return new Set(runs.map(({ objectPrefix }) => objectPrefix));
  }

  /** `healing`: whoever makes it good looks after what it writes. */
  async #onFile({ backupId }: StoredName, store: Store): Promise<CopyStatus | 'healing' | undefined> {
    const backup = await this.#options.catalog.backup(backupId);
    const copy = backup?.copies.find((each) => each.store === store.id);
    return copy?.isHealing === true ? 'healing' : copy?.status;
  }

  #report(store: string, thrown: unknown): void {
    this.#options.signal.throwIfAborted();
    this.#problems.push({ store, error: LowtideError.from(thrown) });
  }
}
