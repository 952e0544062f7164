import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { segmentPattern } from '../name.ts';

/**
 * The names of all files below `root` that start with `prefix`, in name order, read folder by folder, and no folder
 * outside the prefix. What cannot be part of a name (`lost+found`, `.snapshot`) is not looked into. A link to a file or a
 * folder counts as what it leads to.
 */
export async function* filesUnder(root: string, prefix: string): AsyncGenerator<string> {
  yield* filesIn(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, []);
}

/** `folder` is empty or ends with `/`; `above` are the real paths of the folders that lead here. */
async function* filesIn(
  root: string,
  folder: string,
  prefix: string,
  above: readonly string[],
): AsyncGenerator<string> {
  let here: string;
  let entries: Dirent[];
  try {
    here = await realpath(join(root, folder));
    // A link that leads back to a folder above it would be followed for ever.
    if (above.includes(here)) return;
    entries = await readdir(here, { withFileTypes: true });
  } catch (thrown) {
    if (isNothing(thrown, folder)) return;
    throw thrown;
  }
  const names: string[] = [];
  for (const entry of entries) {
    const name = `${folder}${entry.name}`;
    if (!segmentPattern.test(entry.name) || !name.startsWith(prefix)) continue;
    const kind = entry.isSymbolicLink() ? await kindAt(join(here, entry.name)) : entry;
    // With its slash a folder sorts where the names below it belong: `a-b` < `a/b` < `a0`.
    if (kind?.isDirectory() === true) names.push(`${name}/`);
    else if (kind?.isFile() === true) names.push(name);
  }
  for (const name of names.sort()) {
    if (name.endsWith('/')) yield* filesIn(root, name, prefix, [...above, here]);
    else yield name;
  }
}

async function kindAt(path: string): Promise<{ isFile(): boolean; isDirectory(): boolean } | undefined> {
  try {
    return await stat(path);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw thrown;
  }
}

/** Absent, or gone since; the root itself being a file is no such case. */
function isNothing(thrown: unknown, folder: string): boolean {
  const code = systemErrorCode(thrown);
  return code === 'ENOENT' || (code === 'ENOTDIR' && folder !== '');
}
