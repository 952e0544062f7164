import type { Backup, Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import { storedManifest, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { openPart } from './content.ts';
import { identityFor } from '../keys/opening-key.ts';
import { chooseTarget } from './restore/choose.ts';
import type { CopyReader, RestoreTarget } from './restore/target.ts';
import { isSameSealing, nextSealingOf, sealingsOf } from './sealing.ts';
import { storeNamed } from './judge.ts';
import { verifyCopy } from './verify.ts';

export interface RestoreOptions {
  readonly backup: Backup;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly catalog: Catalog;
  /** A folder, a file, or a database URL. */
  readonly target: string;
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  /** A private folder of this restore alone. */
  readonly scratch: string;
  /** Where the old content of a MySQL database is kept until the new one is in its place. */
  readonly safetyFolder: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Stored bytes read so far. A database takes two passes: one that verifies, one that restores. */
  readonly onProgress?: (bytes: number) => void;
}

type CopyOptions = Omit<RestoreOptions, 'target' | 'force' | 'safetyFolder'>;

export interface RestoreResult {
  /** The store whose copy was taken. */
  readonly store: string;
  /** Where the backup is now: a path, or the database without its password. */
  readonly target: string;
  /** All that was written: the parts beside the main one have files of their own. */
  readonly restored: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Restores a backup from the first copy that is sound. A target that cannot take it is refused before anything is read
 * (`usage`, `restore_target_exists`, `restore_failed`); from then on the outcome is recorded. A copy that turns out to be
 * damaged is recorded as such, and the next one is taken: no target is touched before a copy has been verified.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const { backup, catalog, clock } = options;
  refusePruned(backup);
  const target = chooseTarget(storedManifest(backup.manifest), options);
  await target.check();
  let result: RestoreResult;
  try {
    result = await restoreFromBest(target, options);
  } catch (thrown) {
    await catalog.recordRestore(backup.id, 'failed', clock.now());
    throw thrown;
  }
  await catalog.recordRestore(backup.id, 'completed', clock.now());
  return result;
}

function refusePruned({ id, status }: Backup): void {
  if (status !== 'pruned') return;
  throw new LowtideError('not_found', `backup ${id} was pruned: nothing of it is left`, {
    hint: '`lowtide backups` lists those that are there.',
  });
}

/** The same into a target that the caller has chosen, with nothing recorded but the copies that are damaged. */
export async function restoreFromBest(target: RestoreTarget, options: CopyOptions): Promise<RestoreResult> {
  const { backup, signal } = options;
  const attempts: { readonly store: string; readonly error: LowtideError }[] = [];
  for (const store of copiesToTry(options)) {
    try {
      const { restored, warnings } = await restoreCopy(target, storeNamed(options.stores, store), options);
      return {
        store,
        target: restored[0],
        restored,
        warnings: [...attempts.map(describe), ...warnings],
      };
    } catch (thrown) {
      signal.throwIfAborted();
      const error = LowtideError.from(thrown);
      if (!allowsAnother(error)) throw thrown;
      if (error.code === 'verification_failed') await recordDamage(store, error, options);
      attempts.push({ store, error });
    }
  }
  throw noneLeft(backup, attempts);
}

/** The good ones in the order they were filed, those in folders first: they cost nothing to read. */
function copiesToTry({ backup, stores }: CopyOptions): readonly string[] {
  const good = backup.copies.filter((copy) => copy.status === 'good').map((copy) => copy.store);
  const isNear = (store: string): boolean => stores.get(store)?.type === 'directory';
  return [...good.filter(isNear), ...good.filter((store) => !isNear(store))];
}

/** Whether what went wrong was about this copy, so that another one may do. */
function allowsAnother({ code }: LowtideError): boolean {
  return code === 'verification_failed' || code.startsWith('store_');
}

async function recordDamage(
  store: string,
  error: LowtideError,
  { backup, catalog, clock }: CopyOptions,
): Promise<void> {
  // While it is being sealed anew it may be in neither state for a moment, which is no damage.
  if (nextSealingOf((await catalog.backup(backup.id)) ?? backup, store) !== undefined) return;
  await catalog.recordVerification(backup.id, store, {
    status: 'failed',
    at: clock.now(),
    error: error.message,
  });
}

/** A rotation changes one group of copies within a second. */
const waitMs = 100;
const mostWaits = 100;

/** A rotation may seal the copy anew meanwhile: what does not agree with one manifest may agree with another. */
async function restoreCopy(
  target: RestoreTarget,
  store: Store,
  options: CopyOptions,
): Promise<Awaited<ReturnType<RestoreTarget['restore']>>> {
  const { backup, catalog, clock, signal } = options;
  const tried: Manifest[] = [];
  for (let waits = 0; ;) {
    const sealings = sealingsOf((await catalog.backup(backup.id)) ?? backup, store.id);
    const manifest = sealings.find((sealing) => !tried.some((each) => isSameSealing(each, sealing)));
    try {
      return await target.restore(await openCopy(store, manifest ?? sealings[0], options));
    } catch (thrown) {
      if (LowtideError.from(thrown).code !== 'verification_failed' || manifest === undefined) throw thrown;
      tried.push(manifest);
      const left = sealingsOf((await catalog.backup(backup.id)) ?? backup, store.id);
      if (left.some((sealing) => !tried.some((each) => isSameSealing(each, sealing)))) continue;
      if (left.length === 1 || waits === mostWaits) throw thrown;
      // Its header and its manifest are being written at this moment.
      waits += 1;
      tried.length = 0;
      await clock.wakeAt(clock.now() + waitMs, signal);
    }
  }
}

async function openCopy(store: Store, manifest: Manifest, options: CopyOptions): Promise<CopyReader> {
  const { keystore, pool, signal, onProgress } = options;
  const identity = await identityFor(keystore, manifest);
  let readBytes = 0;
  const onRead = (bytes: number): void => onProgress?.((readBytes += bytes));
  return {
    manifest,
    // The target may hold a part as another manifest describes it: its name is the same in all.
    open: (part) =>
      openPart(manifest.parts.find(({ name }) => name === part.name) ?? part, {
        store,
        manifest,
        identity,
        pool,
        signal,
        onRead,
      }),
    async verify() {
      const before = readBytes;
      const count = (bytes: number): void => onRead(before + bytes - readBytes);
      const verdict = await verifyCopy({ ...options, store, manifest, onProgress: count });
      if (verdict.status === 'failed') throw verdict.error;
      return verdict.warnings;
    },
  };
}

function describe({ store, error }: { readonly store: string; readonly error: LowtideError }): string {
  return `the copy in store ${store} was passed over: ${error.message}`;
}

function noneLeft(
  backup: Backup,
  attempts: readonly { readonly store: string; readonly error: LowtideError }[],
): LowtideError {
  const [first] = attempts;
  const bad = backup.copies.filter((copy) => copy.status === 'damaged' || copy.status === 'failed');
  if (first !== undefined && attempts.length === 1 && bad.length === 0) return first.error;
  const reasons = [
    ...attempts.map(({ store, error }) => `${store}: ${error.message}`),
    ...bad.map((copy) => `${copy.store} (${copy.status}): ${copy.error ?? 'no reason on file'}`),
  ];
  const worst = attempts.find(({ error }) => error.code !== 'verification_failed') ?? first;
  return new LowtideError(
    worst?.error.code ?? 'verification_failed',
    `no copy of backup ${backup.id} can be restored. ${reasons.join('. ')}`,
    {
      hint: `Where a copy has been put right, \`lowtide backups verify ${backup.id}\` finds out; else take another backup.`,
      retryable: worst?.error.retryable ?? false,
      cause: worst?.error,
    },
  );
}
