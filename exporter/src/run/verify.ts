import type { Backup, Catalog, Copy } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import type { Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { openPart } from './content.ts';
import { identityFor } from '../keys/opening-key.ts';
import { isSameSealing, nextSealingOf, sealingOf } from './sealing.ts';
import { startCheck } from './verify/check.ts';
import { checkManifestInStore } from './verify/manifest-in-store.ts';

export interface VerifyCopyOptions {
  readonly store: Store;
  readonly manifest: Manifest;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  /** A private folder of this verification alone, with room for a SQLite image. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Stored bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** What a verification found out. Warnings name checks that could not be made; the hashes were compared nevertheless. */
export type CopyVerdict =
  | { readonly status: 'passed'; readonly warnings: readonly string[] }
  | { readonly status: 'failed'; readonly error: LowtideError; readonly warnings: readonly string[] };

/**
 * Reads one copy of a backup to the end: opens, decompresses, compares every hash and size with the manifest, and looks at
 * the content as far as its format allows. A damaged copy is an answer (`failed`, with a `verification_failed` that says
 * what and where), not an error; thrown is what kept it from being read, and what tells nothing about it: `store_…`,
 * `key_missing`, `keystore_…`, the signal's reason.
 */
export async function verifyCopy(options: VerifyCopyOptions): Promise<CopyVerdict> {
  const { store, manifest, keystore, pool, signal, onProgress } = options;
  const warnings: string[] = [];
  let readBytes = 0;
  const onRead = (bytes: number): void => onProgress?.((readBytes += bytes));
  const identity = await identityFor(keystore, manifest);
  try {
    for (const part of manifest.parts) {
      await using check = await startCheck(part, manifest, options);
      const content = openPart(part, { store, manifest, identity, pool, signal, onRead });
      for await (const bytes of content) await check?.take(bytes);
      const warning = await check?.verdict();
      if (warning !== undefined) warnings.push(warning);
    }
    await checkManifestInStore(store, manifest, signal);
    return { status: 'passed', warnings };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof LowtideError) || thrown.code !== 'verification_failed') throw thrown;
    return { status: 'failed', error: thrown, warnings };
  }
}

export interface VerifyBackupOptions extends Omit<VerifyCopyOptions, 'store' | 'manifest'> {
  readonly backup: Backup;
  readonly stores: ReadonlyMap<string, Store>;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

export interface BackupVerification {
  /** Those that were there to be verified, in the order they were filed. */
  readonly copies: readonly CopyVerification[];
}

/** `unable`: nothing was learned about the copy, and nothing was recorded. */
interface CopyVerification {
  readonly store: string;
  readonly path: string;
  readonly status: 'passed' | 'failed' | 'unable';
  readonly error?: LowtideError;
  readonly warnings: readonly string[];
}

/**
 * Verifies every copy of a backup that is there, the good and the damaged (which may have been put right), and records
 * each verdict. Throws the signal's reason on abort, and what the catalog throws.
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<BackupVerification> {
  const copies: CopyVerification[] = [];
  let readBytes = 0;
  for (const copy of options.backup.copies) {
    if (!isThere(copy)) continue;
    const { store, path } = copy;
    const before = readBytes;
    const onProgress = (bytes: number): void => options.onProgress?.((readBytes = before + bytes));
    copies.push({
      store,
      path,
      ...(await verifyAndRecord(options.backup, store, { ...options, onProgress })),
    });
  }
  return { copies };
}

/** How often, and after how long, a copy is looked at again that is between its old sealing and its new one. */
const looksAtChange = 5;
const betweenMs = 500;

async function verifyAndRecord(
  backup: Backup,
  storeId: string,
  options: VerifyBackupOptions,
  looksLeft = looksAtChange,
): Promise<Omit<CopyVerification, 'store' | 'path'>> {
  const { stores, catalog, clock, signal } = options;
  const judge = (manifest: Manifest): Promise<CopyVerdict> =>
    verifyCopy({ ...options, store: storeNamed(stores, storeId), manifest });
  let verdict: CopyVerdict;
  let now: Backup | undefined;
  try {
    const manifest = sealingOf(backup, storeId);
    verdict = await judge(manifest);
    // It may have been sealed anew, or made good, while it was read: then something was judged that is no longer there.
    now = catalog.backup(backup.id);
    if (
      now !== undefined &&
      (!isSameSealing(sealingOf(now, storeId), manifest) ||
        healedAt(now, storeId) !== healedAt(backup, storeId))
    ) {
      return await verifyAndRecord(now, storeId, options);
    }
    const next = nextSealingOf(now ?? backup, storeId);
    if (verdict.status === 'failed' && next !== undefined) {
      // It is being sealed anew at this moment, and may be already.
      verdict = await judge(next);
      if (verdict.status === 'failed') {
        // The one is in place, and the other not: that lasts as long as a group of renames.
        if (looksLeft > 0) {
          await clock.wakeAt(clock.now() + betweenMs, signal);
          return await verifyAndRecord(now ?? backup, storeId, options, looksLeft - 1);
        }
        const error = new LowtideError('rotation_active', 'the copy is being sealed anew', {
          retryable: true,
        });
        return { status: 'unable', error, warnings: [] };
      }
    }
  } catch (thrown) {
    signal.throwIfAborted();
    return { status: 'unable', error: LowtideError.from(thrown), warnings: [] };
  }
  if (!isThere(now?.copies.find((copy) => copy.store === storeId))) {
    const error = new LowtideError('not_found', `the copy in store ${storeId} was pruned meanwhile`);
    return { status: 'unable', error, warnings: [] };
  }
  catalog.recordVerification(backup.id, storeId, {
    status: verdict.status,
    at: clock.now(),
    ...(verdict.status === 'failed' && { error: verdict.error.message }),
  });
  return verdict;
}

function healedAt({ copies }: Backup, storeId: string): EpochMs | undefined {
  return copies.find((copy) => copy.store === storeId)?.healedAt;
}

/** Throws `store_unavailable` for one that the config no longer has. */
export function storeNamed(stores: ReadonlyMap<string, Store>, id: string): Store {
  const store = stores.get(id);
  if (store !== undefined) return store;
  throw new LowtideError('store_unavailable', `there is no store ${id} any more`, {
    hint: 'Put it back into the config, under stores, to reach the copies in it.',
  });
}

function isThere(copy: Copy | undefined): boolean {
  return copy?.status === 'good' || copy?.status === 'damaged';
}
