import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { env } from 'node:process';

/**
 * `npm run levitate`: what the plugin uses of Grafana 13.2 and the oldest Grafana that takes it does not have, as Grafana's own
 * levitate finds it. It fetches both versions' types from npm's registry.
 */
const oldest = '11.1.0';
const packages = ['@grafana/data', '@grafana/runtime', '@grafana/ui'];

/** Types that were renamed, and mean the same: test/browser holds both versions to it. */
const harmless = ['AppPlugin.addLink', 'AppPlugin.setRootPage'];

/** Says that nothing was looked at, as the programs of automake do. */
const skipped = 77;

const root = join(import.meta.dirname, '..');

async function levitate(folder: string): Promise<string> {
  const program = join(root, 'node_modules', '@grafana', 'levitate', 'dist', 'bin.js');
  const target = packages.map((name) => `${name}@${oldest}`).join(',');
  const args = [program, 'is-compatible', '--path', 'src/module.tsx', '--target', target];
  const run = promisify(execFile)(process.execPath, args, { cwd: folder, env: { ...env, TMPDIR: folder } });
  // It ends with 1 where it has found something, and with 0 where it could not look.
  return await run.then(
    ({ stdout }) => stdout,
    (failure: unknown) => (failure as { readonly stdout: string }).stdout,
  );
}

/** It asks npm which versions are installed, and npm answers for a whole workspace: a project of its own is what it understands. */
function makeProject(folder: string): void {
  const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const dependencies = Object.fromEntries(packages.map((name) => [name, devDependencies[name]]));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'levitated', dependencies }));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  cpSync(join(import.meta.dirname, 'src'), join(folder, 'src'), { recursive: true });
}

async function isRegistryThere(): Promise<boolean> {
  const { stdout } = await promisify(execFile)('npm', ['config', 'get', 'registry']);
  return await fetch(stdout.trim()).then(
    () => true,
    () => false,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'lowtide-levitate-'));
try {
  if (!(await isRegistryThere())) process.exit(skipped);
  makeProject(folder);
  const report = await levitate(folder);
  const looked = report.match(/Found \S+ version \S+ locally/g)?.length ?? 0;
  const complete = looked === packages.length && !report.includes('Could not process');
  const found = [...report.matchAll(/(?:Changed|Removed) `(?<name>[^`]+)` used in/g)].flatMap(
    ({ groups }) => groups?.['name'] ?? [],
  );
  if (!complete || found.some((name) => !harmless.includes(name))) {
    process.stdout.write(report);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
