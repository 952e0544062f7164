import { randomUUID } from 'node:crypto';
import { readFileSync, type Stats } from 'node:fs';
import { lstat, mkdir, realpath, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../../process/child.ts';

/** Where a restore takes place, as the file system has it. */
export interface Place {
  /** Absolute, symbolic links followed: what is put there does not take a link's place. */
  readonly path: string;
  readonly found: Stats | undefined;
}

export async function findPlace(target: string): Promise<Place> {
  const path = resolve(target);
  try {
    const link = await lstat(path).catch(absentAsUndefined);
    if (link === undefined) return { path, found: undefined };
    const found = await stat(path).catch(absentAsUndefined);
    if (found !== undefined) return { path: await realpath(path), found };
  } catch (thrown) {
    throw placeError(path, thrown);
  }
  throw new LowtideError('usage', `${path} is a symbolic link to something that does not exist`, {
    hint: 'Give the path that it should lead to.',
  });
}

function absentAsUndefined(thrown: unknown): undefined {
  if (systemErrorCode(thrown) !== 'ENOENT') throw thrown;
}

/**
 * A name beside the final one, in the same folder, so that a rename can follow; what a killed restore has left lies there,
 * and can be deleted once no restore runs any more.
 */
export function besides(path: string, suffix: '.partial' | '.replaced'): string {
  return join(dirname(path), `${basename(path)}.lowtide-${randomUUID()}${suffix}`);
}

/** A new file or folder that grows under another name. Disposing removes it, unless it was given its name. */
export class Staging implements AsyncDisposable {
  readonly path: string;
  readonly #madeFolders: readonly string[];

  private constructor(path: string, madeFolders: readonly string[]) {
    this.path = path;
    this.#madeFolders = madeFolders;
  }

  /** Makes the folders above where they are missing. */
  static async besides(path: string): Promise<Staging> {
    const parent = dirname(path);
    try {
      const first = await mkdir(parent, { recursive: true });
      const made: string[] = [];
      for (
        let folder = parent;
        first !== undefined && folder.length >= first.length;
        folder = dirname(folder)
      ) {
        made.push(folder);
      }
      return new Staging(besides(path, '.partial'), made);
    } catch (thrown) {
      throw placeError(parent, thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.path);
    // Where the restore succeeded they are not empty, and refuse.
    for (const folder of this.#madeFolders) await rmdir(folder).catch(() => undefined);
  }
}

/**
 * By `rm`: Node's own trips over names that are no UTF-8. Never into another file system. Returns whether it is gone.
 */
export async function removeTree(path: string): Promise<boolean> {
  const argv = ['rm', '--recursive', '--force', '--one-file-system', '--', path] as const;
  if ((await runChild({ argv: [...argv] })).exitCode === 0) return true;
  // Restored modes may forbid their owner to empty a folder.
  await runChild({ argv: ['chmod', '--recursive', 'u+rwX', '--', path] });
  return (await runChild({ argv: [...argv] })).exitCode === 0;
}

/** Flushes all that was written to the file system that `path` lies on; one call, however many files there are. */
export async function syncTree(path: string): Promise<void> {
  const end = await runChild({ argv: ['sync', '--file-system', path] });
  if (end.exitCode !== 0) throw new LowtideError('restore_failed', describeEnd(end), { hint: noRoomHint });
}

/** Mount points at or below `path`. Empty where the system has no list of them. */
export function mountsWithin(path: string): readonly string[] {
  let table: string;
  try {
    table = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return [];
  }
  return table
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) => fromOctal(octal)),
    )
    .filter((mount) => mount === path || mount.startsWith(path === '/' ? '/' : `${path}/`));
}

/** The kernel writes blanks in paths as `\040`. */
function fromOctal(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}

const noRoomHint = 'Make room there, or restore to another disk.';

/** `restore_failed` with a remedy for what a file system says no to; everything else as it came. */
export function placeError(path: string, thrown: unknown): unknown {
  const failed = (why: string, hint?: string): LowtideError =>
    new LowtideError('restore_failed', `cannot restore to ${path}: ${why}`, {
      ...(hint !== undefined && { hint }),
      cause: thrown,
    });
  switch (systemErrorCode(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failed('no space is left', noRoomHint);
    case 'EFBIG':
      return failed('the file is larger than its file system allows');
    case 'EACCES':
    case 'EPERM':
      return failed('permission denied', 'Restore as a user that may write there, or to another place.');
    case 'EROFS':
      return failed('the file system is read-only');
    case 'EBUSY':
    case 'EXDEV':
      return failed('it is a mount point', 'Restore to a folder inside it, and move from there.');
    case 'ENOTDIR':
    case 'EEXIST':
      return failed('a part of the path is a file');
    case 'ENAMETOOLONG':
      return failed(
        'the name is too long',
        'The new data grows beside it, under a name 50 characters longer.',
      );
    case undefined:
    default:
      return thrown;
  }
}
