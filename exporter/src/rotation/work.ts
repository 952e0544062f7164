import { LowtideError } from '../errors/lowtide-error.ts';
import type { RotationBackup } from '../catalog/rotations.ts';
import { manifestName } from '../store/manifest.ts';
import type { ReplacementResult } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import type { CandidateRules } from './candidates.ts';
import { Preparation } from './preparation.ts';
import type { Openers } from './openers.ts';
import { outcomeOf } from './recover.ts';
import type { Target } from './rewrap.ts';
import type { RotationOptions, RotatorEnvironment } from './rotator.ts';
import { openSamples } from './sample.ts';
import { changeOf, endOf, gone, type Change, type CopyFault, type Step } from './step.ts';

export interface RotationProgress {
  readonly rotationId: string;
  readonly doneBackups: number;
  readonly totalBackups: number;
  /** Of all copies; what is skipped counts as soon as it is known. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface RotationWorkOptions extends RotatorEnvironment, Omit<RotationOptions, 'gate'> {
  readonly gate?: (signal: AbortSignal) => Promise<void>;
  readonly bytesPerSecond?: number;
  readonly rotationId: string;
  readonly mode: 'rewrap' | 'reencrypt';
  readonly rules: CandidateRules;
  readonly target: Target;
  readonly openers: Openers;
}

/** As many backups share the flushes of one journal. */
const groupSize = 64;
/** Counting what is done takes a look at each backup of the rotation. */
const reportEveryMs = 250;

/**
 * Works off what a rotation has to do, group by group. The order for each group: what the copies are to become is worked out;
 * it is written down in the catalog; the stores change; the catalog learns what came of it.
 */
export class RotationWork implements AsyncDisposable {
  readonly #options: RotationWorkOptions;
  #reportedAt = -Infinity;
  readonly #preparation: Preparation;

  constructor(options: RotationWorkOptions) {
    this.#options = options;
    this.#preparation = new Preparation({
      ...options,
      onBytes: async (bytes) => {
        await this.#reportNowAndThen(bytes);
        // A cancellation from another process comes by the catalog.
        await this.#refuseCancelled();
      },
    });
  }

  async run(): Promise<void> {
    const { mode } = this.#options;
    // While the disk flushes one group, the processor works out the next.
    let items = await this.#pending(undefined);
    let next = this.#prepareAhead(items);
    for (;;) {
      const last = items.at(-1);
      if (last === undefined) break;
      const steps = await next;
      items = await this.#pending(last.number);
      if (mode === 'rewrap') next = this.#prepareAhead(items);
      try {
        await this.#apply(steps);
      } finally {
        // Nothing goes on behind the back of whoever ends the rotation.
        await Promise.allSettled([next]);
      }
      if (mode === 'reencrypt') next = this.#prepareAhead(items);
    }
    await this.#report(0);
  }

  /**
   * Opens some of what was done, with the new key alone; no more is done after that. A copy that does not open, or is not what it
   * was, is damaged, and its backup has failed.
   */
  async openSamples(): Promise<void> {
    // What its threads held is free for those that open.
    await this.#preparation[Symbol.asyncDispose]();
    const { catalog, rotationId, clock } = this.#options;
    for (const { backupId, fault } of await openSamples(this.#options)) {
      const failed = { backupId, status: 'failed', reason: fault.message, bytes: 0, copies: [] } as const;
      await catalog.rotations.settle(rotationId, [failed], clock.now());
      await this.#recordDamage(backupId, [fault]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#preparation[Symbol.asyncDispose]();
  }

  async #pending(after: number | undefined): Promise<readonly RotationBackup[]> {
    const { catalog, rotationId, mode } = this.#options;
    return await catalog.rotations.backups(rotationId, {
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
    await this.#refuseCancelled();
    return await this.#preparation.prepare(items);
  }

  async #apply(steps: readonly Step[]): Promise<void> {
    const { catalog, rotationId, clock } = this.#options;
    const begun = await this.#begin(steps);
    const outcomes = new Map<Change, ReplacementResult>();
    const byStore = Map.groupBy(
      steps.flatMap(({ changes }) => changes).filter((change) => begun.has(change)),
      ({ store }) => store,
    );
    for (const [store, changes] of byStore) {
      const results = await this.#replace(store, changes);
      changes.forEach((change, index) => outcomes.set(change, results[index] ?? gone));
    }
    const ends = steps.map((step) => endOf(step, outcomes));
    await catalog.rotations.settle(rotationId, ends, clock.now());
    for (const { backupId, damage } of ends) await this.#recordDamage(backupId, damage);
    await this.#preparation.sweep(
      steps.flatMap(({ changes }) => changes).filter((change) => !begun.has(change)),
    );
    await this.#removeWhatWasPruned(steps);
    await this.#reportNowAndThen(0);
  }

  /** Found here, it is told like what a verification finds; one that was pruned meanwhile is not damaged. */
  async #recordDamage(backupId: string, damage: readonly CopyFault[]): Promise<void> {
    const { catalog, clock } = this.#options;
    for (const { store, message } of damage) {
      const copy = (await catalog.backup(backupId))?.copies.find((each) => each.store === store);
      if (copy?.status !== 'good') continue;
      await catalog.recordVerification(backupId, store, {
        status: 'failed',
        at: clock.now(),
        error: message,
      });
    }
  }

  /** Those of which a copy is there still, once that is on file. */
  async #begin(steps: readonly Step[]): Promise<ReadonlySet<Change>> {
    const changes = steps.flatMap(({ item, changes: each }) => each.map((change) => ({ item, change })));
    const there = await this.#options.catalog.rotations.begin(
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
      await this.#preparation.sweep(changes.filter((_, index) => results?.[index]?.status === 'skipped'));
      return results ?? [];
    } catch (thrown) {
      await store.resealing?.finish();
      await this.#preparation.sweep(changes);
      for (const { manifest } of changes) {
        await catalog.rotations.settleCopy(manifest.id, store.id, await outcomeOf(store, manifest, signal));
      }
      throw thrown;
    }
  }

  /** A prune that went on at the same time may have deleted an object just before it was given its new manifest. */
  async #removeWhatWasPruned(steps: readonly Step[]): Promise<void> {
    const { catalog } = this.#options;
    for (const { item, changes } of steps) {
      const copies = changes.length === 0 ? [] : ((await catalog.backup(item.backupId))?.copies ?? []);
      for (const { store, manifest } of changes) {
        if (copies.find((copy) => copy.store === store.id)?.status !== 'pruned') continue;
        for (const part of manifest.parts) await store.delete(part.name);
        await store.delete(manifestName(manifest));
      }
    }
  }

  async #reportNowAndThen(bytesUnderWay: number): Promise<void> {
    const now = this.#options.clock.now();
    if (Math.abs(now - this.#reportedAt) < reportEveryMs) return;
    this.#reportedAt = now;
    await this.#report(bytesUnderWay);
  }

  async #report(bytesUnderWay: number): Promise<void> {
    const { catalog, rotationId, onProgress } = this.#options;
    const rotation = onProgress && (await catalog.rotations.rotation(rotationId));
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

  async #refuseCancelled(): Promise<void> {
    const { catalog, rotationId, signal } = this.#options;
    signal.throwIfAborted();
    if ((await catalog.rotations.rotation(rotationId))?.cancelRequested !== true) return;
    throw new LowtideError(
      'cancelled',
      'the rotation was cancelled; `lowtide rotate --resume` goes on with it',
    );
  }
}
