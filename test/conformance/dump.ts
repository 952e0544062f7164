import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, type Child } from '../../exporter/src/process/child.ts';
import type { ChildEnd, Command } from '../../exporter/src/process/command.ts';
import type { DumpPart, PartFormat, Source } from '../../exporter/src/source/source.ts';

/** One part of a dump on disk. */
export interface DumpedPart {
  readonly role: DumpPart['role'];
  readonly format: PartFormat;
  readonly path: string;
  readonly warnings: readonly string[];
}

export interface DumpOptions {
  /** A folder of this dump alone; its `scratch` is the source's. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** Called with each running child (to look at it, to kill its server). */
  readonly started?: (child: Child, part: DumpPart) => void | Promise<void>;
  /** Changes each command before it starts (to run it as another user). */
  readonly wrap?: (command: Command) => Command;
}

/** Does with a source what the pipeline does, without compressing, sealing and storing. */
export async function dumpSource(source: Source, options: DumpOptions): Promise<readonly DumpedPart[]> {
  const signal = options.signal ?? new AbortController().signal;
  const scratch = join(options.folder, 'scratch');
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const dump = await source.prepare({ scratch, signal });
  const parts: DumpedPart[] = [];
  for (const part of dump.parts) {
    const { role, format, input } = part;
    if ('file' in input) {
      parts.push({ role, format, path: input.file, warnings: [] });
      continue;
    }
    const path = join(options.folder, `${role}.out`);
    const end = await run(options.wrap?.(input.command) ?? input.command, path, signal, (child) =>
      options.started?.(child, part),
    );
    parts.push({ role, format, path, warnings: part.judge?.(end) ?? [] });
  }
  return parts;
}

async function run(
  command: Command,
  path: string,
  signal: AbortSignal,
  started: (child: Child) => void | Promise<void>,
): Promise<ChildEnd> {
  const fd = openSync(path, 'w', 0o600);
  try {
    const child = startChild(command, { stdout: fd, signal });
    await started(child);
    return await child.end;
  } finally {
    closeSync(fd);
  }
}
