import type { Catalog } from '../catalog/catalog.ts';
import type { RotationMode } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import { commonKind } from '../seal/recipients.ts';
import type { Store } from '../store/store.ts';
import type { CandidateRules } from './candidates.ts';
import { Openers } from './openers.ts';
import { candidatePages } from './survey.ts';

export interface ObstacleSearch {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Pick<Keystore, 'active' | 'identity' | 'list'>;
  readonly recoveryRecipients: readonly string[];
  readonly mode: RotationMode;
  /** An existing key that the backups are to be given to. */
  readonly toKey?: string;
  readonly rules: CandidateRules;
}

/** For what else is written at the same time. */
const spareBytes = 16 * 1024 * 1024;

/**
 * What keeps a rotation from being begun, or would end it in the middle, as things are now: recipients that do not go together,
 * keys that cannot be opened, stores without room. Throws what the stores and the catalog throw.
 */
export async function findObstacles(search: ObstacleSearch): Promise<readonly LowtideError[]> {
  const { keystore, recoveryRecipients, mode, toKey } = search;
  const obstacles = new Map<string, LowtideError>();
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (error.code === 'internal') throw thrown;
      obstacles.set(error.message, error);
    }
  };
  await attempt(async () => {
    const active = await keystore.active();
    commonKind([...new Set([active.recipient, ...recoveryRecipients])]);
    await keystore.identity(active.id);
  });
  if (toKey !== undefined) await attempt(() => keystore.identity(toKey));
  if (mode === 'rotate') return [...obstacles.values()];
  const openers = new Openers(keystore);
  const largest = new Map<string, number>();
  for await (const candidates of candidatePages(search.catalog, search.rules)) {
    for (const { store, manifest, bytes } of candidates.flatMap(({ copies }) => copies)) {
      await attempt(() => openers.of(manifest));
      largest.set(store, Math.max(largest.get(store) ?? 0, bytes));
    }
  }
  if (mode === 'reencrypt') {
    for (const [id, bytes] of largest) await attempt(() => refuseWithoutRoom(search.stores.get(id), bytes));
  }
  return [...obstacles.values()];
}

/** Re-encryption writes a copy beside the old one. Throws `store_full` where that has no room. */
export async function refuseWithoutRoom(store: Store | undefined, bytes: number): Promise<void> {
  const space = await store?.space();
  if (store === undefined || space === undefined || space.freeBytes > bytes + spareBytes) return;
  throw new LowtideError(
    'store_full',
    `store ${store.id} has ${space.freeBytes} bytes free; ${bytes} are needed for a moment to write the largest copy anew`,
    { hint: 'Free space, or rewrap instead (--mode rewrap).' },
  );
}
