import type { Trouble } from '../verdict.ts';

const rightsHint =
  'Grant the user SELECT, SHOW VIEW, TRIGGER and EVENT on the database, and what reading routines takes.';

/**
 * What the client programs of MySQL and MariaDB say, by the error's number, and what to do about it. The first match
 * counts. Source of the numbers: mariadb.com/kb/en/mariadb-error-codes and the client errors from 2000 on.
 */
export const mysqlTroubles: readonly Trouble[] = [
  {
    pattern: numbered(1045),
    code: 'source_unreachable',
    hint: "Check the user and the password in the source's url.",
  },
  {
    pattern: numbered(1698),
    code: 'source_unreachable',
    hint: 'The server knows this user by its unix account alone: connect by socket, or use a user with a password.',
  },
  {
    pattern: numbered(1049),
    code: 'source_unreachable',
    hint: "Check the database name at the end of the source's url.",
  },
  {
    pattern: numbered(2005),
    code: 'source_unreachable',
    hint: "Check the host in the source's url.",
    retryable: true,
  },
  {
    pattern: numbered(2002, 2003),
    code: 'source_unreachable',
    hint: "Check that the server runs, and the host and port in the source's url.",
    retryable: true,
  },
  {
    pattern: numbered(2026),
    code: 'source_unreachable',
    hint: 'The TLS handshake failed: set ssl-mode or ssl-ca in the url (?ssl-mode=disabled for a server without TLS).',
  },
  {
    pattern: numbered(1040, 1203),
    code: 'source_unreachable',
    hint: 'The server is up but takes no connection now; try again in a while.',
    retryable: true,
  },
  {
    pattern: numbered(1449),
    hint: 'A view, routine or trigger belongs to a user that no longer exists: create that user, or define it anew.',
  },
  {
    pattern: numbered(1356),
    hint: 'A view refers to a table, column or function that is gone, or that its definer may not use: fix or drop it.',
  },
  {
    pattern: numbered(1412),
    hint: 'A table was altered during the dump: run the backup again.',
    retryable: true,
  },
  {
    pattern: numbered(1044, 1142, 1143, 1227, 1370),
    hint: rightsHint,
  },
  {
    pattern: /has insufficient privileges/,
    hint: rightsHint,
  },
  {
    pattern: numbered(2006, 2013),
    hint: 'The server went away during the dump; its own log says why.',
    retryable: true,
  },
];

/** `ERROR 1045 (28000): …`, `Got error: 1045: …`, `Error 2013: …`, `… (1449)`: but not a row that is counted. */
function numbered(...numbers: readonly number[]): RegExp {
  return new RegExp(`(?:error:? |\\()(?:${numbers.join('|')})\\b`, 'i');
}
