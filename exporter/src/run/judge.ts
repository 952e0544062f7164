import type { Backup, Catalog, Copy } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { isSameSealing, nextSealingOf, sealingOf } from './sealing.ts';

/** What a verification found out. Warnings name checks that could not be made; the hashes were compared nevertheless. */
export type CopyVerdict =
  | { readonly status: 'passed'; readonly warnings: readonly string[] }
  | { readonly status: 'failed'; readonly error: LowtideError; readonly warnings: readonly string[] };

/** `unable`: nothing was learned about the copy. */
export type Judgement =
  | CopyVerdict
  | { readonly status: 'unable'; readonly error: LowtideError; readonly warnings: readonly string[] };

export interface JudgeOptions {
  readonly stores: ReadonlyMap<string, Store>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Looks at the copy in a store as this manifest describes it. */
  readonly judge: (store: Store, manifest: Manifest) => Promise<CopyVerdict>;
}

/** How often, and after how long, a copy is looked at again that is between its old sealing and its new one. */
const looksAtChange = 5;
const betweenMs = 500;

/**
 * A verdict on the copy as it is when it has been judged. A rotation or a healing may put another in its place meanwhile: then that
 * is judged anew. Nothing is recorded. Throws the signal's reason.
 */
export async function judgeCopy(
  backup: Backup,
  storeId: string,
  options: JudgeOptions,
  looksLeft = looksAtChange,
): Promise<Judgement> {
  const { stores, catalog, clock, signal } = options;
  const judge = (manifest: Manifest): Promise<CopyVerdict> =>
    options.judge(storeNamed(stores, storeId), manifest);
  let verdict: CopyVerdict;
  let now: Backup | undefined;
  try {
    const manifest = sealingOf(backup, storeId);
    verdict = await judge(manifest);
    // It may have been sealed anew, or made good, while it was read: then something was judged that is no longer there.
    now = await catalog.backup(backup.id);
    if (
      now !== undefined &&
      (!isSameSealing(sealingOf(now, storeId), manifest) ||
        healedAt(now, storeId) !== healedAt(backup, storeId))
    ) {
      return await judgeCopy(now, storeId, options);
    }
    const next = nextSealingOf(now ?? backup, storeId);
    if (verdict.status === 'failed' && next !== undefined) {
      // It is being sealed anew at this moment, and may be already.
      verdict = await judge(next);
      if (verdict.status === 'failed') {
        // The one is in place, and the other not: that lasts as long as a group of renames.
        if (looksLeft > 0) {
          await clock.wakeAt(clock.now() + betweenMs, signal);
          return await judgeCopy(now ?? backup, storeId, options, looksLeft - 1);
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

export function isThere(copy: Copy | undefined): boolean {
  return copy?.status === 'good' || copy?.status === 'damaged';
}
