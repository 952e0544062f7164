import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's `nobody`: PostgreSQL and MariaDB refuse to run as root. Without root the tests' own user will do. */
const nobody = 65534;
const owner = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : undefined;

/** A temporary folder that the server's user owns. */
export function serverFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `lowtide-${name}-`));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** Gives all that was put into a server's folder to the server's user. */
export function chownForServer(folder: string): void {
  if (!owner) return;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, entry), owner.uid, owner.gid);
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a listening server has no port');
  return address.port;
}

/** Runs a program as the server's user and waits for it (setting up a data folder). */
export function runAsServerUser(
  argv: readonly [string, ...string[]],
  env: Record<string, string> = {},
): void {
  const [program, ...args] = argv;
  const end = spawnSync(program, args, {
    ...owner,
    cwd: '/',
    env: { ...environment(), ...env },
    encoding: 'utf8',
  });
  if (end.error) throw end.error;
  if (end.status !== 0)
    throw new Error(`${program} ended with ${String(end.status)}:\n${end.stdout}${end.stderr}`);
}

/** A server process of the tests, its folder removed once it has ended. */
export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** Everything the server wrote to standard error. */
  log(): string;
  /** Sends a signal and waits until the server has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Holds or continues the server and all of its processes: it still accepts connections, and says nothing. */
  pause(): void;
  resume(): void;
}

/** Starts a server and waits until it says that it is ready. */
export async function startDaemon(options: {
  readonly argv: readonly [string, ...string[]];
  readonly folder: string;
  readonly ready: RegExp;
  readonly stopSignal: NodeJS.Signals;
}): Promise<Daemon> {
  const [program, ...args] = options.argv;
  const child = spawn(program, args, {
    ...owner,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const killWithTests = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTests);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (options.ready.test(log)) resolve();
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`${program} ended with ${String(code)}:\n${log}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    signalFamily(child, 'SIGCONT');
    child.kill(signal);
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    log: () => log,
    end,
    pause: () => signalFamily(child, 'SIGSTOP'),
    resume: () => signalFamily(child, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await end(options.stopSignal);
      process.off('exit', killWithTests);
      rmSync(options.folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** PostgreSQL's backends lead process groups of their own, so that the group alone would not reach them. */
function signalFamily(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  child.kill(signal);
  for (const backend of childrenOf(child.pid)) {
    try {
      process.kill(backend, signal);
    } catch {
      // It has ended since it was listed.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function environment(): Record<string, string> {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin`, LC_ALL: 'C', HOME: '/nonexistent' };
}
