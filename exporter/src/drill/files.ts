import { mkdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DrillContents } from '../catalog/drills.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../process/child.ts';
import { chooseTarget } from '../run/restore/choose.ts';
import type { TargetOptions } from '../run/restore/target.ts';
import type { Manifest } from '../store/manifest.ts';
import { sumOf, type DrillPlace } from './place.ts';
import type { RowsReport } from './sqlite-rows-worker.ts';

/** Beside this file, compiled or not. */
const workerPath = fileURLToPath(new URL(`./sqlite-rows-worker${extname(import.meta.url)}`, import.meta.url));

/** A folder, or a file: what was backed up, as it was. */
export async function filesPlace(
  folder: string,
  manifest: Manifest,
  target: TargetOptions,
): Promise<DrillPlace> {
  const { format } = manifest.parts[0];
  const home = join(folder, 'restored');
  if (format !== 'tar') await mkdir(home, { recursive: true, mode: 0o700 });
  const common = {
    target: chooseTarget(manifest, { ...target, target: format === 'tar' ? home : `${home}/` }),
    environment: ([path = home]: readonly string[]) => ({ LOWTIDE_RESTORED: path }),
    // The folder above goes as a whole.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  if (format !== 'sqlite') return { ...common, look: () => countFiles(home, target.signal) };
  const rowsOf = async (path: string): Promise<ReadonlyMap<string, number>> =>
    rowsOfSqlite(path, target.signal);
  let file = '';
  return {
    ...common,
    rows: () => rowsOf(file),
    async look([path = '']) {
      file = path;
      return sumOf(await rowsOf(path));
    },
  };
}

async function countFiles(folder: string, signal: AbortSignal): Promise<DrillContents> {
  const end = await runChild(
    { argv: ['find', folder, '-type', 'f', '-printf', String.raw`%s\n`] },
    { signal },
  );
  if (end.exitCode !== 0) throw new LowtideError('drill_failed', describeEnd(end));
  const sizes = end.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** In a process of its own: neither the check nor the counting can be interrupted. */
async function rowsOfSqlite(path: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const end = await runChild({ argv: [process.execPath, workerPath, path] }, { signal });
  if (end.exitCode !== 0) throw new LowtideError('drill_failed', describeEnd(end));
  const report = JSON.parse(end.stdout) as RowsReport;
  if ('rows' in report) return new Map(Object.entries(report.rows));
  throw new LowtideError('drill_failed', `SQLite finds the restored database damaged: ${report.problem}`);
}
