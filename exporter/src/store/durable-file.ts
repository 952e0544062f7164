import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * The order in which a file becomes real: its bytes flushed, then its name, then the folder that holds the name.
 * After `commit` a power cut leaves the whole new file; before it, the old state and a partial that can be swept.
 */

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a flushed partial file its final name, durably. */
export async function commit(partial: string, final: string): Promise<void> {
  await rename(partial, final);
  await syncFolder(dirname(final));
}

/** Removes a file, durably; an absent one is fine. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}
