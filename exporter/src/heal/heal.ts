import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { Backup, Catalog, CopyStatus } from '../catalog/catalog.ts';
import type { LackingCopy } from '../catalog/copies.ts';
import { newestObject } from '../catalog/newest-object.ts';
import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { storeNamed } from '../run/judge.ts';
import { isSameSealing, nextSealingOf, sealingOf } from '../run/sealing.ts';
import { manifestName, storedManifest, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { NewCopy, SourceFailure, type NewCopyOptions } from './new-copy.ts';
import { worthHealing } from './worth.ts';

export interface HealerEnvironment {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly schedules: readonly Pick<ScheduleConfig, 'id' | 'stores' | 'keep' | 'timezone' | 'verify'>[];
  readonly clock: Clock;
  /** Copies that this process makes good, as `BACKUP STORE`; shared by all healers of one catalog. */
  readonly healing: Set<string>;
}

/** A copy that is to be made good. */
export interface HealTask extends LackingCopy {
  readonly schedule: string;
}

export interface HealPlan {
  /** The newest backups first. */
  readonly tasks: readonly HealTask[];
  /** Backups of which no good copy is left to make others from. */
  readonly lost: readonly { readonly backupId: string; readonly schedule: string }[];
}

export type HealOptions = Pick<NewCopyOptions, 'signal' | 'onProgress' | 'turn'>;

/** `skipped`: it need not, or must not, be made good just now, and nothing was changed. */
export interface HealOutcome {
  readonly status: 'healed' | 'failed' | 'skipped';
  readonly error?: LowtideError;
  /** Written to the store. */
  readonly bytes: number;
}

/**
 * Makes good the copies that a schedule wants and that are not there, or not good, from another copy of the same backup. The order
 * for each: it is claimed in the catalog; its bytes are written, compared on the way; the catalog files it as good, if by then the
 * copy it was made from is still what it was. A crash anywhere leaves a claim whose owner is gone, which `recover` looks after.
 */
export class Healer {
  readonly #environment: HealerEnvironment;

  constructor(environment: HealerEnvironment) {
    this.#environment = environment;
  }

  /** By the catalog alone; no store is asked. */
  async plan(): Promise<HealPlan> {
    const { catalog, schedules, stores, clock } = this.#environment;
    const tasks: HealTask[] = [];
    const lost: { backupId: string; schedule: string }[] = [];
    for (const { id: schedule, stores: wanted, keep, timezone } of schedules) {
      await letOthersRun();
      const lacking = await catalog.copies.lacking(
        schedule,
        wanted.filter((store) => stores.has(store)),
      );
      // Nearly always there is none, and the others need not be looked at.
      const restorable = lacking.length === 0 ? [] : await catalog.copies.restorable(schedule);
      const worth = worthHealing(lacking, restorable, { keep, timezone, now: clock.now() });
      tasks.push(...worth.map((copy) => ({ ...copy, schedule })));
      lost.push(...(await catalog.copies.lost(schedule)).map((backupId) => ({ backupId, schedule })));
    }
    return { tasks: tasks.toSorted((a, b) => b.createdAt - a.createdAt), lost };
  }

  /**
   * Makes one copy good. What keeps it from that is an answer (`failed`, `skipped`); thrown is the signal's reason, and what the
   * catalog throws.
   */
  async heal(task: HealTask, options: HealOptions): Promise<HealOutcome> {
    const { catalog, stores, clock, healing } = this.#environment;
    const { backupId, store: storeId } = task;
    const claim = `${backupId} ${storeId}`;
    const backup = await catalog.backup(backupId);
    if (backup === undefined || healing.has(claim)) return skipped('somebody makes it good already');
    let target: Store;
    try {
      target = storeNamed(stores, storeId);
      await this.#refuseLost(target);
    } catch (thrown) {
      return failed(LowtideError.from(thrown));
    }
    healing.add(claim);
    try {
      if (
        !(await catalog.copies.claim(
          backupId,
          storeId,
          target.locate(storedManifest(backup.manifest).parts[0].name),
        ))
      ) {
        return skipped('it is good by now, was pruned, or somebody works on it');
      }
      const outcome = await this.#make(backupId, target, options).catch(async (thrown: unknown) => {
        await catalog.copies.release(backupId, storeId);
        throw thrown;
      });
      const { status, error } = outcome;
      if (status === 'skipped') await catalog.copies.release(backupId, storeId);
      if (status === 'failed' && error !== undefined) {
        const { errorType } = error.facts;
        await catalog.copies.release(backupId, storeId, { error: error.message, errorType, at: clock.now() });
      }
      return outcome;
    } finally {
      healing.delete(claim);
    }
  }

  /** Puts in order what was left by processes that are gone. Throws what the catalog throws, and the signal's reason. */
  async recover(signal: AbortSignal): Promise<void> {
    const { catalog, stores, healing } = this.#environment;
    for (const { backupId, store: storeId } of await catalog.copies.abandoned(healing)) {
      signal.throwIfAborted();
      const backup = await catalog.backup(backupId);
      const store = stores.get(storeId);
      if (backup === undefined || store === undefined) continue;
      try {
        const status = backup.copies.find((copy) => copy.store === storeId)?.status;
        await clearUp(store, storedManifest(backup.manifest), status);
      } catch {
        // The store is not there now: the claim stays, and it is tried again.
        continue;
      }
      await catalog.copies.release(backupId, storeId);
    }
  }

  async #make(backupId: string, target: Store, options: HealOptions): Promise<HealOutcome> {
    const passedOver: LowtideError[] = [];
    const tried = new Set([target.id]);
    for (;;) {
      const { backup, source } = await this.#nextSource(backupId, tried);
      if (backup === undefined || source === undefined) return failed(noSource(backupId, passedOver));
      tried.add(source.id);
      const manifest = sealingOf(backup, source.id);
      const { verify } = this.#environment.schedules.find(({ id }) => id === backup.schedule) ?? {};
      const readBack = verify?.after_backup ?? true;
      const copy = new NewCopy({ ...options, source, target, manifest, readBack });
      try {
        const bytes = await copy.write();
        if (await this.#file(backupId, target, source, { manifest, bytes }))
          return { status: 'healed', bytes };
        await this.#giveUp(copy, backupId, target);
        return { status: 'skipped', error: beingChanged(backupId, target), bytes };
      } catch (thrown) {
        await this.#giveUp(copy, backupId, target);
        options.signal.throwIfAborted();
        if (!(thrown instanceof SourceFailure)) return failed(LowtideError.from(thrown));
        passedOver.push(await this.#judge(backup, source, manifest, thrown.error));
      }
    }
  }

  /** The good ones in the order they were filed, those in folders first: they cost nothing to read. */
  async #nextSource(
    backupId: string,
    tried: ReadonlySet<string>,
  ): Promise<{ readonly backup?: Backup; readonly source?: Store }> {
    const { catalog, stores } = this.#environment;
    const backup = await catalog.backup(backupId);
    if (backup === undefined) return {};
    const good = backup.copies
      .filter(({ store, status, next }) => status === 'good' && next === undefined && !tried.has(store))
      .flatMap(({ store }) => stores.get(store) ?? []);
    const source = good.find(({ type }) => type === 'directory') ?? good[0];
    return { backup, ...(source !== undefined && { source }) };
  }

  async #file(
    backupId: string,
    target: Store,
    source: Store,
    made: { readonly manifest: Manifest; readonly bytes: number },
  ): Promise<boolean> {
    const { catalog, clock } = this.#environment;
    return await catalog.copies.healed(backupId, target.id, { from: source.id, at: clock.now(), ...made });
  }

  /** A prune that went on at the same time wants nothing of it left. */
  async #giveUp(copy: NewCopy, backupId: string, target: Store): Promise<void> {
    const now = (await this.#environment.catalog.backup(backupId))?.copies.find(
      ({ store }) => store === target.id,
    );
    await (now?.status === 'pruned' ? copy.remove() : copy.discard());
  }

  /** A copy that is not what its manifest describes is damaged, unless it was sealed anew or pruned while it was read. */
  async #judge(
    backup: Backup,
    source: Store,
    manifest: Manifest,
    error: LowtideError,
  ): Promise<LowtideError> {
    if (error.code !== 'verification_failed') return error;
    const { catalog, clock } = this.#environment;
    const now = (await catalog.backup(backup.id)) ?? backup;
    const isSteady =
      now.copies.find((copy) => copy.store === source.id)?.status === 'good' &&
      nextSealingOf(now, source.id) === undefined &&
      isSameSealing(sealingOf(now, source.id), manifest);
    if (!isSteady) return beingChanged(backup.id, source);
    await catalog.recordVerification(backup.id, source.id, {
      status: 'failed',
      at: clock.now(),
      error: error.message,
    });
    return error;
  }

  /** A disk that is not mounted takes writes as well, into the folder beneath it. */
  async #refuseLost(store: Store): Promise<void> {
    const name = await newestObject(this.#environment.catalog, store.id);
    if (name === undefined || (await store.stat(name)) !== undefined) return;
    throw new LowtideError(
      'store_missing_object',
      `the newest backup on file in store ${store.id}, ${name}, is not there`,
      { hint: 'Is the store mounted? If it is, `lowtide catalog rebuild` files what really lies there.' },
    );
  }
}

