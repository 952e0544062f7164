import { join } from 'node:path';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../process/child.ts';
import type { PostgresConnection } from '../source/postgres/connection.ts';
import { serverPrograms } from './postgres-programs.ts';
import { startScratchServer, type ScratchServerOptions, type ServerKind } from './scratch-server.ts';

export interface PostgresServer extends AsyncDisposable {
  readonly connection: PostgresConnection;
  /** The folder with its programs. */
  readonly programs: string;
}

/** Of what initdb makes: what is in a backup's own roles is not to meet it. */
const superuser = 'lowtide_drill';
const database = 'restored';
const port = '5432';

/** What is restored for practice need not survive a crash: so nothing is flushed. */
const settings: Readonly<Record<string, string>> = {
  autovacuum: 'off',
  fsync: 'off',
  full_page_writes: 'off',
  listen_addresses: '',
  max_connections: '10',
  max_wal_senders: '0',
  port,
  shared_buffers: '128MB',
  synchronous_commit: 'off',
  unix_socket_permissions: '0700',
  wal_level: 'minimal',
};

/** Throws `tool_missing` where no PostgreSQL server is installed. */
export async function startPostgresServer(options: ScratchServerOptions): Promise<PostgresServer> {
  const programs = serverPrograms();
  const server = await startScratchServer(postgresKind(programs), options);
  return {
    connection: connectionTo(server.home),
    programs,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function postgresKind(programs: string): ServerKind {
  return {
    title: 'PostgreSQL',
    name: 'postgres',
    users: ['postgres'],
    initialize: (home) => [
      join(programs, 'initdb'),
      ...['--pgdata', join(home, 'data'), '--username', superuser, '--auth', 'trust'],
      ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ],
    serve: (home) => [
      join(programs, 'postgres'),
      ...['-D', join(home, 'data')],
      ...Object.entries({ ...settings, unix_socket_directories: home }).flatMap(([name, value]) => [
        '-c',
        `${name}=${value}`,
      ]),
    ],
    async answers(home, signal) {
      const { env } = connectionTo(home);
      const answer = await runChild({ argv: ['pg_isready', '--quiet'], env }, { signal });
      return answer.exitCode === 0;
    },
    async prepare(home, signal) {
      const { env } = connectionTo(home);
      const end = await runChild(
        { argv: ['createdb', '--no-password', '--maintenance-db=postgres', database], env },
        { signal },
      );
      if (end.exitCode !== 0) throw new LowtideError('restore_failed', describeEnd(end));
    },
    // Without a checkpoint, and its backends and shared memory go with it.
    endBy: 'SIGQUIT',
  };
}

function connectionTo(home: string): PostgresConnection {
  return {
    label: 'the scratch server',
    database,
    password: undefined,
    env: { PGHOST: home, PGPORT: port, PGUSER: superuser, PGDATABASE: database, PGAPPNAME: 'lowtide' },
  };
}
