import { LowtideError } from '../../errors/lowtide-error.ts';
import { parsePostgresUrl } from '../../source/postgres/connection.ts';
import type { Manifest } from '../../store/manifest.ts';
import { fileTarget } from './file.ts';
import { folderTarget } from './folder.ts';
import { mysqlTarget } from './mysql.ts';
import { postgresTarget } from './postgres.ts';
import type { RestoreTarget, TargetOptions } from './target.ts';

/** The target that the text names. Throws `usage` where it does not suit the backup, `config_invalid` for a bad URL. */
export function chooseTarget(
  manifest: Manifest,
  { target, ...options }: TargetOptions & { readonly target: string },
): RestoreTarget {
  const { format } = manifest.parts[0];
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      if (target === '') throw misfit('the target is empty', pathHint(manifest));
      return format === 'tar' ? folderTarget(target, options) : fileTarget(target, manifest, options);
    case 'postgres':
    case 'postgresql':
      if (format !== 'pg_custom') throw wrongDatabase(manifest, 'a PostgreSQL database');
      return postgresTarget(parsePostgresUrl(target), options);
    case 'mysql':
    case 'mariadb':
      if (manifest.source.type !== 'mysql') throw wrongDatabase(manifest, 'a MySQL database');
      return mysqlTarget(target, options);
    default:
      throw misfit(
        `nothing can be restored to ${scheme}://`,
        'A target is a path, or a URL that begins with postgres:// or mysql://.',
      );
  }
}

const contents: Readonly<Record<Manifest['source']['type'], string>> = {
  postgres: 'a PostgreSQL database',
  mysql: 'a MySQL database',
  sqlite: 'a SQLite database',
  directory: 'a folder',
  command: "a command's output",
};

function wrongDatabase(manifest: Manifest, target: string): LowtideError {
  return misfit(
    `backup ${manifest.id} is of ${contents[manifest.source.type]} and cannot be restored into ${target}`,
    pathHint(manifest),
  );
}

function pathHint(manifest: Manifest): string {
  const what = manifest.parts[0].format === 'tar' ? 'a folder' : 'a file';
  return `Give the path of ${what}: lowtide restore ${manifest.id} --to ./restored`;
}

function misfit(message: string, hint: string): LowtideError {
  return new LowtideError('usage', message, { hint });
}
