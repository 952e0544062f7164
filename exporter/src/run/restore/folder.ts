import { lstatSync, renameSync } from 'node:fs';
import { mkdir, opendir, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';
import { describeEnd, startChild, type Child } from '../../process/child.ts';
import type { ChildEnd, Command } from '../../process/command.ts';
import { findTar } from '../../source/directory.ts';
import { firstLines, stderrLines } from '../../source/verdict.ts';
import { syncFolder } from '../../store/durable-file.ts';
import { feedChild } from '../feed.ts';
import {
  besides,
  findPlace,
  mountsWithin,
  placeError,
  removeTree,
  Staging,
  syncTree,
  type Place,
} from './place.ts';
import type { CopyReader, Restored, RestoreTarget, TargetOptions } from './target.ts';

/**
 * A folder that a tar archive is unpacked into. The order of things:
 *
 * 1. All of it is unpacked into `NAME.lowtide-UUID.partial` beside the final name, while the copy is verified.
 * 2. It is flushed to the disk.
 * 3. An existing folder is renamed to `NAME.lowtide-UUID.replaced`, and the new one to the final name: two system calls,
 *    one right after the other. A kill in between leaves both whole, and the next restore there puts the old one back.
 * 4. The old folder is removed.
 */
export function folderTarget(target: string, options: TargetOptions): RestoreTarget {
  return {
    async check() {
      await checkPlace(target, options);
    },
    async restore(copy) {
      return await restore(await checkPlace(target, options), copy, options);
    },
  };
}

interface FolderPlace extends Place {
  /** Whether there is a folder with something in it. */
  readonly full: boolean;
}

async function checkPlace(target: string, { force }: TargetOptions): Promise<FolderPlace> {
  const place = await findPlace(target);
  await putBack(place);
  const { path, found } = await findPlace(target);
  if (found === undefined) return { path, found, full: false };
  if (!found.isDirectory()) {
    throw new LowtideError('usage', `${path} is not a folder, and this backup is one`, {
      hint: 'Give the path of a folder, or of one that does not exist yet.',
    });
  }
  refuseMounts(path);
  const full = !(await isEmpty(path));
  if (full && !force) {
    throw new LowtideError('restore_target_exists', `the folder ${path} is not empty`, {
      hint: 'Restore to a new folder, or give --force: the old folder is then replaced as a whole, not merged.',
    });
  }
  return { path, found, full };
}

/**
 * A restore that was killed between its two renames has left the name to nobody: the old folder gets it back. Of several that
 * were taken aside it is the one that was so last, which its change time tells; others were being removed when a kill came.
 */
async function putBack({ path, found }: Place): Promise<void> {
  if (found !== undefined) return;
  const parent = dirname(path);
  const names = await readdir(parent).catch(() => []);
  const aside = names
    .filter((name) => name.startsWith(`${basename(path)}.lowtide-`) && name.endsWith('.replaced'))
    .map((name) => ({ name, changedAt: lstatSync(join(parent, name), { bigint: true }).ctimeNs }))
    .sort((a, b) => (a.changedAt < b.changedAt ? 1 : -1));
  const [last] = aside;
  if (last === undefined) return;
  renameSync(join(parent, last.name), path);
  await syncFolder(parent);
}

async function isEmpty(path: string): Promise<boolean> {
  try {
    await using folder = await opendir(path);
    return (await folder.read()) === null;
  } catch (thrown) {
    throw placeError(path, thrown);
  }
}

/** A mount cannot be renamed, and what is mounted below would be taken aside, and in the end removed, with the rest. */
function refuseMounts(path: string): void {
  const mounts = mountsWithin(path);
  if (mounts.length === 0 && path !== dirname(path)) return;
  const isItself = mounts.length === 0 || mounts.includes(path);
  throw new LowtideError(
    'usage',
    isItself
      ? `${path} is a mount point: no other folder can take its place`
      : `${firstLines(mounts).join(', ')} ${mounts.length === 1 ? 'is' : 'are'} mounted inside ${path}, which would be replaced as a whole`,
    {
      hint: `Restore to a new folder inside it (${join(path, 'restored')}), and move from there what is wanted.`,
    },
  );
}

async function restore(place: FolderPlace, copy: CopyReader, { signal }: TargetOptions): Promise<Restored> {
  const { path, full } = place;
  await using staging = await Staging.besides(path);
  const warnings = await unpack(copy, staging.path, signal);
  await syncTree(staging.path);
  signal.throwIfAborted();
  if (!full) {
    moveIn(staging.path, path);
    await syncFolder(dirname(path));
    return { restored: [path], warnings };
  }
  const old = besides(path, '.replaced');
  swap(staging.path, path, old);
  await syncFolder(dirname(path));
  const left = (await removeTree(old)) ? [] : [`the old folder could not be removed: it is now ${old}`];
  return { restored: [path], warnings: [...warnings, ...left] };
}

async function unpack(copy: CopyReader, into: string, signal: AbortSignal): Promise<readonly string[]> {
  const { program } = await findTar(signal);
  try {
    await mkdir(into, { mode: 0o700 });
  } catch (thrown) {
    throw placeError(into, thrown);
  }
  const child = startChild(unpackCommand(program, into), { stdin: 'pipe', signal });
  try {
    await feedChild(child, copy.open(copy.manifest.parts[0]));
    return judge(await child.end, into);
  } finally {
    await ended(child);
  }
}

function unpackCommand(program: string, into: string): Command {
  // Owners, and attributes other than users' own, are for root alone to set. Names may mean somebody else on this host.
  const asRoot = ['--same-owner', '--numeric-owner', '--xattrs-include=*'];
  return {
    argv: [
      program,
      '--extract',
      '--file=-',
      `--directory=${into}`,
      '--preserve-permissions',
      '--acls',
      '--xattrs',
      ...(process.getuid?.() === 0 ? asRoot : ['--no-same-owner']),
    ],
  };
}

function judge(end: ChildEnd, into: string): readonly string[] {
  if (end.exitCode === 0) return firstLines(stderrLines(end));
  const full = /No space left on device|Disk quota exceeded/.test(end.stderr);
  throw new LowtideError('restore_failed', describeEnd(end), {
    hint: full
      ? `Make room on the disk of ${dirname(into)}: old and new data lie there side by side for a while.`
      : 'Devices, owners and some attributes can be restored by root alone.',
  });
}

async function ended(child: Child): Promise<void> {
  child.stop();
  child.stdin?.destroy();
  await Promise.allSettled([child.end]);
}

/** Over nothing, or an empty folder; never over anything else. */
function moveIn(staged: string, path: string): void {
  try {
    renameSync(staged, path);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw placeError(path, thrown);
    throw new LowtideError('restore_target_exists', `${path} has been filled while the backup was unpacked`, {
      cause: thrown,
    });
  }
}

/** Not asynchronous, so that nothing comes between the two renames but a kill. */
function swap(staged: string, path: string, old: string): void {
  try {
    renameSync(path, old);
  } catch (thrown) {
    throw placeError(path, thrown);
  }
  try {
    renameSync(staged, path);
  } catch (thrown) {
    renameSync(old, path);
    throw placeError(path, thrown);
  }
}
