import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { folderOf, type GrafanaVersion } from './versions.ts';

const here = import.meta.dirname;
const root = join(here, '..', '..');

/**
 * The host page with the real `@grafana` packages of a version, bundled once for as long as neither they nor the page
 * change.
 */
export async function buildHost(version: GrafanaVersion): Promise<void> {
  const packages = folderOf(version);
  const sources = globSync('host/*.{ts,tsx}', { cwd: here }).sort();
  const hash = createHash('sha256').update(readFileSync(join(packages, 'package-lock.json')));
  for (const source of [...sources, 'build-host.ts']) hash.update(readFileSync(join(here, source)));
  const folder = hostFolder(version);
  const wanted = hash.digest('hex');
  const built = await readFile(join(folder, 'built-from'), 'utf8').catch(() => '');
  if (built === wanted) return;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await bundle(version, packages, partial);
  await writeFile(join(partial, 'built-from'), wanted);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}

export function hostFolder(version: GrafanaVersion): string {
  return join(root, 'node_modules', '.cache', 'lowtide-host', version);
}

async function bundle(version: GrafanaVersion, packages: string, outdir: string): Promise<void> {
  const host = join(here, 'host');
  await build({
    entryPoints: { host: join(host, `grafana-${version}.tsx`) },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'transform',
    minify: true,
    logLevel: 'error',
    // UMD packages would otherwise hand themselves to SystemJS.
    define: { define: 'undefined', 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    loader: { '.svg': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
    // The code editor, which no page of ours has.
    external: ['monaco-editor'],
    plugins: [
      {
        name: 'packages of this version',
        setup: (setup) =>
          setup.onResolve({ filter: /^[@a-z]/ }, async ({ path, importer, kind, pluginData }) => {
            if (pluginData === 'resolved' || relative(host, importer).startsWith('..')) return undefined;
            return await setup.resolve(path, { resolveDir: packages, kind, pluginData: 'resolved' });
          }),
      },
    ],
  });
}
