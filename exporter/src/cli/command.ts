import type { Command } from 'commander';
import { openInstallation, type Installation } from '../compose.ts';
import { readConfig, type LoadedConfig } from '../config/read.ts';
import { formatProblem } from '../config/problem.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { exitCodeOf, type ExitCode } from './exit.ts';
import { createOutput, type Output } from './output.ts';
import { startProgress, type Progress } from './progress.ts';

/** The process as commands see it. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted with `cancelled` by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Calls the listener at each SIGHUP, which ends the process while nobody listens. */
  readonly onHangup: (listener: () => void) => void;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Takes the exit code of the command. */
  readonly exit: (code: ExitCode) => void;
}

export interface GlobalOptions {
  readonly config: string;
  readonly json: boolean;
}

/** What a command is given to work with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly output: Output;
  readonly options: GlobalOptions;
  /** Reads the config; its warnings go to standard error, each of them for `check-config`, else all in one line. */
  readConfig(): Promise<LoadedConfig>;
  /** Opens what the config describes. */
  open(): Promise<Installation>;
  /** Shows how far long work has come. */
  progress(title: string, expectedBytes?: number): Progress;
  /** The same of work that is not counted in bytes, but as a share, 0 to 1. */
  shareProgress(title: string): Progress;
}

/** Makes a commander action of a command: its errors become messages and exit codes. */
export function action<Args extends unknown[]>(
  terminal: Terminal,
  run: (context: CommandContext, ...args: Args) => Promise<ExitCode>,
): (...args: [...Args, Command]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<GlobalOptions>();
    const output = createOutput(options.json, terminal.stdout, terminal.stderr);
    try {
      const given = args.slice(0, -1) as unknown as Args;
      terminal.exit(
        await run(contextOf(terminal, output, options, command.name() === 'check-config'), ...given),
      );
    } catch (thrown) {
      const error = LowtideError.from(terminal.signal.aborted ? terminal.signal.reason : thrown);
      output.fail(error);
      if (error.code === 'internal' && error.cause instanceof Error) output.note(error.cause.stack ?? '');
      terminal.exit(exitCodeOf(error));
    }
  };
}

/**
 * Opens what the config describes, once what a killed rotation has left is in order: what is told, opened or removed after that is
 * sealed as the catalog says. A store that is not there now keeps nobody from the others.
 */
export async function openSettled(context: CommandContext): Promise<Installation> {
  const installation = await context.open();
  try {
    await installation.rotator.settle(context.terminal.signal);
  } catch (thrown) {
    const { message } = LowtideError.from(thrown);
    context.output.note(`warning: what a rotation of keys has left could not be put in order: ${message}`);
  }
  return installation;
}

function contextOf(
  terminal: Terminal,
  output: Output,
  options: GlobalOptions,
  isCheck: boolean,
): CommandContext {
  const read = async (): Promise<LoadedConfig> => {
    const loaded = await readConfig(options.config, terminal.env);
    const { warnings } = loaded;
    if (isCheck || warnings.length === 1) {
      for (const warning of warnings) output.note(`warning: ${formatProblem(options.config, warning)}`);
    } else if (warnings.length > 1) {
      output.note(`warning: ${options.config}: ${warnings.length} warnings; lowtide check-config has them`);
    }
    return loaded;
  };
  return {
    terminal,
    output,
    options,
    readConfig: read,
    open: async () => await openInstallation(await read(), terminal.env),
    progress: (title, expectedBytes) =>
      startProgress({
        stderr: terminal.stderr,
        title,
        elapsed: terminal.elapsed,
        ...(expectedBytes !== undefined && { expectedBytes }),
      }),
    shareProgress: (title) =>
      startProgress({ stderr: terminal.stderr, title, elapsed: terminal.elapsed, isShare: true }),
  };
}
