import type { Trouble } from '../verdict.ts';

/**
 * What PostgreSQL's programs say, and what to do about it. Their own words are English (children run with LC_ALL=C);
 * a server may answer in another language, and then the words stand alone, without a hint. The first match counts.
 */
export const postgresTroubles: readonly Trouble[] = [
  {
    pattern: /server version mismatch/,
    code: 'tool_missing',
    hint: 'pg_dump must not be older than the server: install the postgresql-client package of its version.',
  },
  {
    pattern: /password authentication failed|no password supplied|(Peer|Ident) authentication failed/,
    code: 'source_unreachable',
    hint: "Check the user and the password in the source's url.",
  },
  {
    pattern: /FATAL: {2}database ".*" does not exist/,
    code: 'source_unreachable',
    hint: "Check the database name at the end of the source's url.",
  },
  {
    pattern: /FATAL: {2}role ".*" does not exist/,
    code: 'source_unreachable',
    hint: "Check the user in the source's url.",
  },
  {
    pattern: /no pg_hba\.conf entry/,
    code: 'source_unreachable',
    hint: 'The server lets nobody in from here: add this host to its pg_hba.conf, or set sslmode in the url.',
  },
  {
    pattern: /does not support SSL|SSL error:|certificate verify failed|(certificate|private key) file ".*"/,
    code: 'source_unreachable',
    hint: 'The TLS handshake failed: check sslmode, sslrootcert, sslcert and sslkey in the url.',
  },
  {
    pattern: /could not translate host name/,
    code: 'source_unreachable',
    hint: "Check the host in the source's url.",
    retryable: true,
  },
  {
    pattern: /too many clients|remaining connection slots|the database system is (starting up|shutting down)/,
    code: 'source_unreachable',
    hint: 'The server is up but takes no connection now; try again in a while.',
    retryable: true,
  },
  {
    pattern: /permission denied for/,
    hint: 'Grant the user the role pg_read_all_data, or leave out what it may not read.',
  },
  {
    pattern: /query would be affected by row-level security/,
    hint: 'The user must see every row: give it BYPASSRLS, or back up as the owner of the tables.',
  },
  {
    pattern: /canceling statement due to (lock|statement) timeout/,
    hint: 'Somebody holds a lock on a table (an ALTER TABLE, a TRUNCATE): run the backup once that has ended.',
    retryable: true,
  },
  {
    pattern:
      /server closed the connection|terminating connection|connection to server was lost|SSL SYSCALL error/,
    hint: 'The server went away during the dump; its own log says why.',
    retryable: true,
  },
  {
    pattern: /connection to server .* failed|could not connect to server/,
    code: 'source_unreachable',
    hint: "Check that the server runs, and the host and port in the source's url.",
    retryable: true,
  },
];
