import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors/lowtide-error.ts';
import type { StoreSpace } from '../store/store.ts';

/** Space, and where: one of the paths that were asked about. */
export interface DiskSpace extends StoreSpace {
  readonly path: string;
}

/**
 * Space on the local file systems that hold `paths` (the state folder and the folders of directory stores): of the one
 * that is fullest, since that one ends the backups. A path that does not exist yet counts where it would be made.
 */
export async function fullestDisk(paths: readonly string[]): Promise<DiskSpace> {
  const spaces = await Promise.all(paths.map(async (path) => ({ ...(await diskSpace(path)), path })));
  const [fullest] = spaces.toSorted((one, other) => usedRatio(other) - usedRatio(one));
  if (fullest === undefined) throw new RangeError('fullestDisk needs at least one path');
  return fullest;
}

/** Share in use, 0 to 1, as `df` counts it: what is reserved for root is neither used nor free. */
export function usedRatio(space: StoreSpace): number {
  return space.totalBytes === 0 ? 0 : 1 - space.freeBytes / space.totalBytes;
}

async function diskSpace(path: string): Promise<StoreSpace> {
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize };
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
    if (!isMissing || dirname(path) === path) throw error;
    return diskSpace(dirname(path));
  }
}
