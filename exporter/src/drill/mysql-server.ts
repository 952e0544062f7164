import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openClient, quoted } from '../run/restore/mysql-client.ts';
import { parseMysqlUrl } from '../source/mysql/connection.ts';
import { mysqlPrograms, type MysqlPrograms } from './mysql-programs.ts';
import { startScratchServer, type ScratchServerOptions, type ServerKind } from './scratch-server.ts';

export interface MysqlServer extends AsyncDisposable {
  /** Of the database that is restored into. */
  readonly url: string;
  readonly database: string;
  readonly socket: string;
}

const database = 'restored';

/**
 * What is restored for practice need not survive a crash: so little is flushed. Events that a backup brings along do not run, and
 * nothing is logged for replicas. MariaDB knows no `mysqlx`, a port of its own that MySQL opens besides.
 */
const settings = [
  '--skip-networking',
  '--loose-mysqlx=OFF',
  '--event-scheduler=OFF',
  '--skip-log-bin',
  '--skip-name-resolve',
  '--performance-schema=OFF',
  '--character-set-server=utf8mb4',
  '--max-allowed-packet=1G',
  '--innodb-buffer-pool-size=128M',
  '--innodb-doublewrite=OFF',
  '--innodb-flush-log-at-trx-commit=0',
] as const;

const greetsWithinMs = 1000;

/** Throws `tool_missing` where no MariaDB or MySQL server is installed. */
export async function startMysqlServer(
  options: ScratchServerOptions & { readonly scratch: string },
): Promise<MysqlServer> {
  const programs = await mysqlPrograms(options.signal);
  const server = await startScratchServer(mysqlKind(programs, options.scratch), options);
  return {
    url: urlOf(server.home, database),
    database,
    socket: socketIn(server.home),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** `scratch`: a private folder for the client's options. */
function mysqlKind({ server, installer }: MysqlPrograms, scratch: string): ServerKind {
  const data = (home: string): string => `--datadir=${join(home, 'data')}`;
  return {
    title: 'MariaDB or MySQL',
    name: server,
    users: ['mysql'],
    initialize: (home) =>
      installer === undefined
        ? [server, '--no-defaults', '--initialize-insecure', data(home)]
        : [
            installer,
            ...['--no-defaults', data(home), '--auth-root-authentication-method=normal', '--skip-test-db'],
            // It would not begin where the host's own name cannot be resolved.
            '--force',
          ],
    serve: (home) => [
      server,
      // Stands first, or is not heard.
      '--no-defaults',
      ...[data(home), `--socket=${socketIn(home)}`, `--tmpdir=${home}`],
      ...settings,
    ],
    answers: (home, signal) => greets(socketIn(home), signal),
    async prepare(home, signal) {
      const admin = await openClient(parseMysqlUrl(urlOf(home, 'mysql')), scratch, signal);
      await admin.query(`CREATE DATABASE ${quoted(database)}`);
    },
    endBy: 'SIGKILL',
  };
}

function socketIn(home: string): string {
  return join(home, 'socket');
}

function urlOf(home: string, name: string): string {
  return `mysql://root@localhost/${name}?socket=${encodeURIComponent(socketIn(home))}`;
}

/** The server speaks first. Its socket is there before it does: who only connects is too early. */
async function greets(path: string, signal: AbortSignal): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'readable', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(greetsWithinMs)]),
    });
    return socket.read() !== null;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    socket.destroy();
  }
}
