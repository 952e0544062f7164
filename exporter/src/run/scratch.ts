import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileLock } from '../catalog/file-lock.ts';

/**
 * A private folder for one piece of work: credential files, a copied database, what is being looked at. It is gone when
 * the work is done. A lock beside it tells whether its process lives, so that what a killed one has left can be told
 * from what is in use, by whatever process and container.
 */
export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

const lockSuffix = '.lock';

export async function openScratch(root: string): Promise<Scratch> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  // Whoever comes next cleans up: a host that uses the commands alone never starts a service, and there may be passwords.
  await sweepScratch(root);
  for (;;) {
    const path = join(root, randomUUID());
    const lock = FileLock.take(`${path}${lockSuffix}`, 0);
    // A sweeper that came between making and locking the file has taken it away: another try.
    if (lock === undefined) continue;
    if (!existsSync(lock.path)) {
      lock[Symbol.dispose]();
      continue;
    }
    await mkdir(path, { mode: 0o700 });
    return {
      path,
      async [Symbol.asyncDispose]() {
        await rm(path, { recursive: true, force: true });
        await rm(lock.path, { force: true });
        lock[Symbol.dispose]();
      },
    };
  }
}

/** Removes the folders of processes that are gone; returns how many. */
export async function sweepScratch(root: string): Promise<number> {
  const names = await readdir(root).catch(() => []);
  const locks = names.filter((name) => name.endsWith(lockSuffix));
  let swept = 0;
  for (const name of locks) {
    const lock = FileLock.take(join(root, name), 0);
    if (lock === undefined) continue;
    await rm(join(root, name.slice(0, -lockSuffix.length)), { recursive: true, force: true });
    await rm(lock.path, { force: true });
    lock[Symbol.dispose]();
    swept += 1;
  }
  return swept;
}