/**
 * Whole parts stay, though no manifest tells what they are: they have been compared, the next try takes their place, and until then
 * they may be the last there is. Of a copy that was pruned meanwhile nothing is wanted.
 */
async function clearUp(store: Store, manifest: Manifest, status: CopyStatus | undefined): Promise<void> {
  for (const { name } of manifest.parts) await store.sweep(name);
  if (status !== 'pruned') return;
  await store.delete(manifestName(manifest));
  for (const { name } of manifest.parts) await store.delete(name);
}

function skipped(why: string): HealOutcome {
  return { status: 'skipped', error: new LowtideError('run_active', why, { retryable: true }), bytes: 0 };
}

function failed(error: LowtideError): HealOutcome {
  return { status: 'failed', error, bytes: 0 };
}

function beingChanged(backupId: string, { id }: Store): LowtideError {
  return new LowtideError(
    'rotation_active',
    `the copy of backup ${backupId} in store ${id} was sealed anew or pruned meanwhile`,
    { hint: 'Nothing is wrong with it: another try finds it as it is now.', retryable: true },
  );
}

function noSource(backupId: string, passedOver: readonly LowtideError[]): LowtideError {
  const reasons = passedOver.map(({ message }) => message).join('. ');
  const worst = passedOver.find(({ code }) => code !== 'verification_failed');
  return new LowtideError(
    worst?.code ?? 'verification_failed',
    `there is no good copy of backup ${backupId} to make others from${reasons === '' ? '' : `: ${reasons}`}`,
    {
      hint: `What is there was left as it is. Where a copy has been put right, \`lowtide backups verify ${backupId}\` finds out.`,
      retryable: worst?.retryable ?? false,
    },
  );
}
