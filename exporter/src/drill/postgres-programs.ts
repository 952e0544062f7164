import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LowtideError } from '../errors/lowtide-error.ts';
import { baseEnvironment } from '../process/environment.ts';

/** Debian keeps the server's programs off the PATH, one folder a version, and so do others. */
const homes = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/homebrew/opt'] as const;

/** The folder with the programs of the newest PostgreSQL server that is installed. Throws `tool_missing`. */
export function serverPrograms(): string {
  const versioned = homes.flatMap((home) => foldersBelow(home));
  const onPath = (baseEnvironment()['PATH'] ?? '').split(delimiter);
  const found = [...versioned, ...onPath].find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  );
  if (found !== undefined) return found;
  throw new LowtideError('tool_missing', 'there is no PostgreSQL server here to restore into', {
    hint: 'On Debian or Ubuntu: apt-get install postgresql; or name a server under verify.drill_into.',
  });
}

/** `bin` of each version, the newest first. */
function foldersBelow(home: string): readonly string[] {
  const names = existsSync(home) ? readdirSync(home) : [];
  const version = (name: string): number => Number(/\d+(\.\d+)?/.exec(name)?.[0] ?? 0);
  return names.toSorted((a, b) => version(b) - version(a)).map((name) => join(home, name, 'bin'));
}

/** A program of that folder, or the one on the PATH. */
export function programIn(folder: string | undefined, program: string): string {
  const path = folder === undefined ? program : join(folder, program);
  return existsSync(path) ? path : program;
}
