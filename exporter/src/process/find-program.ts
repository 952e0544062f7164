import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Command } from './command.ts';
import { baseEnvironment } from './environment.ts';

/** Whether the first word of a command names a program that could be started: by its path, or found on the child's PATH. */
export function isInstalled({ argv: [program], env, cwd }: Command): boolean {
  if (program.includes('/')) return isExecutable(resolve(cwd ?? '', program));
  const searchPath = env?.['PATH'] ?? baseEnvironment()['PATH'] ?? '';
  return searchPath.split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
