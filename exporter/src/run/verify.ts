import type { Backup, Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import type { SealPool } from '../seal/pool.ts';
import type { Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { openPart } from './content.ts';
import { identityFor } from '../keys/opening-key.ts';
import { isThere, judgeCopy, type CopyVerdict, type Judgement } from './judge.ts';
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

async function verifyAndRecord(
  backup: Backup,
  storeId: string,
  options: VerifyBackupOptions,
): Promise<Judgement> {
  const { catalog, clock } = options;
  const judge = (store: Store, manifest: Manifest): Promise<CopyVerdict> =>
    verifyCopy({ ...options, store, manifest });
  const judged = await judgeCopy(backup, storeId, { ...options, judge });
  if (judged.status !== 'unable') {
    await catalog.recordVerification(backup.id, storeId, {
      status: judged.status,
      at: clock.now(),
      ...(judged.status === 'failed' && { error: judged.error.message }),
    });
  }
  return judged;
}
