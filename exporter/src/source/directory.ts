import { statSync } from 'node:fs';
import { access, constants, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import { readTarMessages } from './directory/tar-messages.ts';
import type { Dump, Source } from './source.ts';
import { firstTool } from './tool.ts';
import { failure, firstLines } from './verdict.ts';

export interface DirectorySourceOptions {
  /** A folder, or one file. */
  readonly path: string;
  /** See `excludeOptions`. */
  readonly exclude: readonly string[];
  /** skip: what cannot be read is left out and becomes a warning. */
  readonly unreadable: 'fail' | 'skip';
}

/**
 * A folder as a tar archive in POSIX (pax) format, whose members are named `./…`: owners as names and numbers, modes,
 * times to the nanosecond, symbolic and hard links, holes, ACLs and extended attributes, names of any length in any
 * bytes. Mounts below the folder are part of it.
 */
export function directorySource(options: DirectorySourceOptions): Source {
  const { path } = options;
  return {
    type: 'directory',
    kind: 'files',
    label: path,
    async check({ signal }) {
      await findRoot(path);
      await findTar(signal);
    },
    async prepare({ signal }) {
      const root = await findRoot(path);
      const tar = await findTar(signal);
      return dump(options, root, tar);
    },
  };
}

function dump(options: DirectorySourceOptions, root: TarRoot, tar: TarProgram): Dump {
  const command: Command = { argv: tarArgv(options, root, tar.program) };
  const judge = (end: ChildEnd): readonly string[] => judgeTar(options, root, end);
  return {
    parts: [{ role: 'main', format: 'tar', input: { command }, judge }],
    tools: { [tar.program]: tar.version },
  };
}

/** Where tar changes to, and what it takes from there. */
interface TarRoot {
  readonly folder: string;
  readonly member: string;
}

function tarArgv(options: DirectorySourceOptions, root: TarRoot, program: string): Command['argv'] {
  return [
    program,
    '--create',
    '--file=-',
    '--format=posix',
    // No process id in the names of headers, and no times of reading: equal folders give equal archives.
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--sparse',
    '--acls',
    '--xattrs',
    // Records as large as a pipe holds: half the time of the default of 10 KiB.
    '--blocking-factor=128',
    // A socket is remade by its server, and cannot be stored: nothing to warn of.
    '--warning=no-file-ignored',
    ...(options.unreadable === 'skip' ? ['--ignore-failed-read'] : []),
    ...options.exclude.flatMap(excludeOptions),
    `--directory=${root.folder}`,
    root.member,
  ];
}

/**
 * A pattern with a slash inside or in front is meant from the source's folder on (`var/cache`, `/tmp`); one without
 * is meant at any depth (`*.tmp`, `node_modules`). `*` and `?` do not match a slash, so that a pattern never takes
 * more than it shows; a folder that matches is left out with all that is in it.
 */
function excludeOptions(pattern: string): readonly string[] {
  const trimmed = pattern.replace(/\/+$/, '');
  const options = ['--wildcards', '--no-wildcards-match-slash'];
  return trimmed.includes('/')
    ? ['--anchored', ...options, `--exclude=./${trimmed.replace(/^(\.?\/+)+/, '')}`]
    : ['--no-anchored', ...options, `--exclude=${trimmed}`];
}

/** tar ends with 0, with 1 where a file changed under its hands (the archive is whole), and with 2 where it failed. */
function judgeTar(options: DirectorySourceOptions, root: TarRoot, end: ChildEnd): readonly string[] {
  const { unreadable, remarks, fatal } = readTarMessages(end);
  if (!exists(root.folder)) {
    throw new LowtideError('source_failed', `${options.path} vanished while it was read`, {
      hint: 'It was removed or unmounted: nothing is stored from such a run.',
      retryable: true,
    });
  }
  if (end.exitCode === 0 || (end.exitCode === 1 && fatal.length === 0)) {
    return firstLines([...unreadable.map((line) => `left out: ${line}`), ...remarks]);
  }
  if (end.exitCode === 2 && fatal.length === 0 && unreadable.length > 0)
    throw unreadableError(options, unreadable);
  throw failure(end);
}

function unreadableError({ path }: DirectorySourceOptions, unreadable: readonly string[]): LowtideError {
  return new LowtideError(
    'source_unreadable',
    `${path}: cannot be read: ${firstLines(unreadable).join('; ')}`,
    {
      hint: 'Let Lowtide run as a user that may read them, exclude them, or set unreadable: skip to leave them out.',
    },
  );
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function findRoot(path: string): Promise<TarRoot> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      await access(path, constants.R_OK | constants.X_OK);
      return { folder: path, member: '.' };
    }
    if (!found.isFile()) {
      throw new LowtideError('source_unreachable', `${path} is neither a folder nor a file`);
    }
    await access(path, constants.R_OK);
    const real = await realpath(path);
    return { folder: dirname(real), member: `./${basename(real)}` };
  } catch (thrown) {
    throw rootError(path, thrown);
  }
}

function rootError(path: string, thrown: unknown): unknown {
  const code = systemErrorCode(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new LowtideError('source_unreachable', `there is no folder ${path}`, {
      hint: "Check the source's path, and that it is mounted.",
      cause: thrown,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new LowtideError('source_unreadable', `no permission to read ${path}`, {
      hint: 'Let Lowtide run as a user that may read it.',
      cause: thrown,
    });
  }
  return thrown;
}

interface TarProgram {
  readonly program: string;
  readonly version: string;
}

/** GNU tar; on systems with a tar of their own (macOS, BSD) it is called `gtar`. */
export async function findTar(signal: AbortSignal): Promise<TarProgram> {
  const found = await firstTool(['gtar', 'tar'], signal);
  if (found.version.includes('GNU tar')) return found;
  throw new LowtideError('tool_missing', `GNU tar is needed, and tar is ${found.version}`, {
    hint: 'Install GNU tar (as gtar where the system has a tar of its own).',
  });
}
