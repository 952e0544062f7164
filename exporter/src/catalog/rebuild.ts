import { LowtideError } from '../errors/lowtide-error.ts';
import {
  decodeManifest,
  manifestName,
  isManifestName,
  storedManifest,
  type Manifest,
} from '../store/manifest.ts';
import type { Store, StoredObject } from '../store/store.ts';
import type { Backup, Catalog, FoundCopy } from './catalog.ts';

/**
 * Brings the catalog back from what lies in the stores. A store is listed once; each manifest in it is read, its parts
 * are looked up in the listing, and the copy is filed as `good` or `damaged`. What cannot be used is a problem in the
 * report, never the end of the rebuild. Doing it again changes nothing more; runs and events do not come back.
 */
export interface RebuildResult {
  /** Copies found whole. */
  readonly good: number;
  /** Copies with a part missing or of the wrong size. */
  readonly damaged: number;
  readonly problems: readonly RebuildProblem[];
}

export interface RebuildProblem {
  readonly store: string;
  /** The object's name; absent where the store itself could not be read. */
  readonly name?: string;
  readonly error: LowtideError;
}

export interface RebuildProgress {
  readonly store: string;
  /** Manifests looked at, of all in this store. */
  readonly done: number;
  readonly total: number;
}

export interface RebuildOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** A manifest has a few kilobytes; a larger `.json` is somebody else's and is not read into memory. */
const largestManifest = 1024 * 1024;
/** Reading one small object waits for the network, not for the processor. */
const concurrentReads = 8;
const pageSize = 500;
const adoptedTogether = 250;

/** Throws the signal's reason on abort, and what the catalog throws when it cannot be written. */
export async function rebuildCatalog(
  catalog: Catalog,
  stores: ReadonlyMap<string, Store>,
  options: RebuildOptions,
): Promise<RebuildResult> {
  const counts = { good: 0, damaged: 0 };
  const problems: RebuildProblem[] = [];
  for (const [id, store] of stores) {
    await new StoreReader(id, store, catalog, options, counts, problems).read();
  }
  return { ...counts, problems };
}

class StoreReader {
  readonly #id: string;
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #options: RebuildOptions;
  readonly #counts: { good: number; damaged: number };
  readonly #problems: RebuildProblem[];
  readonly #listing = new Map<string, StoredObject>();
  /** What has been looked at, and is to be filed. */
  readonly #found: { readonly manifest: Manifest; readonly fault: LowtideError | undefined }[] = [];

  constructor(
    id: string,
    store: Store,
    catalog: Catalog,
    options: RebuildOptions,
    counts: { good: number; damaged: number },
    problems: RebuildProblem[],
  ) {
    this.#id = id;
    this.#store = store;
    this.#catalog = catalog;
    this.#options = options;
    this.#counts = counts;
    this.#problems = problems;
  }

