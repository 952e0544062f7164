import { createInterface } from 'node:readline';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild, type Child } from '../process/child.ts';
import type { ChildEnd, Command } from '../process/command.ts';

/**
 * The first line of `PROGRAM --version`. `env` as in the dump itself, for wrappers choose a version by it (Debian's
 * pg_dump does). Throws `tool_missing`.
 */
export async function toolVersion(
  program: string,
  signal: AbortSignal,
  env: Command['env'] = {},
): Promise<string> {
  const end = await runChild({ argv: [program, '--version'], env }, { signal });
  const line = end.stdout.split('\n')[0]?.trim() ?? '';
  if (end.exitCode !== 0 || line === '') throw new LowtideError('tool_missing', describeEnd(end));
  return line;
}

/** The first of the programs that is installed, with its version line. Throws `tool_missing`. */
export async function firstTool(
  programs: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<{ readonly program: string; readonly version: string }> {
  const misses: LowtideError[] = [];
  for (const program of programs) {
    try {
      return { program, version: await toolVersion(program, signal) };
    } catch (thrown) {
      if (!(thrown instanceof LowtideError) || thrown.code !== 'tool_missing') throw thrown;
      misses.push(thrown);
    }
  }
  const hint = misses.find((miss) => miss.hint !== undefined)?.hint;
  throw new LowtideError('tool_missing', `none of these programs can be started: ${programs.join(', ')}`, {
    ...(hint !== undefined && { hint }),
    cause: misses[0],
  });
}

/** Hears each line of a child's standard output, to the last one; resolves when it has ended. */
export async function readLines(child: Child, onLine: (line: string) => void): Promise<ChildEnd> {
  const lines = child.stdout === undefined ? undefined : createInterface({ input: child.stdout });
  lines?.on('line', onLine);
  const read = lines === undefined ? undefined : new Promise((resolve) => lines.once('close', resolve));
  const end = await child.end;
  await read;
  return end;
}
