import type { CopyChange, CopyOutcome, RotationBackup, RotationBackupEnd } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity } from '../keys/keystore.ts';
import { Rewrapper } from '../seal/rewrap.ts';
import { manifestName, type Manifest } from '../store/manifest.ts';
import type { ReplacementResult } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import { candidateOf, type CandidateCopy, type CandidateRules } from './candidates.ts';
import { outcomeOf } from './recover.ts';
import { freshSealings, reencryptBackup, type FreshSealings } from './reencrypt.ts';
import { ReencryptThreads } from './reencrypt-threads.ts';
import { rewrapBackup, type Resealed, type Target } from './rewrap.ts';
import type { RotationOptions, RotatorEnvironment } from './rotator.ts';
import { openSample } from './sample.ts';

export interface RotationProgress {
  readonly rotationId: string;
  readonly doneBackups: number;
  readonly totalBackups: number;
  /** Of all copies; what is skipped counts as soon as it is known. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface RotationWorkOptions extends RotatorEnvironment, RotationOptions {
  readonly rotationId: string;
  readonly mode: 'rewrap' | 'reencrypt';
  readonly rules: CandidateRules;
  readonly target: Target;
  readonly identities: { of(keyId: string): Promise<Identity> };
}

/** As many backups share the flushes of one journal. */
const groupSize = 64;
const samples = 3;

/** One copy on its way to its new sealing. */
interface Change extends Resealed {
  readonly store: Store;
}

/** A backup on its way. */
interface Step {
  readonly item: RotationBackup;
  readonly changes: readonly Change[];
  /** Why a copy, or all of it, stays as it is. */
  readonly skipped?: string;
  readonly failed?: string;
}

/**
 * Works off what a rotation has to do, group by group. The order for each group: what the copies are to become is worked out;
 * it is written down in the catalog; the stores change; the catalog learns what came of it.
 */
export class RotationWork implements AsyncDisposable {
  readonly #options: RotationWorkOptions;
  readonly #rewrappers = new Map<string, Rewrapper>();
  #threads: ReencryptThreads | undefined;

  constructor(options: RotationWorkOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { mode } = this.#options;
    // While the disk flushes one group, the processor works out the next.
    let items = this.#pending(undefined);
    let next = this.#prepareAhead(items);
    for (;;) {
      const last = items.at(-1);
      if (last === undefined) break;
      const steps = await next;
      items = this.#pending(last.number);
      if (mode === 'rewrap') next = this.#prepareAhead(items);
      try {
        await this.#apply(steps);
      } finally {
        // Nothing goes on behind the back of whoever ends the rotation.
        await Promise.allSettled([next]);
      }
      if (mode === 'reencrypt') next = this.#prepareAhead(items);
    }
  }

  /** Opens some of what was done, with the new key alone. */
  async openSamples(): Promise<void> {
    const { catalog, rotationId, stores, identities, target, pool, signal } = this.#options;
    const identity = await identities.of(target.keyId);
    for (const { backupId } of catalog.rotations.backups(rotationId, { status: 'done', limit: samples })) {
      const backup = catalog.backup(backupId);
      const copy = backup?.copies.find((each) => each.status === 'good' && each.manifest === undefined);
      const store = copy && stores.get(copy.store);
      if (backup === undefined || store === undefined || backup.keyId !== target.keyId) continue;
      await openSample(backup, store, identity, { pool, signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads?.[Symbol.asyncDispose]();
  }

  #pending(after: number | undefined): readonly RotationBackup[] {
    const { catalog, rotationId, mode } = this.#options;
    return catalog.rotations.backups(rotationId, {
      status: 'pending',
      limit: mode === 'rewrap' ? groupSize : 1,
      ...(after !== undefined && { after }),
    });
  }

  /** Its failure is heard of by whoever awaits it, later. */
  #prepareAhead(items: readonly RotationBackup[]): Promise<readonly Step[]> {
    const steps = this.#prepareGroup(items);
    steps.catch(() => undefined);
    return steps;
  }

  async #prepareGroup(items: readonly RotationBackup[]): Promise<readonly Step[]> {
    const { signal, gate } = this.#options;
    if (items.length === 0) return [];
    await gate?.(signal);
    this.#refuseCancelled();
    const steps: Step[] = [];
    for (const item of items) steps.push(await this.#prepare(item));
    return steps;
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
      await this.#sweep(changes);
      signal.throwIfAborted();
      const error = LowtideError.from(thrown);
      if (!isOfOneBackup(error)) throw error;
      return { item, changes: [], failed: error.message };
    }
    return { item, changes, ...(skipped.length > 0 && { skipped: skipped.join('; ') }) };
  }

  async #rewrapperOf({ keyId }: Manifest): Promise<Rewrapper> {
    const { identities, target } = this.#options;
    const known = this.#rewrappers.get(keyId);
    const rewrapper = known ?? new Rewrapper([await identities.of(keyId)], target.recipients);
    this.#rewrappers.set(keyId, rewrapper);
    return rewrapper;
  }

