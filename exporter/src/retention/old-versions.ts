import type { Catalog } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { ObjectLock, OldVersion, OldVersions, Store, VersionedName } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Caution } from './orphan-verdict.ts';
import { StoreListings, type Listing } from './store-listings.ts';
import { copyIn, isWhole } from './stored-copy.ts';
import { passingKindOf, storedNameOf, type PassingKind, type StoredName } from './stored-name.ts';
import {
  judgeBackupVersions,
  versionsToRemove,
  youngVersions,
  type BackupFacts,
  type Judgement,
} from './version-verdict.ts';

/**
 * Finds the versions that buckets keep of what was replaced or deleted, says what may go (version-verdict.ts), and removes that
 * where it is told to: never what is there now, and of names of Lowtide's making alone.
 */
export interface OldVersionOptions {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  /** Remove what may go; else it is only shown. */
  readonly remove: boolean;
  readonly safeAgeMs: number;
  readonly now: EpochMs;
  readonly signal: AbortSignal;
}

/** Old versions of one backup, or of all that was there for a while only, on which the verdict is the same. */
export interface VersionGroup extends Judgement {
  readonly store: string;
  readonly kind: 'backup' | PassingKind;
  readonly backupId?: string;
  readonly versions: number;
  /** Marks of deletions, which take no room. */
  readonly markers: number;
  readonly sizeBytes: number;
  readonly locked?: ObjectLock;
}

export interface VersionReport {
  readonly groups: readonly VersionGroup[];
  /** Versions and marks. */
  readonly removed: number;
  readonly freedBytes: number;
  readonly problems: readonly { readonly store: string; readonly error: LowtideError }[];
}

/** Throws the signal's reason on abort. */
export async function pruneOldVersions(options: OldVersionOptions): Promise<VersionReport> {
  return await new VersionSearch(options).run();
}

/** So many names are asked for their locks, and removed, at once. */
const batchNames = 200;

interface Candidate {
  readonly kind: VersionGroup['kind'];
  readonly backupId?: string;
  readonly named: VersionedName;
  readonly judged: Judgement;
}

class VersionSearch {
  readonly #options: OldVersionOptions;
  readonly #caution: Caution;
  readonly #listings: StoreListings;
  readonly #groups = new Map<string, VersionGroup>();
  readonly #problems: { store: string; error: LowtideError }[] = [];
  #removed = 0;
  #freedBytes = 0;

  constructor(options: OldVersionOptions) {
    this.#options = options;
    this.#caution = options;
    this.#listings = new StoreListings(options.catalog);
  }

  async run(): Promise<VersionReport> {
    const { stores, signal } = this.#options;
    // All of them, for the newest good backup may lie in another.
    for (const store of stores.values()) await this.#attempt(store, () => this.#listings.read(store, signal));
    for (const [store, listing] of this.#listings) {
      const { versions } = store;
      if (versions !== undefined) await this.#attempt(store, () => this.#search(store, versions, listing));
    }
    return {
      groups: [...this.#groups.values()],
      removed: this.#removed,
      freedBytes: this.#freedBytes,
      problems: this.#problems,
    };
  }

  async #search(store: Store, versions: OldVersions, listing: Listing): Promise<void> {
    let batch: Candidate[] = [];
    for await (const named of versions.list('')) {
      this.#options.signal.throwIfAborted();
      const candidate = await this.#judge(store, listing, named);
      if (candidate !== undefined) batch.push(candidate);
      if (batch.length < batchNames) continue;
      await this.#settle(store, versions, batch);
      batch = [];
    }
    await this.#settle(store, versions, batch);
  }

