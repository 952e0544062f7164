import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild, startChild, type Child } from '../process/child.ts';
import type { Command } from '../process/command.ts';
import { workMark } from '../process/leftovers.ts';

export interface ScratchServerOptions {
  /** A folder of the drill's own; the server's user has to be able to go through those above it. */
  readonly folder: string;
  /** By this it is found again when this process has ended without it. */
  readonly work: string;
  readonly launch: (command: Command) => Command;
  readonly signal: AbortSignal;
}

/** What one database server has different from another. `home` is a folder of the server alone, with its data and its socket. */
export interface ServerKind {
  /** As people call it. */
  readonly title: string;
  /** Its program, for messages. */
  readonly name: string;
  /** Where Lowtide is root: the first of these that there is. */
  readonly users: readonly [string, ...string[]];
  /** Makes an empty server. */
  initialize(home: string): Command['argv'];
  /** Serves it on a socket in its home, and nowhere else. */
  serve(home: string): Command['argv'];
  /** Whether it can be asked already. */
  answers(home: string, signal: AbortSignal): Promise<boolean>;
  /** Makes the database that is restored into. */
  prepare(home: string, signal: AbortSignal): Promise<void>;
  /** Ends it and all of its processes at once: nothing of it is needed any more. */
  readonly endBy: NodeJS.Signals;
}

export interface ScratchServer extends AsyncDisposable {
  readonly home: string;
}

/** A path of a socket has 108 bytes. */
const longestFolder = 80;

const startsWithinMs = 60_000;
const lookEveryMs = 50;
const stopsWithinMs = 10_000;

/** A database server that only its folder leads to: no port is opened, and nobody else may reach the socket. */
export async function startScratchServer(
  kind: ServerKind,
  { folder, work, launch, signal }: ScratchServerOptions,
): Promise<ScratchServer> {
  if (folder.length > longestFolder) {
    throw new LowtideError('restore_failed', `${folder} is too long for the path of a socket`, {
      hint: 'Choose a shorter folder under drills.folder.',
    });
  }
  const user = await serverUser(kind, signal);
  const home = join(folder, 'server');
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(home, user.uid, user.gid);
  const command = (argv: Command['argv']): Command => ({
    argv: user === undefined ? argv : [...asUser(user), ...argv],
    cwd: '/',
    env: { [workMark]: work },
  });
  await initialize(kind, command(kind.initialize(home)), signal);
  const child = startChild(launch(command(kind.serve(home))), { name: kind.name });
  const stop = async (): Promise<void> => {
    await stopServer(child, kind.endBy);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(child, () => kind.answers(home, signal), signal);
    await kind.prepare(home, signal);
    return { home, [Symbol.asyncDispose]: stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Database servers refuse root; where Lowtide is root, they run as the user that their package has made. */
async function serverUser(
  { title, users }: ServerKind,
  signal: AbortSignal,
): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...users, 'nobody']) {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (which) => {
        const end = await runChild({ argv: ['id', which, name] }, { signal });
        return end.exitCode === 0 ? Number(end.stdout.trim()) : undefined;
      }),
    );
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new LowtideError(
    'tool_missing',
    `a ${title} server does not run as root, and there is no user ${users[0]}`,
  );
}

/** The kernel ends it when this process is gone: the wish is lost when the user changes, so it comes with that. */
function asUser({ uid, gid }: ServerUser): readonly [string, ...string[]] {
  return ['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--pdeathsig', 'KILL'];
}

async function initialize({ users }: ServerKind, command: Command, signal: AbortSignal): Promise<void> {
  const end = await runChild(command, { signal });
  if (end.exitCode === 0) return;
  const hint = /No space left|Disk quota|(?:error|Errcode):? 28\b/.test(end.stderr)
    ? 'Make room there, or name another disk under drills.folder.'
    : end.stderr.includes('Permission denied')
      ? `The user ${users[0]} has to be able to go through the folders above drills.folder, and AppArmor must not keep the server out.`
      : 'Name a folder for it under drills.folder, or a server under verify.drill_into.';
  throw new LowtideError('restore_failed', `no scratch server could be made: ${describeEnd(end)}`, { hint });
}

async function untilItAnswers(
  child: Child,
  answers: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  let ended: string | undefined;
  const note = child.end.then((end) => (ended = describeEnd(end)));
  note.catch((thrown: unknown) => (ended = LowtideError.from(thrown).message));
  for (;;) {
    signal.throwIfAborted();
    if (await answers()) return;
    if (ended !== undefined || performance.now() > deadline) {
      throw new LowtideError(
        'restore_failed',
        `the scratch server did not start: ${ended ?? 'it does not answer'}`,
      );
    }
    await sleep(lookEveryMs, undefined, { signal });
  }
}

async function stopServer(child: Child, endBy: NodeJS.Signals): Promise<void> {
  if (child.pid !== undefined) {
    try {
      process.kill(child.pid, endBy);
    } catch {
      // It has ended by itself.
    }
  }
  const late = setTimeout(() => child.stop(), stopsWithinMs);
  await Promise.allSettled([child.end]);
  clearTimeout(late);
}
