import type { Catalog } from '../catalog/catalog.ts';
import type { RotationMode } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import { commonKind } from '../seal/recipients.ts';
import type { Store } from '../store/store.ts';
import type { CandidateCopy, CandidateRules } from './candidates.ts';
import { Openers } from './openers.ts';
import { protectionKey } from './plan.ts';
import { candidatePages, findProtections } from './survey.ts';

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
/** Of 64 backups, with their manifests. */
const journalBytes = 1024 * 1024;

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
  for (const id of await neededKeys(search)) {
    // One identity opens all of them; only where it is lost, each has to be looked at.
    if (await opens(keystore, id)) continue;
    const openers = new Openers(keystore);
    for await (const { manifest } of candidateCopies(search, { fromKeyIds: [id] })) {
      await attempt(() => openers.of(manifest));
    }
  }
  const largest = await largestByStore(search);
  for (const [id, bytes] of largest) {
    const store = search.stores.get(id);
    await attempt(() =>
      mode === 'reencrypt' ? refuseWithoutRoom(store, bytes) : refuseWithoutJournal(store),
    );
  }
  return [...obstacles.values()];
}

/** The largest copy that would be changed. */
async function largestByStore({
  catalog,
  stores,
  rules,
}: ObstacleSearch): Promise<ReadonlyMap<string, number>> {
  const largest = new Map<string, number>();
  for await (const candidates of candidatePages(catalog, rules)) {
    const protections = await findProtections(stores, candidates);
    for (const { backup, copies } of candidates) {
      for (const { store, bytes } of copies) {
        // What cannot be changed is left alone, and takes no room.
        if (protections.has(protectionKey(store, backup.id))) continue;
        largest.set(store, Math.max(largest.get(store) ?? 0, bytes));
      }
    }
  }
  return largest;
}

async function neededKeys({
  catalog,
  rules: { fromKeyIds, targetKeyId },
}: ObstacleSearch): Promise<readonly string[]> {
  return Object.entries((await catalog.totals()).backupsByKey)
    .filter(([id, backups]) => backups > 0 && (fromKeyIds?.includes(id) ?? id !== targetKeyId))
    .map(([id]) => id);
}

async function opens(keystore: ObstacleSearch['keystore'], id: string): Promise<boolean> {
  try {
    await keystore.identity(id);
    return true;
  } catch {
    return false;
  }
}

async function* candidateCopies(
  { catalog, rules }: ObstacleSearch,
  more: Partial<CandidateRules>,
): AsyncGenerator<CandidateCopy> {
  for await (const candidates of candidatePages(catalog, { ...rules, ...more })) {
    for (const { copies } of candidates) yield* copies;
  }
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

/** Rewrapping writes heads over in place, and beforehand down what they were. Throws `store_full`. */
async function refuseWithoutJournal(store: Store | undefined): Promise<void> {
  const space = await store?.space();
  if (store === undefined || space === undefined || space.freeBytes > journalBytes) return;
  throw new LowtideError(
    'store_full',
    `store ${store.id} has ${space.freeBytes} bytes free; ${journalBytes} are needed for the journal`,
    { hint: 'Free space.' },
  );
}
