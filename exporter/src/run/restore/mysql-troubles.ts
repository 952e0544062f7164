import type { MysqlConnection } from '../../source/mysql/connection.ts';
import type { Trouble } from '../../source/verdict.ts';

/** What the client says while a backup is loaded, by the error's number, and what to do about it. The first match counts. */
export function mysqlRestoreTroubles({ database }: MysqlConnection): readonly Trouble[] {
  return [
    { pattern: /ERROR 1045\b/, hint: 'Check the user and the password in the target.' },
    {
      pattern: /ERROR 1049\b/,
      hint: `Create it first: mariadb --execute='CREATE DATABASE \`${database}\`'`,
    },
    {
      pattern: /ERROR (2002|2003|2005)\b/,
      hint: 'Check that the server runs, and the host and port in the target.',
      retryable: true,
    },
    {
      pattern: /ERROR 2026\b/,
      hint: 'The TLS handshake failed: set ssl-mode or ssl-ca in the target.',
    },
    {
      pattern: /ERROR 1227\b/,
      hint: "The backup's views, routines or triggers belong to another user (DEFINER): restore as an administrator.",
    },
    {
      pattern: /ERROR (1044|1142|1143|1370|1419)\b/,
      hint: 'The user needs all rights on the database; triggers and functions may need SUPER besides.',
    },
    {
      pattern: /ERROR 1205\b/,
      hint: 'Somebody uses the tables that are to be replaced: stop the application, and restore again.',
    },
    {
      pattern: /ERROR (1021|1114)\b/,
      hint: "Make room on the server's disk.",
    },
    {
      pattern: /Unknown command '\\-'/,
      code: 'tool_missing',
      hint: "The backup was made by MariaDB's dump program: install mariadb-client to load it.",
    },
    {
      pattern: /ERROR (2006|2013)\b/,
      hint: 'The server went away; its own log says why.',
      retryable: true,
    },
  ];
}
