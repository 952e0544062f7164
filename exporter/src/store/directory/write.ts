import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { partialName } from '../name.ts';
import type { StoredObject } from '../store.ts';
import type { Disk, NewFile } from './disk.ts';

/**
 * How an object becomes real: its bytes into a partial file, flushed; then its name; then the folder that holds the name.
 * A crash before the name leaves a partial that can be swept; after it, the whole object.
 */

/**
 * Writing back starts early, in the background: left to the kernel, gigabytes of dirty pages would wait for the final
 * fsync, and that wait would come on top of the copy instead of beside it.
 */
const flushEveryBytes = 64 * 1024 * 1024;

/** Opens a new file, making its folder below `root` where there is none, durably. */
export async function createPartial(disk: Disk, root: string, path: string): Promise<NewFile> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeFolder(disk, root, dirname(path));
      return await disk.createFile(path);
    } catch (thrown) {
      // Between the two steps somebody has deleted the folder's last object, and with it the folder.
      if (systemErrorCode(thrown) !== 'ENOENT' || attempt === 20) throw thrown;
    }
  }
}

async function makeFolder(disk: Disk, root: string, folder: string): Promise<void> {
  const first = await disk.makeFolder(folder);
  const top = first !== undefined && first.length <= root.length ? dirname(first) : root;
  // A new folder has to be flushed into the one above, or a power cut forgets the whole branch. One that is not new may
  // have been made a moment ago, by a writer that has not come to flushing it.
  for (let below = folder; below.length > top.length; below = dirname(below))
    await disk.syncFolder(dirname(below));
}

/** Writes all pieces into the file, flushes and closes it. */
export async function fill(
  file: NewFile,
  pieces: AsyncIterable<Uint8Array>,
): Promise<Omit<StoredObject, 'name'>> {
  try {
    await writeAll(file, pieces);
    await file.sync();
    const { size, mtimeMs } = await file.stat();
    return { sizeBytes: size, modifiedAt: Math.trunc(mtimeMs) };
  } finally {
    await file.close();
  }
}

async function writeAll(file: NewFile, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let unflushed = 0;
  let flushing: Promise<void> | undefined;
  let flushError: unknown;
  for await (const bytes of pieces) {
    await file.writeFile(bytes);
    unflushed += bytes.length;
    if (unflushed >= flushEveryBytes && flushing === undefined) {
      unflushed = 0;
      flushing = file
        .datasync()
        .catch((thrown: unknown) => (flushError ??= thrown))
        .then(() => (flushing = undefined));
    }
  }
  await flushing;
  // A failed flush may be reported once only: the final fsync could then say that all is well.
  if (flushError !== undefined) throw flushError as Error;
}

/** Gives the partial its final name, in place of the object that bore it. */
export async function replaceObject(disk: Disk, partial: string, final: string): Promise<void> {
  await disk.rename(partial, final);
  await disk.syncFolder(dirname(final));
}

/** Gives the partial its final name unless something bears it; false if so. */
export async function nameNewObject(disk: Disk, partial: string, final: string): Promise<boolean> {
  try {
    // Unlike a rename, a link never takes another's place.
    await disk.link(partial, final);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') {
      return renameNew(disk, partial, final);
    }
    throw thrown;
  }
  await keepOnlyIf(disk, final, async () => {
    await disk.removeFile(partial);
    await disk.syncFolder(dirname(final));
  });
  return true;
}

const claimUuid = '00000000-0000-0000-0000-000000000000';

/**
 * For file systems without hard links (FAT, exFAT, some network shares): whoever could make the claim looks whether the
 * name is free, and takes it. To a sweep a claim that was left is one more partial.
 */
async function renameNew(disk: Disk, partial: string, final: string): Promise<boolean> {
  const claim = partialName(final, claimUuid);
  let file: NewFile;
  try {
    file = await disk.createFile(claim);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
  try {
    await file.close();
    if (await exists(final)) return false;
    await disk.rename(partial, final);
    await keepOnlyIf(disk, final, () => disk.syncFolder(dirname(final)));
    return true;
  } finally {
    await disk.removeFile(claim).catch(() => undefined);
  }
}

/** An object that could not be made durable is taken back: nobody was promised it, and the next try needs the name. */
async function keepOnlyIf(disk: Disk, final: string, madeDurable: () => Promise<void>): Promise<void> {
  try {
    await madeDurable();
  } catch (thrown) {
    await disk.removeFile(final).catch(() => undefined);
    throw thrown;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