  async #reencrypt(
    item: RotationBackup,
    manifest: Manifest,
    store: Store,
    fresh: FreshSealings,
  ): Promise<Resealed> {
    const { identities, target, signal, threads = 2, bytesPerSecond } = this.#options;
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
      onProgress: (bytes) => {
        this.#report(Math.min(bytes, item.bytes));
        // A cancellation from another process comes by the catalog.
        this.#refuseCancelled();
      },
    });
  }

  async #apply(steps: readonly Step[]): Promise<void> {
    const { catalog, rotationId, clock } = this.#options;
    const begun = this.#begin(steps);
    const outcomes = new Map<Change, ReplacementResult>();
    const byStore = Map.groupBy(
      steps.flatMap(({ changes }) => changes).filter((change) => begun.has(change)),
      ({ store }) => store,
    );
    for (const [store, changes] of byStore) {
      const results = await this.#replace(store, changes);
      changes.forEach((change, index) => outcomes.set(change, results[index] ?? gone));
    }
    catalog.rotations.settle(
      rotationId,
      steps.map((step) => endOf(step, outcomes)),
      clock.now(),
    );
    await this.#removeWhatWasPruned(steps);
    this.#report(0);
  }

  /** Those of which a copy is there still, once that is on file. */
  #begin(steps: readonly Step[]): ReadonlySet<Change> {
    const changes = steps.flatMap(({ item, changes: each }) => each.map((change) => ({ item, change })));
    const there = this.#options.catalog.rotations.begin(
      changes.map(({ item, change }) => changeOf(item.backupId, change)),
    );
    return new Set(changes.filter((_, index) => there[index] === true).map(({ change }) => change));
  }

  /** What a store refuses in the middle is completed or given up at once if it can be, else by the next recovery. */
  async #replace(store: Store, changes: readonly Change[]): Promise<readonly ReplacementResult[]> {
    const { catalog } = this.#options;
    // From here on it goes through: what was begun is not left half done for the sake of a signal.
    const signal = new AbortController().signal;
    try {
      const results = await store.resealing?.replaceHeads(
        changes.map(({ replacement }) => replacement),
        { signal },
      );
      await this.#sweep(changes.filter((_, index) => results?.[index]?.status === 'skipped'));
      return results ?? [];
    } catch (thrown) {
      await store.resealing?.finish();
      await this.#sweep(changes);
      for (const { manifest } of changes) {
        catalog.rotations.settleCopy(manifest.id, store.id, await outcomeOf(store, manifest, signal));
      }
      throw thrown;
    }
  }

  /** Removes what was written for copies that are not to have it. */
  async #sweep(changes: readonly Change[]): Promise<void> {
    if (this.#options.mode === 'rewrap') return;
    for (const { store, manifest } of changes) {
      for (const part of manifest.parts) await store.sweep(part.name);
    }
  }

  /** A prune that went on at the same time may have deleted an object just before it was given its new manifest. */
  async #removeWhatWasPruned(steps: readonly Step[]): Promise<void> {
    const { catalog } = this.#options;
    for (const { item, changes } of steps) {
      const copies = changes.length === 0 ? [] : (catalog.backup(item.backupId)?.copies ?? []);
      for (const { store, manifest } of changes) {
        if (copies.find((copy) => copy.store === store.id)?.status !== 'pruned') continue;
        for (const part of manifest.parts) await store.delete(part.name);
        await store.delete(manifestName(manifest));
      }
    }
  }

  #report(bytesUnderWay: number): void {
    const { catalog, rotationId, onProgress } = this.#options;
    const rotation = onProgress && catalog.rotations.rotation(rotationId);
    if (rotation === undefined) return;
    const { pending, done, skipped, failed } = rotation;
    const ended = [done, skipped, failed];
    const doneBackups = ended.reduce((sum, { backups }) => sum + backups, 0);
    const doneBytes = ended.reduce((sum, { bytes }) => sum + bytes, 0);
    onProgress?.({
      rotationId,
      doneBackups,
      totalBackups: doneBackups + pending.backups,
      doneBytes: doneBytes + bytesUnderWay,
      totalBytes: doneBytes + pending.bytes,
    });
  }

  #refuseCancelled(): void {
    const { catalog, rotationId, signal } = this.#options;
    signal.throwIfAborted();
    if (catalog.rotations.rotation(rotationId)?.cancelRequested !== true) return;
    throw new LowtideError(
      'cancelled',
      'the rotation was cancelled; `lowtide rotate --resume` goes on with it',
    );
  }

  #store(id: string): Store {
    const store = this.#options.stores.get(id);
    if (store === undefined) throw new LowtideError('internal', `there is no store ${id}`);
    return store;
  }
}

const gone: ReplacementResult = { status: 'skipped', reason: 'missing', message: 'pruned meanwhile' };

function changeOf(backupId: string, { store, manifest }: Change): CopyChange {
  return { backupId, store: store.id, manifest };
}

function endOf(
  { item, changes, skipped, failed }: Step,
  outcomes: ReadonlyMap<Change, ReplacementResult>,
): RotationBackupEnd {
  const results = changes.map((change) => ({ change, result: outcomes.get(change) ?? gone }));
  const refused = results.flatMap(({ result }) =>
    result.status === 'skipped' ? [{ damaged: isDamage(result.reason), message: result.message }] : [],
  );
  const reasons = [...(skipped === undefined ? [] : [skipped]), ...refused.map(({ message }) => message)];
  const reason = failed ?? (reasons.length > 0 ? reasons.join('; ') : undefined);
  const isFailed = failed !== undefined || refused.some(({ damaged }) => damaged);
  return {
    backupId: item.backupId,
    status: isFailed ? 'failed' : reason === undefined ? 'done' : 'skipped',
    ...(reason !== undefined && { reason }),
    bytes: results.reduce(
      (sum, { change, result }) => sum + (result.status === 'replaced' ? bytesOf(change.manifest) : 0),
      0,
    ),
    copies: results.map(({ change, result }) => ({
      store: change.store.id,
      outcome: (result.status === 'replaced' ? 'resealed' : 'kept') satisfies CopyOutcome,
    })),
  };
}

/** As against protection, which somebody has meant. */
function isDamage(reason: (ReplacementResult & { status: 'skipped' })['reason']): boolean {
  return reason === 'changed' || reason === 'missing';
}

function bytesOf({ parts }: Manifest): number {
  return parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0);
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
