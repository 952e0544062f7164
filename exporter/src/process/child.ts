import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import type { ChildEnd, Command } from './command.ts';
import { baseEnvironment } from './environment.ts';

/** Debian's package for each program Lowtide may start, for the hint when it is missing. */
const packages: Readonly<Record<string, string>> = {
  createdb: 'postgresql-client',
  dropdb: 'postgresql-client',
  find: 'findutils',
  mariadb: 'mariadb-client',
  'mariadb-dump': 'mariadb-client',
  mkfifo: 'coreutils',
  mysql: 'mariadb-client',
  mysqldump: 'mariadb-client',
  pg_amcheck: 'postgresql-client',
  pg_dump: 'postgresql-client',
  pg_dumpall: 'postgresql-client',
  pg_restore: 'postgresql-client',
  pgbackrest: 'pgbackrest',
  psql: 'postgresql-client',
  restic: 'restic',
  tar: 'tar',
  zstd: 'zstd',
};

const stderrKept = 64 * 1024;
const killAfterMs = 5000;

/** A descriptor is inherited by the child; the caller still closes its own copy. */
export type ChildStream = 'ignore' | 'pipe' | number;

export interface Child {
  /** Absent where it could not be started. */
  readonly pid: number | undefined;
  /** Resolves however the child ends; rejects with `tool_missing` where it could not be started. */
  readonly end: Promise<ChildEnd>;
  /** Present when asked for as `pipe`. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  /** Asks the child and what it has started to end, SIGKILL five seconds later. One that is paused is continued first. */
  stop(): void;
  /** SIGSTOP to the child and what it has started, until `resume`; without effect once it is being ended. */
  pause(): void;
  resume(): void;
}

export interface ChildStreams {
  readonly stdin?: ChildStream;
  readonly stdout?: ChildStream;
  readonly signal?: AbortSignal;
  /** What asks it to end. Absent: SIGTERM. */
  readonly endBy?: NodeJS.Signals;
}

/**
 * Starts a program as the leader of a process group of its own: a Ctrl-C in the terminal reaches Lowtide alone, which
 * then decides, and `stop` reaches grandchildren too.
 */
export function startChild(
  command: Command,
  streams: ChildStreams & {
    /** For messages, where another program starts this one. Absent: its own. */
    readonly name?: string;
  } = {},
): Child {
  const [program, ...args] = command.argv;
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: { ...baseEnvironment(), ...command.env },
    stdio: [streams.stdin ?? 'ignore', streams.stdout ?? 'ignore', 'pipe'],
    detached: true,
  });
  const group = new ProcessGroup(child, streams.endBy ?? 'SIGTERM');
  const stop = (): void => group.end();
  streams.signal?.addEventListener('abort', stop, { once: true });
  const end = endOf(child, { name: streams.name ?? program, cwd: command.cwd }).finally(() => {
    streams.signal?.removeEventListener('abort', stop);
  });
  // Whoever owns the child awaits `end` when it is his turn; until then a failed start is not "unhandled".
  end.catch(() => undefined);
  if (streams.signal?.aborted === true) stop();
  // A child that ends early breaks the pipe to it: its exit code tells the story, not this error.
  child.stdin?.on('error', () => undefined);
  return {
    pid: child.pid,
    end,
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stop,
    pause: () => group.pause(),
    resume: () => group.resume(),
  };
}

/** A child and what it has started. */
class ProcessGroup {
  readonly #pid: number | undefined;
  readonly #endBy: NodeJS.Signals;
  #closed = false;
  #ending = false;

  constructor(child: ChildProcess, endBy: NodeJS.Signals) {
    this.#pid = child.pid;
    this.#endBy = endBy;
    // Not by the leader's own end: what it has started may outlive it, and hold the pipes that are waited for.
    child.once('close', () => (this.#closed = true));
  }

  end(): void {
    this.resume();
    this.#ending = true;
    this.#signal(this.#endBy);
    setTimeout(() => this.#signal('SIGKILL'), killAfterMs).unref();
  }

  pause(): void {
    if (!this.#ending) this.#signal('SIGSTOP');
  }

  resume(): void {
    if (!this.#ending) this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined || this.#closed) return;
    try {
      process.kill(-this.#pid, signal);
    } catch {
      // It ended between the look and the signal.
    }
  }
}

interface Started {
  readonly name: string;
  readonly cwd: string | undefined;
}

function endOf(child: ChildProcess, started: Started): Promise<ChildEnd> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrKept);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startError(error, started)));
    child.once('close', (exitCode, signal) => resolve({ program: started.name, exitCode, signal, stderr }));
  });
}

function startError(error: Error, { name: program, cwd }: Started): LowtideError {
  const code = systemErrorCode(error);
  if (code === 'ENOENT' && cwd === undefined) {
    const debian = packages[program];
    return new LowtideError('tool_missing', `the program ${program} is not installed, or not on the PATH`, {
      ...(debian !== undefined && { hint: `On Debian or Ubuntu: apt-get install ${debian}` }),
      cause: error,
    });
  }
  if (code === 'E2BIG') {
    return new LowtideError('usage', `${program}: the arguments are longer than the system allows`, {
      cause: error,
    });
  }
  return new LowtideError('tool_missing', `cannot start ${program}: ${error.message}`, { cause: error });
}

/**
 * Runs a program to its end and collects its standard output (for version lines and small queries, not for data).
 * `input` is written to its standard input.
 */
export async function runChild(
  command: Command,
  options: { readonly signal?: AbortSignal; readonly input?: string } = {},
): Promise<ChildEnd & { readonly stdout: string }> {
  const child = startChild(command, {
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    stdout: 'pipe',
    ...(options.signal && { signal: options.signal }),
  });
  child.stdin?.end(options.input);
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const end = await child.end;
  options.signal?.throwIfAborted();
  return { ...end, stdout };
}

/** `tar failed with exit code 2: tar: x: Cannot open`: the first lines that the program wrote say why, the last what came of it. */
export function describeEnd(end: ChildEnd): string {
  const how =
    end.signal === null ? `failed with exit code ${end.exitCode ?? 'unknown'}` : `was ended by ${end.signal}`;
  const lines = end.stderr
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim().slice(0, 200))
    .filter((line) => line !== '');
  const told = lines.length <= 4 ? lines : [...lines.slice(0, 2), '…', ...lines.slice(-2)];
  return told.length === 0 ? `${end.program} ${how}` : `${end.program} ${how}: ${told.join('; ')}`;
}
