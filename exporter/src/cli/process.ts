import { CommanderError } from 'commander';
import { environment } from '../config/secrets.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { createProgram, usageExitCode } from './program.ts';

/** Runs the command that this process was started with. */
export async function main(): Promise<void> {
  const program = createProgram({
    stdout: process.stdout,
    stderr: process.stderr,
    env: environment(),
    signal: stopSignal(),
    elapsed: () => performance.now(),
    exit: (code) => {
      process.exitCode = code;
    },
  });
  try {
    await program.parseAsync();
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    process.exitCode = usageExitCode(thrown.exitCode);
  }
}

/** The first Ctrl-C or SIGTERM asks to stop, in order; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      stop.abort(new LowtideError('cancelled', `stopped by ${signal}`));
    });
  }
  return stop.signal;
}
