import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { Backup, Catalog, CatalogTotals } from '../catalog/catalog.ts';
import type { Key, Keystore } from '../keys/keystore.ts';
import { storedManifest, type Manifest } from '../store/manifest.ts';

/** What depends on a key: backups of which a copy is there, the copies, and the bytes of one copy of each backup. */
export interface Dependents {
  readonly backups: number;
  readonly copies: number;
  readonly bytes: number;
}

export interface KeyCensus extends Dependents {
  readonly key: Key;
}

/** A key that backups need and whose secret half is not here. */
export interface LostKey extends Dependents {
  readonly id: string;
  /** Keys that are here and open all of these backups, or some: recovery recipients. */
  readonly openedBy: readonly string[];
}

/**
 * Which backups depend on which key. A key counts for what is sealed to it as a backup's own key, and, where that key is lost, for
 * what it opens in its stead: it may be the last that does.
 */
export interface Census {
  /** All that the keystore has, oldest first. */
  readonly keys: readonly KeyCensus[];
  readonly lost: readonly LostKey[];
}

const pageSize = 100;
const none: Dependents = { backups: 0, copies: 0, bytes: 0 };

/** From the catalog's summaries; the backups of lost keys are read one by one. */
export async function takeCensus(
  catalog: Pick<Catalog, 'backups' | 'totals'>,
  keystore: Pick<Keystore, 'holds' | 'list'>,
): Promise<Census> {
  const keys = await keystore.list();
  const totals = await catalog.totals();
  const here: Key[] = [];
  for (const key of keys) if (await keystore.holds(key.id)) here.push(key);
  const instead = new Map<string, Dependents>();
  const lost: LostKey[] = [];
  for (const [id, backups] of Object.entries(totals.backupsByKey)) {
    if (backups === 0 || here.some((key) => key.id === id) || (await keystore.holds(id))) continue;
    const openers = await openersOf(catalog, id, here);
    for (const [opener, dependents] of openers) {
      instead.set(opener, sum(instead.get(opener) ?? none, dependents));
    }
    lost.push({ id, ...ownOf(totals, id), openedBy: [...openers.keys()] });
  }
  return {
    keys: keys.map((key) => ({ key, ...sum(ownOf(totals, key.id), instead.get(key.id) ?? none) })),
    lost,
  };
}

/** What each key that is here opens of the backups of one that is not. */
async function openersOf(
  catalog: Pick<Catalog, 'backups'>,
  lostId: string,
  here: readonly Key[],
): Promise<ReadonlyMap<string, Dependents>> {
  const openers = new Map<string, Dependents>();
  const filter = { keyId: lostId, status: 'completed', limit: pageSize } as const;
  let page: readonly Backup[] = await catalog.backups(filter);
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    for (const backup of page) {
      for (const key of here) {
        const copies = sealedTo(backup, lostId).filter(({ recipients }) =>
          recipients.includes(key.recipient),
        ).length;
        if (copies === 0) continue;
        const dependents = { backups: 1, copies, bytes: backup.storedBytes };
        openers.set(key.id, sum(openers.get(key.id) ?? none, dependents));
      }
    }
    await letOthersRun();
    page = await catalog.backups({ ...filter, after: last.id });
  }
  return openers;
}

function sealedTo({ manifest, copies }: Backup, keyId: string): readonly Manifest[] {
  return copies
    .filter(({ status }) => status === 'good' || status === 'damaged')
    .map((copy) => copy.manifest ?? storedManifest(manifest))
    .filter((sealed) => sealed.keyId === keyId);
}

function ownOf({ backupsByKey, copiesByKey, bytesByKey }: CatalogTotals, id: string): Dependents {
  return { backups: backupsByKey[id] ?? 0, copies: copiesByKey[id] ?? 0, bytes: bytesByKey[id] ?? 0 };
}

function sum(a: Dependents, b: Dependents): Dependents {
  return { backups: a.backups + b.backups, copies: a.copies + b.copies, bytes: a.bytes + b.bytes };
}
