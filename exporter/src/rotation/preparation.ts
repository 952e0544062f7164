import type { RotationBackup } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { RewrapThread } from '../seal/rewrap-thread.ts';
import { Rewrapper, type HeadRewrapper } from '../seal/rewrap.ts';
import { manifestName, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { candidateOf, type CandidateCopy } from './candidates.ts';
import { freshSealings, reencryptBackup, type FreshSealings } from './reencrypt.ts';
import { ReencryptThreads } from './reencrypt-threads.ts';
import { rewrapBackup, type Resealed, type Target } from './rewrap.ts';
import type { Change, Step } from './step.ts';
import type { RotationWorkOptions } from './work.ts';

export interface PreparationOptions extends Omit<RotationWorkOptions, 'gate' | 'onProgress'> {
  /** Told how many bytes of a backup have been re-encrypted; what it throws stops that. */
  readonly onBytes: (bytes: number) => void;
}

/** From so many on in one go, a thread that rewraps is worth its start. */
const worthAThread = 32;

/** Works out what the copies of backups are to become. Nothing that is stored has changed when a step is prepared. */
export class Preparation implements AsyncDisposable {
  readonly #options: PreparationOptions;
  readonly #rewrappers = new Map<string, Promise<HeadRewrapper>>();
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
    const { catalog, rules, signal, target } = this.#options;
    const backup = catalog.backup(item.backupId);
    const candidate = backup && candidateOf(backup, rules);
    if (backup?.status !== 'completed') return { item, changes: [], skipped: 'pruned meanwhile' };
    // Done already: a process that was killed had no time to say so.
    if (candidate === undefined) return { item, changes: [] };
    const skipped = candidate.skipped.map(({ text }) => text);
    const changes: Change[] = [];
    try {
      for (const alike of groupAlike(candidate.copies)) {
        const fresh = await freshFor(this.#options.mode, alike[0].manifest, target);
        let rewrapped: Resealed | undefined;
        for (const { store: id, manifest } of alike) {
          const store = this.#store(id);
          if (fresh === undefined) {
            rewrapped ??= await rewrapBackup(manifest, store, await this.#rewrapperOf(manifest), target);
            changes.push({ ...rewrapped, store });
            continue;
          }
          const names = [...manifest.parts.map(({ name }) => name), manifestName(manifest)];
          const protection = await store.resealing?.protection(names);
          if (protection === undefined) {
            changes.push({ ...(await this.#reencrypt(item, manifest, store, fresh)), store });
          } else skipped.push(protection.message);
        }
      }
    } catch (thrown) {
      await this.sweep(changes);
      signal.throwIfAborted();
      const error = LowtideError.from(thrown);
      if (!isOfOneBackup(error)) throw error;
      return { item, changes: [], failed: error.message };
    }
    return { item, changes, ...(skipped.length > 0 && { skipped: skipped.join('; ') }) };
  }

  #rewrapperOf({ keyId }: Manifest): Promise<HeadRewrapper> {
    const known = this.#rewrappers.get(keyId) ?? this.#newRewrapper(keyId);
    this.#rewrappers.set(keyId, known);
    return known;
  }

  async #newRewrapper(keyId: string): Promise<HeadRewrapper> {
    const { identities, target } = this.#options;
    const identity = await identities.of(keyId);
    const { recipients } = target;
    return this.#rewrapThread?.rewrapper(identity, recipients) ?? new Rewrapper([identity], recipients);
  }

  async #reencrypt(
    item: RotationBackup,
    manifest: Manifest,
    store: Store,
    fresh: FreshSealings,
  ): Promise<Resealed> {
    const { identities, target, signal, threads = 2, bytesPerSecond, onBytes } = this.#options;
    this.#threads ??= new ReencryptThreads({
      threads,
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    });
    for (const part of manifest.parts) await store.sweep(part.name);
    return await reencryptBackup({
      manifest,
      store,
      identity: await identities.of(manifest.keyId),
      target,
      fresh,
      threads: this.#threads,
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

/** Whether the next backup may fare better. */
function isOfOneBackup({ code }: LowtideError): boolean {
  return ['verification_failed', 'header_invalid', 'no_identity_match', 'store_missing_object'].includes(
    code,
  );
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

async function freshFor(
  mode: RotationWorkOptions['mode'],
  manifest: Manifest,
  target: Target,
): Promise<FreshSealings | undefined> {
  return mode === 'reencrypt' ? await freshSealings(manifest, target) : undefined;
}
