import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, runAsServerUser, serverFolder, startDaemon, type Daemon } from './daemon.ts';
import { layOut } from './templates.ts';

const client = 'mariadb';

/** Has every character that a URL, an option file or a shell would take for its own. */
const password = 'm:y/@ "\'\\#%s3cret';

export interface MariadbServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'admin';
  readonly password: string;
  readonly socket: string;
  /** URL of the database `mysql`, as the administrator. */
  readonly adminUrl: string;
  /** Over TCP, as the administrator unless said otherwise. */
  url(database?: string, login?: { readonly user?: string; readonly password?: string }): string;
  /** Runs SQL as the administrator; rows as lines, columns separated by tabs. */
  query(sql: string, database?: string): string;
  /** The server's log so far. */
  log(): string;
  /** It stops answering, connections stay open. */
  pause(): void;
  resume(): void;
  /** Ends at once, as if it had crashed: every client loses its connection. */
  crash(): Promise<void>;
  /** Starts it again where it was, after a crash. */
  restart(): Promise<void>;
}

/** A MariaDB server of its own, with an administrator `admin` whose password is asked for. */
export async function startMariadb(): Promise<MariadbServer> {
  const folder = serverFolder('mariadb');
  const data = join(folder, 'data');
  const socket = join(folder, 'mariadb.sock');
  layOut('mariadb', data, (made) =>
    runAsServerUser([
      'mariadb-install-db',
      '--no-defaults',
      `--datadir=${made}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-log-file-size=96M',
    ]),
  );
  const port = await freePort();
  const start = (): Promise<Daemon> =>
    startDaemon({
      argv: [
        'mariadbd',
        '--no-defaults',
        `--datadir=${data}`,
        `--socket=${socket}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--skip-name-resolve',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-log-file-size=96M',
        '--innodb-buffer-pool-size=64M',
        '--character-set-server=utf8mb4',
        `--pid-file=${join(folder, 'mariadb.pid')}`,
      ],
      folder,
      ready: /ready for connections/,
      stopSignal: 'SIGKILL',
    });
  let daemon = await start();

  const run = (sql: string, database: string, user: string, secret: string): string => {
    const end = spawnSync(
      client,
      [
        '--no-defaults',
        `--user=${user}`,
        '--batch',
        '--raw',
        '--skip-column-names',
        '--default-character-set=utf8mb4',
        `--database=${database}`,
      ],
      {
        input: sql,
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
        env: { PATH: process.env['PATH'], MYSQL_UNIX_PORT: socket, MYSQL_PWD: secret, LC_ALL: 'C.UTF-8' },
      },
    );
    if (end.status !== 0) throw new Error(`mariadb: ${end.stderr}`);
    return end.stdout.trimEnd();
  };
  const literal = password.replaceAll(/['\\]/g, (character) => `\\${character}`);
  run(
    `CREATE USER admin IDENTIFIED BY '${literal}'; GRANT ALL ON *.* TO admin WITH GRANT OPTION;`,
    'mysql',
    'root',
    '',
  );

  const url: MariadbServer['url'] = (database = 'mysql', login = {}) =>
    `mysql://${encodeURIComponent(login.user ?? 'admin')}:${encodeURIComponent(login.password ?? password)}` +
    `@127.0.0.1:${port}/${encodeURIComponent(database)}`;

  return {
    host: '127.0.0.1',
    port,
    user: 'admin',
    password,
    socket,
    adminUrl: url(),
    url,
    query: (sql, database = 'mysql') => run(sql, database, 'admin', password),
    log: () => daemon.log(),
    pause: () => daemon.pause(),
    resume: () => daemon.resume(),
    crash: () => daemon.end('SIGKILL'),
    async restart() {
      daemon = await start();
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
