import { delimiter, join } from 'node:path';
import { LowtideError } from '../errors/lowtide-error.ts';
import { baseEnvironment } from '../process/environment.ts';
import { isInstalled } from '../process/find-program.ts';
import { flavorOf } from '../source/mysql.ts';
import { toolVersion } from '../source/tool.ts';

/** The programs of a MariaDB or MySQL server. */
export interface MysqlPrograms {
  readonly server: string;
  /** What makes an empty server: MariaDB has a program for it, MySQL's server does it itself. */
  readonly installer: string | undefined;
}

/** Debian keeps the server off a user's PATH, and others farther away. */
const homes = [
  '/usr/sbin',
  '/usr/bin',
  '/usr/libexec',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/local/mysql/bin',
  '/opt/homebrew/bin',
] as const;

function usualFolders(): readonly string[] {
  return [...(baseEnvironment()['PATH'] ?? '').split(delimiter), ...homes];
}

/** Throws `tool_missing`. MariaDB is taken before MySQL: each takes in what its own clients have dumped, and mostly the other's. */
export async function mysqlPrograms(
  signal: AbortSignal,
  folders: readonly string[] = usualFolders(),
): Promise<MysqlPrograms> {
  const find = (...names: readonly string[]): string | undefined =>
    names
      .flatMap((name) => folders.map((folder) => join(folder, name)))
      .find((path) => isInstalled({ argv: [path] }));
  const server = find('mariadbd', 'mysqld');
  if (server === undefined) throw missing('there is no MariaDB or MySQL server here to restore into');
  if (flavorOf(await toolVersion(server, signal)) === 'mysql') return { server, installer: undefined };
  const installer = find('mariadb-install-db', 'mysql_install_db');
  if (installer === undefined) throw missing(`${server} has no mariadb-install-db beside it`);
  return { server, installer };
}

function missing(what: string): LowtideError {
  return new LowtideError('tool_missing', what, {
    hint: 'On Debian or Ubuntu: apt-get install mariadb-server; or name a server under verify.drill_into.',
  });
}