  async #judge(store: Store, listing: Listing, named: VersionedName): Promise<Candidate | undefined> {
    const kind = passingKindOf(named.name);
    if (kind === 'config_copy' && !hasConfigCopySince(listing, named.name)) {
      return { kind, named, judged: { remove: false, reason: 'the store has no newer copy of the config' } };
    }
    if (kind !== undefined) return { kind, named, judged: { remove: true, reason: reasons[kind] } };
    const name = storedNameOf(named.name);
    if (name === undefined) return undefined;
    const facts = await this.#factsOf(store, listing, name);
    return { kind: 'backup', backupId: name.backupId, named, judged: judgeBackupVersions(facts, named) };
  }

  /** Runs before backups: one that ends in between is in the one or the other. */
  async #factsOf(
    store: Store,
    listing: Listing,
    { schedule, backupId, startedAt, prefix }: StoredName,
  ): Promise<BackupFacts> {
    const { catalog } = this.#options;
    const isInWork =
      (await catalog.runs({ status: 'running', limit: 10_000 })).some(
        ({ objectPrefix }) => objectPrefix === prefix,
      ) || (await catalog.rotations.list({ status: 'running', limit: 1 })).length > 0;
    const backup = await catalog.backup(backupId);
    const copy = backup?.copies.find((each) => each.store === store.id);
    const [stored] = backup === undefined ? [] : copyIn(store.id, backup);
    return {
      ...{ schedule, startedAt },
      onFile: isInWork || copy?.isHealing === true || copy?.next !== undefined ? 'in_work' : copy?.status,
      isWhole: stored !== undefined && isWhole(stored, listing),
      newestGoodAt: await this.#listings.newestGoodAt(schedule),
    };
  }

  async #settle(store: Store, versions: OldVersions, batch: readonly Candidate[]): Promise<void> {
    const doomed = batch.filter(({ judged }) => judged.remove).flatMap(({ named }) => named.old);
    // Nothing locks the mark of a deletion.
    const lockable = doomed.filter(({ isMarker }) => !isMarker);
    const found = await versions.locks(lockable);
    const locks = new Map(lockable.map((version, index) => [version, found[index]]));
    const steps = batch.map(({ named, judged }) =>
      judged.remove
        ? versionsToRemove(named, this.#caution, (version) => locks.get(version) !== undefined)
        : { first: [], then: [] },
    );
    for (const [index, { kind, backupId, named, judged }] of batch.entries()) {
      const going = new Set([...(steps[index]?.first ?? []), ...(steps[index]?.then ?? [])]);
      for (const version of named.old) {
        const verdict = judged.remove && !going.has(version) ? this.#whyNot(version, locks) : judged;
        this.#count(
          { store: store.id, kind, ...(backupId !== undefined && { backupId }), ...verdict },
          version,
        );
      }
    }
    if (!this.#options.remove) return;
    await this.#remove(
      versions,
      steps.flatMap(({ first }) => first),
    );
    await this.#remove(
      versions,
      steps.flatMap(({ then }) => then),
    );
  }

  #whyNot(
    version: OldVersion,
    locks: ReadonlyMap<OldVersion, ObjectLock | undefined>,
  ): Judgement & Pick<VersionGroup, 'locked'> {
    const locked = locks.get(version);
    if (locked !== undefined) return { remove: false, reason: `protected by ${locked.by}`, locked };
    if (this.#caution.now - version.since < this.#caution.safeAgeMs) return youngVersions(this.#caution);
    return { remove: false, reason: 'hides a version that stays' };
  }

  async #remove(versions: OldVersions, doomed: readonly OldVersion[]): Promise<void> {
    if (doomed.length === 0) return;
    await versions.remove(doomed);
    this.#removed += doomed.length;
    this.#freedBytes += doomed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  #count(group: Omit<VersionGroup, 'versions' | 'markers' | 'sizeBytes'>, version: OldVersion): void {
    const key = JSON.stringify([group.store, group.kind, group.backupId, group.reason]);
    const { versions = 0, markers = 0, sizeBytes = 0 } = this.#groups.get(key) ?? {};
    this.#groups.set(key, {
      ...group,
      versions: versions + Number(!version.isMarker),
      markers: markers + Number(version.isMarker),
      sizeBytes: sizeBytes + version.sizeBytes,
    });
  }

  async #attempt(store: Store, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#options.signal.throwIfAborted();
      this.#problems.push({ store: store.id, error: LowtideError.from(thrown) });
    }
  }
}

/** Their names are in the order of time. */
function hasConfigCopySince(listing: Listing, name: string): boolean {
  return listing.keys().some((each) => each >= name && passingKindOf(each) === 'config_copy');
}

const reasons: Readonly<Record<PassingKind, string>> = {
  config_copy: 'copies of the config that newer ones have followed',
  check: 'what the store was tried with',
  rotation: 'what a rotation of keys needed for a while',
};
