import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep, isAbsolute } from 'node:path';
import { LowtideError } from '../../errors/lowtide-error.ts';

/** Something that no restore may replace, nor put anything into: with it all backups could be lost. */
export interface ProtectedPlace {
  /** A folder or a file. */
  readonly path: string;
  /** As in `store local`. */
  readonly what: string;
}

/** Throws `usage` for a target that is such a place, holds one, or lies in one; symbolic links are followed. */
export function refuseProtected(target: string, places: readonly ProtectedPlace[]): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) return;
  const real = realPath(resolve(target));
  for (const { path, what } of places) {
    const place = realPath(path);
    const how = isBelow(place, real) ? 'holds' : isBelow(real, place) ? 'lies in' : undefined;
    if (how === undefined) continue;
    throw new LowtideError('usage', `cannot restore to ${target}: it ${how} ${what} (${path})`, {
      hint: 'Restore into a new folder, look at it, and move what you need.',
    });
  }
}

/** The path without symbolic links, as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

/** Whether `path` is `folder`, or somewhere in it. */
function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
