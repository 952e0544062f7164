import { LowtideError } from '../errors/lowtide-error.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import { isInstalled } from '../process/find-program.ts';
import type { Dump, Source } from './source.ts';
import { failure, firstLines, redacted, secretsIn, stderrLines } from './verdict.ts';

export interface CommandSourceOptions {
  readonly argv: Command['argv'];
  readonly env: Readonly<Record<string, string>>;
}

/** Any program whose standard output is the backup. Its exit code alone says whether that is whole. */
export function commandSource({ argv, env }: CommandSourceOptions): Source {
  const [program] = argv;
  const dump: Dump = {
    parts: [
      { role: 'main', format: 'raw', input: { command: { argv, env } }, judge: judgeBy(secretsIn(env)) },
    ],
    tools: {},
  };
  return {
    type: 'command',
    kind: 'command',
    // The program alone: its arguments are the user's, and may hold what nobody else should read.
    label: program,
    check: () => Promise.try(refuseMissing, { argv, env }),
    prepare: ({ signal }) =>
      Promise.try(() => {
        signal.throwIfAborted();
        refuseMissing({ argv, env });
        return dump;
      }),
  };
}

/** What it writes to standard error is kept as warnings: many programs report progress there. */
function judgeBy(secrets: readonly string[]): (end: ChildEnd) => readonly string[] {
  return (rawEnd) => {
    const end = redacted(rawEnd, secrets);
    if (end.exitCode !== 0) throw failure(end);
    return firstLines(stderrLines(end));
  };
}

function refuseMissing(command: Command): void {
  if (isInstalled(command)) return;
  const [program] = command.argv;
  throw new LowtideError('tool_missing', `the program ${program} is not installed, or not on the PATH`, {
    hint: "Check the first element of the source's argv; no shell is involved, so it must be a program.",
  });
}
