import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isExcluded } from '../../exporter/src/config/exclusion.ts';
import { directorySource } from '../../exporter/src/source/directory.ts';

/** The config says whether a store is left out of a backup; tar is what leaves it out. They must agree. */
const files = [
  'a',
  'data/a',
  'data/backups/b',
  'data.old/a',
  'srv/data/c',
  'srv/data/x.tmp',
  'x.tmp',
  'a[b/c',
  'a+b/c',
];
const patterns = [
  'data',
  'data/',
  './data',
  '/data',
  'data/backups',
  '/backups',
  'srv/*',
  '*/data',
  '*.tmp',
  '/*.tmp',
  'd?ta',
  '[cd]ata',
  '[!cd]ata',
  'data?old',
  'data.old',
  'a\\[b',
  'a+b',
  '*',
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-exclusion-'));
  for (const file of files) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('isExcluded', () => {
  it.each(patterns)('leaves out by %j what tar leaves out', async (pattern) => {
    const source = directorySource({ path: folder, exclude: [pattern], unreadable: 'fail' });
    const { parts } = await source.prepare({ scratch: folder, signal: new AbortController().signal });
    const { input } = parts[0];
    if (!('command' in input)) throw new Error('a directory is read by a command');
    const [program, ...args] = input.command.argv;
    const archive = execFileSync(program, args);
    const members = execFileSync('tar', ['--list', '--file=-'], { input: archive, encoding: 'utf8' }).split(
      '\n',
    );
    expect(files.filter((file) => !isExcluded(file, [pattern]))).toEqual(
      files.filter((file) => members.includes(`./${file}`)),
    );
  });
});
