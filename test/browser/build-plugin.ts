import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const plugin = join(root, 'grafana-plugin');

/** `npm run build` of the plugin, unless its sources are those of the last time. */
export async function buildPlugin(): Promise<void> {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const sources = globSync(['src/**/*.*', '*.{js,json,md}'], { cwd: plugin }).sort();
  for (const source of sources) hash.update(source).update(readFileSync(join(plugin, source)));
  const wanted = hash.digest('hex');
  const mark = join(plugin, 'dist', '.built-from');
  const dist = join(plugin, 'dist', 'module.js');
  if (existsSync(dist) && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  await promisify(execFile)(process.execPath, [join(root, 'node_modules', '.bin', 'webpack')], {
    cwd: plugin,
  });
  writeFileSync(mark, wanted);
}
