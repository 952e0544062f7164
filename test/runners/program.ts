import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..', '..');

/** Long past what any runner needs, on a slow machine as well: one that hangs counts as failed, and the others still run. */
const patienceMs = 60 * 60_000;

export interface ProgramEnd {
  /** Null where a signal ended it. */
  readonly code: number | null;
  /** Both of its streams; empty where they went to the terminal. */
  readonly output: string;
}

/** Runs a program of node_modules/.bin, or a script of ours by its path, with the Node that runs this, in the root of the workspace. */
export async function runProgram(
  name: string,
  args: readonly string[],
  output: 'collect' | 'show',
): Promise<ProgramEnd> {
  const stdio: StdioOptions =
    output === 'show' ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'];
  const path = name.endsWith('.ts') ? join(root, name) : join(root, 'node_modules', '.bin', name);
  const child = spawn(process.execPath, [path, ...args], {
    cwd: root,
    stdio,
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  });
  const said = [child.stdout, child.stderr].map((stream) =>
    stream === null ? Promise.resolve('') : text(stream),
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, output: (await Promise.all(said)).join('') };
}
