import { constants } from 'node:fs';
import { access, link, open, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';
import type { Manifest, ManifestPart } from '../../store/manifest.ts';
import { commit, syncFolder } from '../../store/durable-file.ts';
import { findPlace, placeError, Staging, type Place } from './place.ts';
import { moveSidecarsAside, refuseSidecars, replaceDatabase } from './sqlite.ts';
import type { CopyReader, Restored, RestoreTarget, TargetOptions } from './target.ts';

/**
 * Files that hold exactly what the source produced: a `pg_dump` archive, SQL, a SQLite database, a command's output. Each grows
 * under another name beside its final one, is flushed, and gets the name once all parts of the backup are whole.
 */
export function fileTarget(target: string, manifest: Manifest, options: TargetOptions): RestoreTarget {
  return {
    async check() {
      await checkFiles(target, manifest, options);
    },
    async restore(copy) {
      const files = await checkFiles(target, manifest, options);
      return await restore(files, copy, options);
    },
  };
}

interface PlannedFile extends Place {
  readonly part: ManifestPart;
}

/** The main part goes last: where its name is there, all of the backup is. */
async function checkFiles(
  target: string,
  manifest: Manifest,
  { force }: TargetOptions,
): Promise<readonly PlannedFile[]> {
  const place = await findPlace(target);
  const inFolder = place.found?.isDirectory() ?? target.endsWith('/');
  const files: PlannedFile[] = [];
  for (const part of manifest.parts.toReversed()) {
    const path = inFolder
      ? join(place.path, nameOf(part))
      : `${place.path}${part.role === 'main' ? '' : `.${part.role}.sql`}`;
    const file = { part, ...(await findPlace(path)) };
    await refuseUnfit(file, force);
    files.push(file);
  }
  return files;
}

/** As in the store, without what compression and sealing have added: `db-20261125T020000Z-3fa29c.pgdump`. */
function nameOf(part: ManifestPart): string {
  return basename(part.name).replace(/\.zst\.age$/, '');
}

async function refuseUnfit({ path, found, part }: PlannedFile, force: boolean): Promise<void> {
  if (found !== undefined && !found.isFile()) {
    throw new LowtideError('usage', `${path} is not a file, and cannot be replaced by one`, {
      hint: 'Give the path of a file, or of a folder that the file is to lie in.',
    });
  }
  if (found !== undefined && !force) {
    throw new LowtideError('restore_target_exists', `${path} exists already`, {
      hint: 'Restore to another path, or give --force to replace it.',
    });
  }
  if (part.format === 'sqlite' && found === undefined && !force) await refuseSidecars(path);
  try {
    if (found !== undefined) await access(path, constants.W_OK);
  } catch (thrown) {
    throw placeError(path, thrown);
  }
}

async function restore(
  files: readonly PlannedFile[],
  copy: CopyReader,
  options: TargetOptions,
): Promise<Restored> {
  await using stagings = new AsyncDisposableStack();
  const staged: { readonly file: PlannedFile; readonly path: string }[] = [];
  for (const file of files) {
    const { path } = stagings.use(await Staging.besides(file.path));
    await stage(file, path, copy);
    staged.push({ file, path });
  }
  options.signal.throwIfAborted();
  for (const { file, path } of staged) {
    try {
      await putInPlace(file, path, options);
    } catch (thrown) {
      throw placeError(file.path, thrown);
    }
  }
  const [main, ...others] = files.map(({ path }) => path).toReversed();
  if (main === undefined) throw new TypeError('a backup has at least one part');
  return { restored: [main, ...others], warnings: [] };
}

async function stage({ path, found, part }: PlannedFile, staging: string, copy: CopyReader): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(staging, 'wx', 0o600);
    for await (const bytes of copy.open(part)) {
      for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
    }
    // Whoever could read the old file can read the new one.
    if (found !== undefined) {
      await file.chmod(found.mode & 0o7777);
      if (process.getuid?.() === 0) await file.chown(found.uid, found.gid);
    }
    await file.sync();
  } catch (thrown) {
    throw placeError(path, thrown);
  } finally {
    await file?.close();
  }
}

async function putInPlace(
  { path, found, part }: PlannedFile,
  staged: string,
  { force, signal }: TargetOptions,
): Promise<void> {
  if (!force) {
    await giveNewName(staged, path);
    return;
  }
  if (part.format !== 'sqlite') {
    await commit(staged, path);
    return;
  }
  if (found !== undefined && (await replaceDatabase(staged, path, signal))) return;
  const sidecars = await moveSidecarsAside(path);
  try {
    await commit(staged, path);
  } catch (thrown) {
    await sidecars.putBack();
    throw thrown;
  }
  await sidecars.remove();
}

/** By a link, which unlike a rename never takes a place that somebody has filled meanwhile. */
async function giveNewName(staged: string, path: string): Promise<void> {
  try {
    await link(staged, path);
  } catch (thrown) {
    switch (systemErrorCode(thrown)) {
      case 'EPERM':
      case 'ENOTSUP':
      case 'ENOSYS':
        // A file system without links.
        await commit(staged, path);
        return;
      case 'EEXIST':
        throw new LowtideError('restore_target_exists', `${path} was made while the backup was read`, {
          cause: thrown,
        });
      case undefined:
      default:
        throw thrown;
    }
  }
  await syncFolder(dirname(path));
}
