import { spawn } from 'node:child_process';

/** A server of ours, or from npm, in a process of its own. */
export interface NodeServer {
  readonly pid: number;
  /** Resolves once it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a script and waits until it says, on either output, that it is ready. */
export async function startNode(options: {
  readonly script: string;
  readonly args: readonly string[];
  readonly ready: RegExp;
}): Promise<NodeServer> {
  const child = spawn(process.execPath, [options.script, ...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const killWithTests = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTests);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        // What it says later on is of no use to anybody, and would be kept for ever.
        if (said.length < 100_000) said += text;
        if (options.ready.test(said)) resolve();
      });
    }
    child.once('error', reject);
    child.once('close', (code) =>
      reject(new Error(`${options.script} ended with ${String(code)}:\n${said}`)),
    );
  });
  return {
    pid: child.pid ?? 0,
    ended,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await ended;
      }
      process.off('exit', killWithTests);
    },
  };
}
