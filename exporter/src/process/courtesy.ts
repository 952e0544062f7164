import { writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { systemErrorCode } from '../errors/lowtide-error.ts';
import { runChild } from './child.ts';
import type { Command } from './command.ts';
import { isInstalled } from './find-program.ts';

/** How far a program stands back for others. */
export interface Courtesy {
  /** At the processors, as nice(1) has it: 0 not at all, 19 the farthest. Never less far than Lowtide itself does. */
  readonly nice: number;
  /** At the disk: low is the lowest of the best-effort class, idle what nobody else wants. */
  readonly io: 'normal' | 'low' | 'idle';
}

/** Starts programs with courtesy, and so that they do not outlive this process. */
export interface Launcher {
  /**
   * The command with what has to stand in front of it. Each of these programs does its part and becomes the next one: the
   * process stays the same. One that is not installed is left as it is, so that starting it fails as it always does.
   */
  launch(command: Command, courtesy: Courtesy): Command;
}

const ioClasses = { normal: [], low: ['-c', '2', '-n', '7'], idle: ['-c', '3'] } as const;

/** A child that is stopped hears nothing but SIGKILL; the kernel sends it when the thread that started the child is gone. */
const deathSignal = ['setpriv', '--pdeathsig', 'KILL'] as const;

/** Tries what this host has: containers may lack a program, or forbid what it asks for. */
export async function findLauncher(signal: AbortSignal): Promise<Launcher> {
  const [nice, ionice, setpriv] = await Promise.all([
    works(['nice', '-n', '1', 'true'], signal),
    works(['ionice', ...ioClasses.low, 'true'], signal),
    works([...deathSignal, 'true'], signal),
  ]);
  return {
    launch(command, courtesy) {
      if (!isInstalled(command)) return command;
      const [program, ...args]: readonly string[] = [
        ...(nice ? niceness(courtesy) : []),
        ...(ionice && courtesy.io !== 'normal' ? ['ionice', ...ioClasses[courtesy.io]] : []),
        ...(setpriv ? deathSignal : []),
        ...command.argv,
      ];
      return program === undefined ? command : { ...command, argv: [program, ...args] };
    },
  };
}

/** nice(1) adds to what this process has itself. */
function niceness({ nice }: Courtesy): readonly string[] {
  const more = nice - Math.max(0, getPriority());
  return more > 0 ? ['nice', '-n', String(more)] : [];
}

async function works(argv: Command['argv'], signal: AbortSignal): Promise<boolean> {
  return await runChild({ argv }, { signal }).then(
    ({ exitCode, stderr }) => exitCode === 0 && stderr === '',
    () => false,
  );
}

/** The best-effort class with its usual level, which a program has that nobody gave another. */
const usualIo = ['-c', '2', '-n', '4'] as const;

/**
 * Lets the session of a program stand back. Where Linux groups processes by session (sched_autogroup, which many systems have
 * on), it weighs the groups first, all alike, and the nice values within one alone; and each program leads a session of its
 * own. Source: sched(7). Resolves when it is done, or cannot be: not every host has such groups.
 */
export async function standBack(pid: number, { nice }: Courtesy): Promise<void> {
  await niceSession(pid, nice);
}

/**
 * Takes the courtesy back from a program and all that it has started, as far as this user may: who is not root may not lower the
 * nice value of a process, but that of its session.
 */
export async function stepForward(pid: number): Promise<void> {
  const quietly = (argv: Command['argv']): Promise<unknown> => runChild({ argv }).catch(() => undefined);
  const nice = Math.max(0, getPriority());
  await Promise.all([
    niceSession(pid, nice),
    quietly(['renice', '-n', String(nice), '-g', String(pid)]),
    quietly(['ionice', ...usualIo, '-P', String(pid)]),
  ]);
}

const mostAttempts = 20;

async function niceSession(pid: number, nice: number): Promise<void> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    try {
      await writeFile(`/proc/${pid}/autogroup`, String(nice));
      return;
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'EAGAIN') return;
    }
    // The kernel takes no more than ten of these a second, from all users together.
    await delay(100 + 20 * attempt, undefined, { ref: false });
  }
}
