import type { RotationBackup } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { RewrapThread } from '../seal/rewrap-thread.ts';
import { Rewrapper, type HeadRewrapper } from '../seal/rewrap.ts';
import { manifestName, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { candidateOf, type CandidateCopy } from './candidates.ts';
import { freshSealings, reencryptBackup, type FreshSealings } from './reencrypt.ts';
import { ReencryptThreads } from './reencrypt-threads.ts';
import { rewrapBackup, type Resealed } from './rewrap.ts';
import { PreparedCopies, type Change, type Step } from './step.ts';
import type { RotationWorkOptions } from './work.ts';

export interface PreparationOptions extends Omit<RotationWorkOptions, 'gate' | 'onProgress'> {
  /** Told how many bytes of a backup have been re-encrypted; what it throws stops that. */
  readonly onBytes: (bytes: number) => Promise<void>;
}

/** From so many on in one go, a thread that rewraps is worth its start. */
const worthAThread = 32;

/** Works out what the copies of backups are to become. Nothing that is stored has changed when a step is prepared. */
export class Preparation implements AsyncDisposable {
  readonly #options: PreparationOptions;
  /** By the key that opens. */
  readonly #rewrappers = new Map<string, HeadRewrapper>();
  #rewrapThread: RewrapThread | undefined;
  #threads: ReencryptThreads | undefined;

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  async prepare(items: readonly RotationBackup[]): Promise<readonly Step[]> {
    if (items.length >= worthAThread) this.#rewrapThread ??= new RewrapThread();
    const steps = items.map((item) => this.#prepare(item));
    // All have come to rest before a failure is told.
    await Promise.allSettled(steps);
    return await Promise.all(steps);
  }

  /** Removes what was written for copies that are not to have it. */
  async sweep(changes: readonly Change[]): Promise<void> {
    if (this.#options.mode === 'rewrap') return;
    for (const { store, manifest } of changes) {
      for (const part of manifest.parts) await store.sweep(part.name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#threads?.[Symbol.asyncDispose](), this.#rewrapThread?.[Symbol.asyncDispose]()]);
  }

  async #prepare(item: RotationBackup): Promise<Step> {
    const { catalog, rules, signal } = this.#options;
    const backup = await catalog.backup(item.backupId);
    const candidate = backup && candidateOf(backup, rules);
    if (backup?.status !== 'completed')
      return { item, changes: [], skipped: ['pruned meanwhile'], failed: [] };
    // Done already: a process that was killed had no time to say so.
    if (candidate === undefined) return { item, changes: [], skipped: [], failed: [] };
    const preparing = new PreparedCopies(candidate.skipped.map(({ text }) => text));
    try {
      for (const alike of groupAlike(candidate.copies)) {
        if (this.#options.mode === 'rewrap') await this.#rewrapAlike(alike, preparing);
        else await this.#reencryptAlike(item, alike, preparing);
      }
    } catch (thrown) {
      await this.sweep(preparing.changes);
      signal.throwIfAborted();
      throw thrown;
    }
    const { changes, skipped, failed } = preparing;
    return { item, changes, skipped, failed };
  }

  /** The first copy that is whole tells what all are to become. */
  async #rewrapAlike(alike: readonly CandidateCopy[], preparing: PreparedCopies): Promise<void> {
    let rewrapped: Resealed | undefined;
    for (const { store: id, manifest } of alike) {
      const store = this.#store(id);
      await preparing.attempt(store, async () => {
        rewrapped ??= await rewrapBackup(
          manifest,
          store,
          await this.#rewrapperOf(manifest),
          this.#options.target,
        );
        return rewrapped;
      });
    }
  }

  async #reencryptAlike(
    item: RotationBackup,
    alike: readonly [CandidateCopy, ...CandidateCopy[]],
    preparing: PreparedCopies,
  ): Promise<void> {
    const fresh = await freshSealings(alike[0].manifest, this.#options.target);
    for (const { store: id, manifest } of alike) {
      const store = this.#store(id);
      const names = [...manifest.parts.map(({ name }) => name), manifestName(manifest)];
      const protection = await store.resealing?.protection(names);
      if (protection !== undefined) {
        preparing.refuse(protection);
        continue;
      }
      await preparing.attempt(store, async () => {
        try {
          return await this.#reencrypt(item, manifest, store, fresh);
        } catch (thrown) {
          for (const part of manifest.parts) await store.sweep(part.name);
          throw thrown;
        }
      });
    }
  }

  async #rewrapperOf(manifest: Manifest): Promise<HeadRewrapper> {
    const { openers, target } = this.#options;
    const { id, identity } = await openers.of(manifest);
    const known = this.#rewrappers.get(id);
    if (known !== undefined) return known;
    const { recipients } = target;
    const rewrapper =
      this.#rewrapThread?.rewrapper(identity, recipients) ?? new Rewrapper([identity], recipients);
    this.#rewrappers.set(id, rewrapper);
    return rewrapper;
  }

  async #reencrypt(
    item: RotationBackup,
    manifest: Manifest,
    store: Store,
    fresh: FreshSealings,
  ): Promise<Resealed> {
    const { openers, target, pool, signal, threads = 2, bytesPerSecond, onBytes } = this.#options;
    const limit = { ...(bytesPerSecond !== undefined && { bytesPerSecond }) };
    for (const part of manifest.parts) await store.sweep(part.name);
    return await reencryptBackup({
      manifest,
      store,
      identity: (await openers.of(manifest)).identity,
      target,
      fresh,
      threads: () => (this.#threads ??= new ReencryptThreads({ threads, ...limit })),
      pool,
      ...limit,
      signal,
      onProgress: (bytes) => onBytes(Math.min(bytes, item.bytes)),
    });
  }

  #store(id: string): Store {
    const store = this.#options.stores.get(id);
    if (store === undefined) throw new LowtideError('internal', `there is no store ${id}`);
    return store;
  }
}

/** Copies that are sealed alike are equal byte by byte, and stay so. */
function groupAlike(
  copies: readonly CandidateCopy[],
): readonly (readonly [CandidateCopy, ...CandidateCopy[]])[] {
  const [only, ...others] = copies;
  if (only !== undefined && others.length === 0) return [[only]];
  const groups = Map.groupBy(copies, ({ manifest }) => JSON.stringify([manifest.keyId, manifest.parts]));
  return [...groups.values()].flatMap(([first, ...rest]) =>
    first === undefined ? [] : [[first, ...rest] as const],
  );
}
