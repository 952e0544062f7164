import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Writes dist/, what npm publishes: JavaScript and types of everything in src/ but the tests. */
const root = join(import.meta.dirname, '..');
const command = join(root, 'dist', 'cli', 'main.js');

rmSync(join(root, 'dist'), { recursive: true, force: true });
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
const { status } = spawnSync(
  process.execPath,
  [join(typescript, 'bin', 'tsc'), '--project', join(root, 'tsconfig.build.json')],
  // What tsc finds goes to standard error: standard output is for whoever packs.
  { stdio: ['ignore', 2, 2] },
);
if (status !== 0) process.exit(1);

if (!readFileSync(command, 'utf8').startsWith('#!/usr/bin/env node\n')) {
  throw new Error(`${command} begins with no shebang, so that a shell could not start it`);
}
chmodSync(command, 0o755);