  async read(): Promise<void> {
    try {
      // What a rotation was killed over is completed first, but for one that goes on: its own process does that.
      const [goingOn] = await this.#catalog.rotations.list({ status: 'running', limit: 1 });
      if (goingOn === undefined) await this.#store.resealing?.finish();
      for await (const object of this.#store.list('')) {
        this.#options.signal.throwIfAborted();
        this.#listing.set(object.name, object);
      }
    } catch (error) {
      this.#report(error);
      return;
    }
    const manifests = [...this.#listing.values()].filter((object) => isManifestName(object.name));
    let done = 0;
    await inParallel(manifests, async (object) => {
      await this.#look(object);
      if (this.#found.length >= adoptedTogether) await this.#adopt();
      done += 1;
      this.#options.onProgress?.({ store: this.#id, done, total: manifests.length });
    });
    await this.#adopt();
    await this.#markMissing();
  }

  async #look(object: StoredObject): Promise<void> {
    try {
      const manifest = await this.#manifest(object);
      this.#found.push({ manifest, fault: await this.#fault(manifest) });
    } catch (error) {
      this.#report(error, object.name);
    }
  }

  /** Each commit waits for the disk: a hundred thousand of them would take minutes. */
  async #adopt(): Promise<void> {
    const found = this.#found.splice(0);
    const outcomes = await this.#catalog.adoptBackups(
      found.map(({ manifest, fault }) => ({ manifest, copy: this.#copy(manifest, fault) })),
    );
    for (const [index, { manifest, fault }] of found.entries()) {
      const refused = outcomes[index];
      if (refused !== undefined) this.#report(refused, manifestName(manifest));
      else if (fault === undefined) this.#counts.good += 1;
      else this.#reportDamaged(manifest, fault);
    }
  }

  async #manifest(object: StoredObject): Promise<Manifest> {
    if (object.sizeBytes > largestManifest) {
      throw new LowtideError('manifest_invalid', `${object.name} is too large for a manifest`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#store.get(object.name, { signal: this.#options.signal }))
      chunks.push(chunk);
    const manifest = decodeManifest(Buffer.concat(chunks), this.#store.locate(object.name));
    if (manifestName(manifest) !== object.name) {
      throw new LowtideError(
        'manifest_invalid',
        `${object.name} describes ${manifest.parts[0].name}, which it does not lie beside`,
        {
          hint: 'Was it copied or renamed? A backup is moved by moving all its objects under their own names.',
        },
      );
    }
    return manifest;
  }

  async #fault(manifest: Manifest): Promise<LowtideError | undefined> {
    for (const part of manifest.parts) {
      const expected = part.headerBytes + part.payloadBytes;
      if (this.#listing.get(part.name)?.sizeBytes === expected) continue;
      // A backup made while the store was being listed is no damage: ask again.
      const found = await this.#store.stat(part.name);
      if (found === undefined) return new LowtideError('store_missing_object', `${part.name} is missing`);
      if (found.sizeBytes !== expected) {
        const sizes = `${found.sizeBytes} bytes instead of ${expected}`;
        return new LowtideError('payload_invalid', `${part.name} has ${sizes}`);
      }
    }
    return undefined;
  }

  #copy(manifest: Manifest, fault: LowtideError | undefined): FoundCopy {
    return {
      store: this.#id,
      path: this.#store.locate(manifest.parts[0].name),
      ...(fault === undefined ? { status: 'good' } : { status: 'damaged', error: fault.message }),
    };
  }

  /** Copies on file as good of which the store has nothing: deleted by other hands. */
  async #markMissing(): Promise<void> {
    let page: readonly Backup[] = await this.#catalog.backups({ status: 'completed', limit: pageSize });
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      this.#options.signal.throwIfAborted();
      for (const backup of page) await this.#markIfMissing(backup);
      page = await this.#catalog.backups({ status: 'completed', limit: pageSize, after: last.id });
    }
  }

  async #markIfMissing(backup: Backup): Promise<void> {
    const copy = backup.copies.find((each) => each.store === this.#id && each.status === 'good');
    if (copy === undefined) return;
    const manifest = copy.manifest ?? storedManifest(backup.manifest);
    if (manifest.parts.every((part) => this.#listing.has(part.name))) return;
    try {
      const fault = await this.#fault(manifest);
      if (fault === undefined) return;
      await this.#catalog.adoptBackup(manifest, this.#copy(manifest, fault));
      this.#reportDamaged(manifest, fault);
    } catch (error) {
      if (error instanceof LowtideError && error.code.startsWith('state_')) throw error;
      this.#report(error, manifest.parts[0].name);
    }
  }

  #reportDamaged(manifest: Manifest, fault: LowtideError): void {
    this.#counts.damaged += 1;
    this.#problems.push({ store: this.#id, name: manifest.parts[0].name, error: fault });
  }

  #report(error: unknown, name?: string): void {
    this.#options.signal.throwIfAborted();
    this.#problems.push({
      store: this.#id,
      error: LowtideError.from(error),
      ...(name !== undefined && { name }),
    });
  }
}

/** Works on several items at once; after the first failure no further item is begun, and it is thrown at the end. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const workers = Array.from({ length: concurrentReads }, async () => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  for (const result of await Promise.allSettled(workers)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
