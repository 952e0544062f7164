import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild, startChild, type Child } from '../process/child.ts';
import type { Command } from '../process/command.ts';
import { workMark } from '../process/leftovers.ts';
import type { PostgresConnection } from '../source/postgres/connection.ts';
import { serverPrograms } from './postgres-programs.ts';

export interface ScratchServer extends AsyncDisposable {
  readonly connection: PostgresConnection;
  /** The folder with its programs. */
  readonly programs: string;
}

export interface ScratchServerOptions {
  /** A folder of the drill's own; the server's user has to be able to go through those above it. */
  readonly folder: string;
  /** By this it is found again when this process has ended without it. */
  readonly work: string;
  readonly launch: (command: Command) => Command;
  readonly signal: AbortSignal;
}

/** Of what initdb makes: what is in a backup's own roles is not to meet it. */
const superuser = 'lowtide_drill';
const database = 'restored';
const port = '5432';
/** A path of a socket has 108 bytes. */
const longestFolder = 80;

/** What is restored for practice need not survive a crash: so nothing is flushed. */
const settings: Readonly<Record<string, string>> = {
  autovacuum: 'off',
  fsync: 'off',
  full_page_writes: 'off',
  listen_addresses: '',
  max_connections: '10',
  max_wal_senders: '0',
  port,
  shared_buffers: '128MB',
  synchronous_commit: 'off',
  unix_socket_permissions: '0700',
  wal_level: 'minimal',
};

const startsWithinMs = 60_000;
const lookEveryMs = 50;
const stopsWithinMs = 10_000;

/** A PostgreSQL server that only its folder leads to: no port is opened, and nobody else may reach the socket. */
export async function startScratchServer(options: ScratchServerOptions): Promise<ScratchServer> {
  const { signal, launch, work } = options;
  if (options.folder.length > longestFolder) {
    throw new LowtideError('restore_failed', `${options.folder} is too long for the path of a socket`, {
      hint: 'Choose a shorter folder under drills.folder.',
    });
  }
  const programs = serverPrograms();
  const user = await serverUser(signal);
  const home = join(options.folder, 'server');
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(home, user.uid, user.gid);
  const command = (argv: Command['argv']): Command => ({
    argv: user === undefined ? argv : [...asUser(user), ...argv],
    cwd: '/',
    env: { [workMark]: work },
  });
  const data = join(home, 'data');
  await initialize(command, { programs, data, signal });
  const child = startChild(
    launch(
      command([
        join(programs, 'postgres'),
        ...['-D', data],
        ...Object.entries({ ...settings, unix_socket_directories: home }).flatMap(([name, value]) => [
          '-c',
          `${name}=${value}`,
        ]),
      ]),
    ),
    { name: 'postgres' },
  );
  const stop = async (): Promise<void> => {
    await stopServer(child);
    await rm(home, { recursive: true, force: true });
  };
  try {
    const connection = connectionTo(home);
    await untilItAnswers(child, connection, signal);
    await makeDatabase(connection, signal);
    return { connection, programs, [Symbol.asyncDispose]: stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The server refuses root; where Lowtide is root, it runs as the user that its package has made. */
async function serverUser(signal: AbortSignal): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
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
    'a PostgreSQL server does not run as root, and there is no user postgres',
  );
}

/** The kernel ends it when this process is gone: the wish is lost when the user changes, so it comes with that. */
function asUser({ uid, gid }: ServerUser): readonly [string, ...string[]] {
  return ['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--pdeathsig', 'KILL'];
}

async function initialize(
  command: (argv: Command['argv']) => Command,
  { programs, data, signal }: { programs: string; data: string; signal: AbortSignal },
): Promise<void> {
  const argv: Command['argv'] = [
    join(programs, 'initdb'),
    ...['--pgdata', data, '--username', superuser, '--auth', 'trust'],
    ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
  ];
  const end = await runChild(command(argv), { signal });
  if (end.exitCode === 0) return;
  const hint = /No space left|Disk quota/.test(end.stderr)
    ? 'Make room there, or name another disk under drills.folder.'
    : end.stderr.includes('Permission denied')
      ? 'The user postgres has to be able to go through the folders above drills.folder.'
      : 'Name a folder for it under drills.folder, or a server under verify.drill_into.';
  throw new LowtideError('restore_failed', `no scratch server could be made: ${describeEnd(end)}`, { hint });
}

function connectionTo(folder: string): PostgresConnection {
  return {
    label: 'the scratch server',
    database,
    password: undefined,
    env: { PGHOST: folder, PGPORT: port, PGUSER: superuser, PGDATABASE: database, PGAPPNAME: 'lowtide' },
  };
}

async function untilItAnswers(child: Child, { env }: PostgresConnection, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  let ended: string | undefined;
  const note = child.end.then((end) => (ended = describeEnd(end)));
  note.catch((thrown: unknown) => (ended = LowtideError.from(thrown).message));
  for (;;) {
    signal.throwIfAborted();
    const answer = await runChild({ argv: ['pg_isready', '--quiet'], env }, { signal });
    if (answer.exitCode === 0) return;
    if (ended !== undefined || performance.now() > deadline) {
      throw new LowtideError(
        'restore_failed',
        `the scratch server did not start: ${ended ?? 'it does not answer'}`,
      );
    }
    await sleep(lookEveryMs, undefined, { signal });
  }
}

async function makeDatabase({ env }: PostgresConnection, signal: AbortSignal): Promise<void> {
  const end = await runChild(
    { argv: ['createdb', '--no-password', '--maintenance-db=postgres', database], env },
    { signal },
  );
  if (end.exitCode !== 0) throw new LowtideError('restore_failed', describeEnd(end));
}

/** At once, without a checkpoint: nothing of it is needed any more. */
async function stopServer(child: Child): Promise<void> {
  if (child.pid !== undefined) {
    try {
      process.kill(child.pid, 'SIGQUIT');
    } catch {
      // It has ended by itself.
    }
  }
  const late = setTimeout(() => child.stop(), stopsWithinMs);
  await Promise.allSettled([child.end]);
  clearTimeout(late);
}
