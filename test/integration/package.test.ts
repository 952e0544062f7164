import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** What is known of a package.json. */
interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

describe('the npm package', () => {
  let folder: string;
  /** An empty project that has the package installed, and of the workspace's packages what it says it depends on. */
  let project: string;
  let installed: string;
  let described: PackageFile;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-package-'));
    project = join(folder, 'project');
    installed = join(project, 'node_modules', 'lowtide');
    mkdirSync(installed, { recursive: true });
    run(['tar', '--extract', '--gzip', '--strip-components=1', '--file', pack(folder)], installed);
    described = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as PackageFile;
    for (const name of [...Object.keys(described.dependencies), '@types/node']) {
      const link = join(project, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has code, types, schema and docs, and neither tests nor sources', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    const wanted =
      /^(dist\/.+\.(js|d\.ts)|docs\/.+\.md|schema\/(lowtide\.schema|openapi)\.json|LICENSE|README\.md|package\.json)$/;
    expect(files.filter((file) => !wanted.test(file) || file.includes('.test.'))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/cli/main.js',
        'dist/index.d.ts',
        'dist/index.js',
        'dist/seal/worker.js',
        'docs/README.md',
        'dist/api/contract.d.ts',
        'schema/lowtide.schema.json',
        'schema/openapi.json',
      ]),
    );
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toBe(
      readFileSync(join(root, 'LICENSE'), 'utf8'),
    );
  });

  it('is a library with types, whose import leaves nothing open', () => {
    const program = `
      import { getBackupMetrics } from 'lowtide';
      const metrics = getBackupMetrics();
      metrics.recordBackup({ backupType: 'files', status: 'completed', durationSeconds: 45.2, sizeBytes: 1024 });
      process.stdout.write(await metrics.getMetrics());
    `;
    writeFileSync(join(project, 'program.mts'), program);
    expect(run([process.execPath, 'program.mts'], project)).toContain(
      '\nbackup_total{type="files",status="completed"} 1\n',
    );
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const strict = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node'];
    expect(run([process.execPath, tsc, ...strict, 'program.mts'], project)).toBe('');
  });

  it('has the types of its API, and no code of it', () => {
    const program = `
      import type { Backup, Run, Schedule } from 'lowtide/api';
      export const title = (run: Run, backup: Backup, schedule: Schedule): string =>
        run.kind + (run.kind === 'restore' ? run.target : '') + backup.copies.length.toFixed() + schedule.id;
    `;
    writeFileSync(join(project, 'types.mts'), program);
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const strict = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node'];
    expect(run([process.execPath, tsc, ...strict, 'types.mts'], project)).toBe('');
    writeFileSync(join(project, 'code.mjs'), `await import('lowtide/api');`);
    expect(() => run([process.execPath, 'code.mjs'], project)).toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('is a command that makes a backup', () => {
    const lowtide = join(installed, 'dist', 'cli', 'main.js');
    expect(run([lowtide, '--version'], project)).toBe(`${described.version}\n`);
    const home = join(folder, 'home');
    mkdirSync(home);
    writeFileSync(join(home, 'letter.txt'), 'to be kept');
    run([lowtide, 'init'], home);
    const made = JSON.parse(run([lowtide, 'backup', 'files', '--json'], home)) as Record<string, unknown>;
    expect(made).toMatchObject({ status: 'completed', verification: [{ status: 'passed' }] });
  });
});

/** Packs a copy of the exporter as a release would, so that nothing is built into the working tree; the tarball's path. */
function pack(folder: string): string {
  const workspace = join(folder, 'workspace');
  const exporter = join(workspace, 'exporter');
  const isOurs = (path: string): boolean => !/\/(dist|node_modules)$/.test(path);
  cpSync(join(root, 'exporter'), exporter, { recursive: true, filter: isOurs });
  cpSync(join(root, 'tsconfig.json'), join(workspace, 'tsconfig.json'));
  symlinkSync(join(root, 'node_modules'), join(workspace, 'node_modules'));
  run(['npm', 'pack', '--silent', '--pack-destination', folder], exporter);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack has left no tarball');
  return join(folder, tarball);
}

/** Standard output; throws with standard error where the exit code is not 0. */
function run([program, ...args]: readonly [string, ...string[]], cwd: string): string {
  const bin = dirname(process.execPath);
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: cwd, npm_config_offline: 'true' },
  });
}
