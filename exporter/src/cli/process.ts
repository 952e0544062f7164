import { CommanderError } from 'commander';
import { environment } from '../config/secrets.ts';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { createProgram, usageExitCode } from './program.ts';

/** Runs the command that this process was started with. */
export async function main(): Promise<void> {
  outliveReaders();
  const hangup: { listener?: () => void } = {};
  const program = createProgram({
    stdout: process.stdout,
    stderr: process.stderr,
    env: environment(),
    signal: stopSignal(hangup),
    onHangup: (listener) => {
      hangup.listener = listener;
    },
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
    if (thrown.exitCode !== 0 && process.argv.includes('--json')) {
      const error = { code: 'usage', message: thrown.message.replace(/^error: /, '') };
      process.stdout.write(`${JSON.stringify({ error }, undefined, 2)}\n`);
    }
  }
}

/** As in `lowtide backups | head -1`: what was asked for is done all the same, only that nobody reads on. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (systemErrorCode(error) !== 'EPIPE') throw error;
    });
  }
}

/**
 * The first Ctrl-C or SIGTERM asks to stop, in order; a second one ends the process at once. So does a terminal that is
 * closed, except where a service listens for that signal itself.
 */
function stopSignal(hangup: { readonly listener?: () => void }): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && hangup.listener !== undefined) {
        hangup.listener();
        return;
      }
      if (stop.signal.aborted) dieBy(signal);
      stop.abort(new LowtideError('cancelled', `stopped by ${signal}`));
    });
  }
  return stop.signal;
}

/** At once, as if nobody had listened: `process.exit` would wait for threads, which may wait for a source that says nothing. */
function dieBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
