import type { Backup } from '../catalog/catalog.ts';
import { storedManifest, type Manifest } from '../store/manifest.ts';

/** How the copy in a store is sealed, by the catalog: copies differ while a rotation goes on, or after it where a store refused. */
export function sealingOf(backup: Backup, store: string): Manifest {
  return backup.copies.find((copy) => copy.store === store)?.manifest ?? storedManifest(backup.manifest);
}

/** How a rotation is sealing it anew at this moment. */
export function nextSealingOf(backup: Backup, store: string): Manifest | undefined {
  return backup.copies.find((copy) => copy.store === store)?.next;
}

/** All that the copy may agree with just now. */
export function sealingsOf(backup: Backup, store: string): readonly [Manifest, ...Manifest[]] {
  const next = nextSealingOf(backup, store);
  return [sealingOf(backup, store), ...(next === undefined ? [] : [next])];
}

export function isSameSealing(one: Manifest, other: Manifest): boolean {
  return JSON.stringify([one.keyId, one.parts]) === JSON.stringify([other.keyId, other.parts]);
}
