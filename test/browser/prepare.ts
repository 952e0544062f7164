import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildHost } from './build-host.ts';
import { buildPlugin } from './build-plugin.ts';
import { folderOf, versions } from './versions.ts';

const run = promisify(execFile);

/** Before the browser tests: the packages of the oldest Grafana, the built plugin, and a host page for each version. */
export default async function prepare(): Promise<void> {
  await Promise.all([installOldest(), buildPlugin()]);
  for (const version of versions) await buildHost(version);
}

/** Once for as long as its lock file stays: some 430 packages. */
export async function installOldest(): Promise<void> {
  const folder = folderOf('11.1');
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const mark = join(folder, 'node_modules', '.installed-from');
  if (read(mark) === lock) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], {
    cwd: folder,
  });
  writeFileSync(mark, lock);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
