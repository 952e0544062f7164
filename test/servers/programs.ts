import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const variable = 'LOWTIDE_TEST_PROGRAMS';
const entries = [
  'exporter/src/cli/main.ts',
  'exporter/src/**/*worker.ts',
  'test/servers/quick-serve.ts',
  'test/servers/s3/main.ts',
  'test/crash/*-child.ts',
];

/**
 * Before the tests: puts each program that they start into few files. They start a thousand, and to read eight hundred
 * modules takes longer than what most of them then do.
 */
export default async function prepare(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'lowtide-programs-'));
  await build({
    absWorkingDir: root,
    entryPoints: entries,
    outbase: root,
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    // Packages in CommonJS ask for Node's own modules.
    banner: {
      js: `import { createRequire as requiring } from 'node:module'; const require = requiring(import.meta.url);`,
    },
    plugins: [whereTheyLie(folder)],
    logLevel: 'error',
  });
  for (const name of ['package.json', 'docs', 'schema']) {
    await symlink(join(root, 'exporter', name), join(folder, 'exporter', name));
  }
  process.env[variable] = folder;
  // What Node compiles of them goes with them.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
  // A worker that ends writes there what was compiled.
  return () => rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** The path of a program of ours that is at `path` in the repository, to be started with Node. */
export function program(path: string): string {
  const folder = process.env[variable];
  return folder === undefined ? join(root, path) : join(folder, path.replace(/\.ts$/, '.js'));
}

/** Each module goes on to find what lies beside it, whichever file it was put into. */
function whereTheyLie(folder: string): Plugin {
  return {
    name: 'where modules lie',
    setup: (setup) =>
      setup.onLoad({ filter: /\/exporter\/src\/.*\.ts$/ }, async ({ path }) => {
        const file = join(folder, relative(root, path).replace(/\.ts$/, '.js'));
        const text = await readFile(path, 'utf8');
        return {
          contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)),
          loader: 'ts',
        };
      }),
  };
}
