import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeConfig } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-prune-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lowtide(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const end = spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: end.status, stdout: end.stdout, stderr: end.stderr };
}

it('orphans are shown, and go only with --remove', () => {
  writeConfig(
    folder,
    `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
  );
  expect(lowtide('keys', 'new').code).toBe(0);
  expect(lowtide('backup', 'c').code).toBe(0);
  expect(lowtide('backups', 'prune', '--dry-run').stdout).toContain('0 of 1 copy would be removed');
  const name = 'c/c-20260101T020000Z-3fa29c.bin.zst.age';
  const file = join(folder, 'backups', name);
  writeFileSync(file, 'x'.repeat(2048));
  utimesSync(file, 1_767_230_000, 1_767_230_000);

  const shown = lowtide('backups', 'prune', '--orphans');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(
    /local +data without manifest +c\/c-20260101T020000Z-3fa29c\S+ +2 KiB .* remove +a newer/,
  );
  expect(shown.stdout).toContain(
    '1 of 1 orphan may go (2 KiB). Nothing was changed; with --remove it would be.',
  );
  expect(lowtide('backups', 'prune', '--remove').code).toBe(2);
  expect(lowtide('backups', 'prune', '--orphans', '--older-than', '10m').code).toBe(2);

  const removed = lowtide('backups', 'prune', '--orphans', '--remove', '--json');
  expect(removed.code).toBe(0);
  expect(JSON.parse(removed.stdout)).toMatchObject({
    removed: 1,
    freedBytes: 2048,
    orphans: [
      { store: 'local', kind: 'data_without_manifest', names: [name], sizeBytes: 2048, remove: true },
    ],
    problems: [],
  });
  expect(lowtide('backups', 'prune', '--orphans', '--old-versions').code).toBe(2);
  expect(lowtide('backups', 'prune', '--old-versions').stdout).toBe(
    'No store keeps old versions of what Lowtide has written.\n',
  );
  expect(lowtide('backups', 'prune', '--orphans').stdout).toBe(
    'Nothing lies in the stores that belongs to no backup.\n',
  );
});
