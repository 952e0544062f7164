import type { PostgresConnection } from '../../source/postgres/connection.ts';
import type { Trouble } from '../../source/verdict.ts';

/** What `psql` and `pg_restore` say while a backup is restored, and what to do about it. The first match counts. */
export function postgresRestoreTroubles(connection: PostgresConnection): readonly Trouble[] {
  return [
    {
      pattern: /unsupported version \(/,
      code: 'tool_missing',
      hint: 'The backup was made by a newer pg_dump: install the postgresql-client package of its version.',
    },
    {
      pattern: /FATAL: {2}database ".*" does not exist/,
      hint: `Create it first: ${createdb(connection)}`,
    },
    {
      pattern: /password authentication failed|no password supplied|(Peer|Ident) authentication failed/,
      hint: 'Check the user and the password in the target.',
    },
    {
      pattern: /role ".*" does not exist/,
      hint:
        'The backup names roles that this server does not have. Its globals part has them: restore the backup to a ' +
        'file, and run what is wanted of FILE.globals.sql with psql.',
    },
    {
      pattern: /cannot drop .* because other objects depend on it/,
      hint: 'Something that the backup does not have depends on what it replaces: restore into a new database.',
    },
    {
      pattern: /must be (owner of|superuser|a member of)|permission denied/,
      hint: 'Restore as a superuser, or as the owner of the database if all objects in the backup are its own.',
    },
    {
      pattern: /extension ".*" is not available/,
      hint: "Install that extension's package on the server.",
    },
    {
      pattern: /canceling statement due to (lock|statement) timeout/,
      hint: 'Somebody uses the tables that are to be replaced: stop the application, and restore again.',
    },
    {
      pattern: /No space left on device|could not extend file/,
      hint: "Make room on the server's disk. The old data is as it was.",
    },
    {
      pattern:
        /server closed the connection|terminating connection|connection to server was lost|SSL SYSCALL error/,
      hint: 'The server went away; the old data is as it was. Its own log says why.',
      retryable: true,
    },
    {
      pattern: /could not translate host name|connection to server .* failed|could not connect to server/,
      hint: 'Check that the server runs, and the host and port in the target.',
      retryable: true,
    },
  ];
}

/** As a person would type it; the password is asked for, or found where libpq looks for it. */
function createdb({ env, database }: PostgresConnection): string {
  const option = (flag: string, name: string): string =>
    env[name] === undefined ? '' : ` ${flag} ${quoted(env[name])}`;
  return `createdb${option('-h', 'PGHOST')}${option('-p', 'PGPORT')}${option('-U', 'PGUSER')} ${quoted(database)}`;
}

/** For a shell, where it needs it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
