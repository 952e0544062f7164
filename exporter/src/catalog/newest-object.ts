import { storedManifest } from '../store/manifest.ts';
import type { Backup, Catalog } from './catalog.ts';

/** Among how many backups the newest of a store is looked for. */
const newestLookedAt = 50;

/** The main part of the newest backup that is on file as good in a store. */
export async function newestObject(
  catalog: Pick<Catalog, 'backups'>,
  store: string,
): Promise<string | undefined> {
  const isThere = ({ copies }: Backup): boolean =>
    copies.some((copy) => copy.store === store && copy.status === 'good');
  const newest = (await catalog.backups({ status: 'completed', limit: newestLookedAt })).find(isThere);
  return newest && storedManifest(newest.manifest).parts[0].name;
}
