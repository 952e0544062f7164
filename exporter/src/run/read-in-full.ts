import type { Backup, Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { judgeCopy, type CopyVerdict, type Judgement } from './judge.ts';
import { compareSealed } from './sealed.ts';

export interface ReadInFullOptions {
  readonly backup: Backup;
  /** Whose copy is read. */
  readonly storeId: string;
  readonly stores: ReadonlyMap<string, Store>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
  /** Resolves when the next piece may be read. */
  readonly turn?: () => Promise<void>;
}

/**
 * Reads a copy to its end, as it lies there, compares it with its manifest, and records what was found. No key is needed, and
 * nothing is opened: this finds what a disk or a line has done to it; whether the content is good for something `verifyCopy` tells.
 */
export async function readInFull(options: ReadInFullOptions): Promise<Judgement> {
  const { backup, storeId, catalog, clock, signal, onProgress, turn } = options;
  let readBytes = 0;
  const judge = async (store: Store, manifest: Manifest): Promise<CopyVerdict> => {
    try {
      await compareSealed(manifest, {
        store,
        signal,
        onRead: (bytes) => onProgress?.((readBytes += bytes)),
        ...(turn !== undefined && { turn }),
      });
      return { status: 'passed', warnings: [] };
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (error.code !== 'verification_failed') throw thrown;
      return { status: 'failed', error, warnings: [] };
    }
  };
  const judged = await judgeCopy(backup, storeId, { ...options, judge });
  const at = clock.now();
  if (judged.status === 'passed') {
    await catalog.copies.recordRead(backup.id, storeId, { at, bytes: backup.storedBytes });
  } else if (judged.status === 'failed') {
    await catalog.recordVerification(backup.id, storeId, {
      status: 'failed',
      at,
      error: judged.error.message,
    });
  }
  return judged;
}
