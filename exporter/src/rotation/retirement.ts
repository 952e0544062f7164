import { rebuildCatalog, type RebuildProgress } from '../catalog/rebuild.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Key, Keystore } from '../keys/keystore.ts';
import { isManifestName } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { takeCensus } from './census.ts';
import type { Rotator } from './rotator.ts';
import { counted } from '../units/count.ts';

/** The end of a key's life: refused with `key_in_use` while anything that is known, or lies in a store, may need it. */

export interface RetirementEnvironment {
  readonly catalog: Catalog;
  readonly keystore: Keystore;
  readonly stores: ReadonlyMap<string, Store>;
  readonly rotator: Pick<Rotator, 'recover'>;
}

/** What a killed rotation has left is put in order first: until then the catalog may not know what needs the key. */
export async function retireKey(
  environment: RetirementEnvironment,
  id: string,
  signal: AbortSignal,
): Promise<Key> {
  await environment.rotator.recover(signal);
  await refuseNeeded(environment, id, 'retired');
  return await environment.keystore.retire(id);
}

/**
 * Makes sure that nothing needs a key that is about to be destroyed, which nobody can undo: no run or rotation goes on, every
 * store was there and read through, and what was found there is in the catalog. Throws `key_in_use`, what keeps a store from being read, and
 * `manifest_invalid` for a manifest that cannot be: its backup may need the key.
 */
export async function refuseDestruction(
  environment: RetirementEnvironment,
  id: string,
  options: { readonly signal: AbortSignal; readonly onProgress?: (progress: RebuildProgress) => void },
): Promise<void> {
  const { catalog, stores, rotator } = environment;
  await rotator.recover(options.signal);
  const [run] = await catalog.runs({ status: 'running', limit: 1 });
  if (run !== undefined) {
    throw new LowtideError(
      'key_in_use',
      `run ${run.id} of ${run.schedule} goes on: what it makes may need ${id}`,
      { hint: 'Try again when no backup is being made.', retryable: true },
    );
  }
  await refuseNeeded(environment, id, 'destroyed');
  for (const [name, store] of stores) await refuseEmpty(name, store, id);
  const { problems } = await rebuildCatalog(catalog, stores, options);
  for (const { store, error } of problems) {
    // A part that is missing or damaged says nothing against what its manifest says.
    if (error.code === 'store_missing_object' || error.code === 'payload_invalid') continue;
    throw new LowtideError(
      error.code,
      `whether a backup in store ${store} needs ${id} cannot be told: ${error.message}`,
      {
        hint: 'Every manifest in every store of the config has to be readable before a key is destroyed.',
        cause: error,
      },
    );
  }
  await refuseNeeded(environment, id, 'destroyed');
}

/**
 * A disk that is not mounted is a folder without backups, though a copy of the config may have been put there since; where the
 * catalog is new as well, nothing tells what lies on it.
 */
async function refuseEmpty(name: string, store: Store, id: string): Promise<void> {
  for await (const object of store.list('')) if (isManifestName(object.name)) return;
  throw new LowtideError(
    'store_unavailable',
    `store ${name} holds no backup at all: whether one of it needs ${id} cannot be told`,
    {
      hint: 'If its disk is not mounted, mount it. If it is new, make a backup to it first, or take it out of the config.',
      retryable: true,
    },
  );
}

async function refuseNeeded(
  { catalog, keystore }: RetirementEnvironment,
  id: string,
  what: 'retired' | 'destroyed',
): Promise<void> {
  const [rotation] = await catalog.rotations.list({ status: 'running', limit: 1 });
  if (rotation !== undefined && (what === 'destroyed' || rotation.keyId === id)) {
    throw new LowtideError('key_in_use', `rotation ${rotation.id} goes on: ${id} cannot be ${what}`, {
      hint: 'Wait for its end, or cancel it.',
      retryable: true,
    });
  }
  // Of a store that is not there, or not in the config any more: nobody could look how the copy is sealed now.
  const unclear = (await catalog.rotations.unsettled()).filter(({ manifest }) => manifest.keyId === id);
  const [first] = unclear;
  if (first !== undefined) {
    throw new LowtideError(
      'key_in_use',
      `${counted(unclear.length, 'copy', 'copies')} may be sealed to ${id} already, such as that of ${first.backupId} in store ${first.store}: it cannot be ${what}`,
      { hint: 'A rotation was cut off there. Bring the store back, then `lowtide rotate --resume`.' },
    );
  }
  const { keys, lost } = await takeCensus(catalog, keystore);
  const { backups } = keys.find(({ key }) => key.id === id) ??
    lost.find((key) => key.id === id) ?? { backups: 0 };
  if (backups === 0) return;
  const inPlaceOf = lost.filter(({ openedBy }) => openedBy.includes(id)).map((key) => key.id);
  throw new LowtideError(
    'key_in_use',
    `${counted(backups, 'backup needs', 'backups need')} ${id}${inPlaceOf.length === 0 ? '' : `, for it opens what is sealed to ${inPlaceOf.join(', ')}, which is lost`}: it cannot be ${what}`,
    { hint: '`lowtide rotate` gives them to another key; or let them be pruned first.' },
  );
}
