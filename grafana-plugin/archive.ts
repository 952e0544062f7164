import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync, type Zippable } from 'fflate';

/** What `npm run zip` makes of `dist`: one folder, named as the plugin, which is unpacked into Grafana's plugins folder. */

const dist = join(import.meta.dirname, 'dist');

/** The files of a built plugin as a zip; the same files give the same bytes. */
export function archiveOf(folder: string): Uint8Array {
  const { id, info } = pluginIn(folder);
  const names = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  const files: Zippable = Object.fromEntries(
    names.map((name) => [`${id}/${name}`, readFileSync(join(folder, name))]),
  );
  return zipSync(files, { level: 9, mtime: info.updated });
}

function pluginIn(folder: string): {
  readonly id: string;
  readonly info: { readonly version: string; readonly updated: string };
} {
  return JSON.parse(readFileSync(join(folder, 'plugin.json'), 'utf8')) as ReturnType<typeof pluginIn>;
}

if (import.meta.main) {
  const { id, info } = pluginIn(dist);
  const path = join(import.meta.dirname, `${id}-${info.version}.zip`);
  writeFileSync(path, archiveOf(dist));
  process.stdout.write(`${path}\n`);
}
