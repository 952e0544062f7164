import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, runAsServerUser, serverFolder, startDaemon, type Daemon } from './daemon.ts';
import { layOut } from './templates.ts';

/** Has every character that a URL, a .pgpass file or a shell would take for its own. */
const password = 'p:g/@ \\#%s3cret';

export interface PostgresServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'postgres';
  readonly password: string;
  /** The folder of its unix socket. */
  readonly socketFolder: string;
  /** URL of the database `postgres`, as the superuser. */
  readonly adminUrl: string;
  /** Over TCP, as the superuser unless said otherwise. */
  url(database?: string, login?: { readonly user?: string; readonly password?: string }): string;
  /** Runs SQL as the superuser; rows as lines, columns separated by `|`. */
  query(sql: string, database?: string): string;
  /** Makes an empty database, also where an earlier try of a test has left one. */
  newDatabase(name: string): void;
  /** A superuser's session that stays open: to hold a transaction and its locks. */
  session(database?: string): PostgresSession;
  /** The server's log so far. */
  log(): string;
  /** It stops answering, connections stay open. */
  pause(): void;
  resume(): void;
  /** Ends at once, as if it had crashed: every client loses its connection. */
  crash(): Promise<void>;
  /** Starts it again where it was, after a crash. */
  restart(): Promise<void>;
  /** A server that follows this one by streaming; `pg_promote()` makes a primary of it. */
  standby(): Promise<PostgresServer>;
}

interface PostgresSession extends AsyncDisposable {
  /** Resolves once the server has done it. */
  run(sql: string): Promise<void>;
  /** Ends the session, and with it its open transaction. */
  end(): Promise<void>;
}

/** A PostgreSQL server of its own: passwords are asked for (scram) on TCP and on the socket. */
export async function startPostgres(
  /** Beside those of every server of the tests. */
  settingsFor: (folder: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<PostgresServer> {
  const folder = serverFolder('postgres');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  layOut('postgres', dataOf(folder), (data) =>
    runAsServerUser([
      join(binaries(), 'initdb'),
      ...['--pgdata', data, '--username', 'postgres', '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ]),
  );
  return serve(folder, settingsFor(folder));
}

async function serve(folder: string, ownSettings: Readonly<Record<string, string>>): Promise<PostgresServer> {
  const bin = binaries();
  const port = await freePort();
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    shared_buffers: '32MB',
    max_wal_size: '2GB',
    ...ownSettings,
  };
  const start = (): Promise<Daemon> =>
    startDaemon({
      argv: [
        join(bin, 'postgres'),
        '-D',
        dataOf(folder),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      folder,
      ready: /database system is ready to accept (read-only )?connections/,
      stopSignal: 'SIGQUIT',
    });
  let daemon = await start();

  const url: PostgresServer['url'] = (database = 'postgres', login = {}) =>
    `postgres://${encodeURIComponent(login.user ?? 'postgres')}:${encodeURIComponent(login.password ?? password)}` +
    `@127.0.0.1:${port}/${encodeURIComponent(database)}`;

  const clientEnvironment = (database: string): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'postgres',
    PGPASSWORD: password,
    PGDATABASE: database,
    PGCLIENTENCODING: 'UTF8',
  });
  const psqlArguments = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', '-'];

  const query: PostgresServer['query'] = (sql, database = 'postgres') => {
    const end = spawnSync(join(bin, 'psql'), psqlArguments, {
      input: sql,
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      env: clientEnvironment(database),
    });
    if (end.status !== 0) throw new Error(`psql: ${end.stderr}`);
    return end.stdout.trimEnd();
  };

  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    socketFolder: folder,
    adminUrl: url(),
    url,
    query,
    newDatabase(name) {
      query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE); CREATE DATABASE "${name}"`);
    },
    session: (database = 'postgres') =>
      openSession(join(bin, 'psql'), psqlArguments, clientEnvironment(database)),
    log: () => daemon.log(),
    pause: () => daemon.pause(),
    resume: () => daemon.resume(),
    crash: () => daemon.end('SIGQUIT'),
    async restart() {
      daemon = await start();
    },
    standby() {
      const copy = serverFolder('standby');
      runAsServerUser(
        [
          join(bin, 'pg_basebackup'),
          ...['--pgdata', dataOf(copy), '--write-recovery-conf', '--checkpoint', 'fast', '--no-sync'],
        ],
        clientEnvironment('postgres'),
      );
      return serve(copy, { wal_retrieve_retry_interval: '100ms' });
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function dataOf(folder: string): string {
  return join(folder, 'data');
}

function openSession(program: string, args: readonly string[], env: NodeJS.ProcessEnv): PostgresSession {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let said = '';
  let asked = 0;
  const end = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  child.stdout.setEncoding('utf8');
  return {
    async run(sql) {
      asked += 1;
      const mark = `done ${asked}`;
      const done = new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (text: string) => {
          said += text;
          if (said.includes(mark)) resolve();
        });
        child.once('close', () => reject(new Error(`the session ended during: ${sql}`)));
      });
      child.stdin.write(`${sql};\n\\echo ${mark}\n`);
      await done;
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

/** Debian keeps the server's programs off the PATH, one folder a version. */
function binaries(): string {
  const base = '/usr/lib/postgresql';
  const newest = readdirSync(base)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error(`no PostgreSQL under ${base}`);
  return join(base, newest, 'bin');
}
