import { describe, expect, it } from 'vitest';
import type { ChildEnd } from '../process/command.ts';
import { mysqlTroubles } from './mysql/troubles.ts';
import { postgresTroubles } from './postgres/troubles.ts';
import { failure, firstLines, redacted, stderrLines, type Trouble } from './verdict.ts';

const ended = (stderr: string, exitCode: number | null = 1): ChildEnd => ({
  program: 'tool',
  exitCode,
  signal: exitCode === null ? 'SIGKILL' : null,
  stderr,
});

describe('what a tool said', () => {
  it('is cut into lines', () => {
    expect(stderrLines(ended(' one\n\r\n two\n'))).toEqual(['one', 'two']);
    expect(stderrLines(ended(''))).toEqual([]);
  });

  it('loses its first line where that is a torn one', () => {
    const line = `${'x'.repeat(63)}\n`;
    expect(stderrLines(ended(line.repeat(1024)))).toHaveLength(1023);
    expect(stderrLines(ended(line.repeat(1023)))).toHaveLength(1023);
  });

  it.each([
    [0, 0, undefined],
    [20, 20, '19'],
    [21, 21, 'and 1 more'],
    [500, 21, 'and 480 more'],
  ])('keeps of %d lines %d', (count, kept, last) => {
    const lines = firstLines(Array.from({ length: count }, (_, i) => String(i)));
    expect(lines).toHaveLength(kept);
    expect(lines.at(-1)).toBe(last);
  });

  it('never shows a secret, each time it stands there', () => {
    const end = redacted(ended('login hush.hush failed: hush.hush; hushXhush'), [
      'hush.hush',
      undefined,
      'f',
    ]);
    expect(end.stderr).toBe('login *** failed: ***; hushXhush');
  });
});

/** As the programs printed them: psql and pg_dump 15.18, mariadb-dump 10.11, mysqldump 8.0. */
const recorded: Readonly<
  Record<
    string,
    { readonly troubles: readonly Trouble[]; readonly lines: readonly [string, string, RegExp][] }
  >
> = {
  postgres: {
    troubles: postgresTroubles,
    lines: [
      [
        'psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "app"',
        'source_unreachable',
        /user and the password/,
      ],
      [
        'psql: error: connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied',
        'source_unreachable',
        /user and the password/,
      ],
      [
        'psql: error: connection to server at "db1" (10.0.0.1), port 5432 failed: FATAL:  database "ap" does not exist',
        'source_unreachable',
        /database name/,
      ],
      [
        'psql: error: connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?',
        'source_unreachable',
        /host and port/,
      ],
      [
        'psql: error: connection to server on socket "/run/x/.s.PGSQL.5432" failed: No such file or directory',
        'source_unreachable',
        /host and port/,
      ],
      [
        'psql: error: could not translate host name "no" to address: Name or service not known',
        'source_unreachable',
        /Check the host/,
      ],
      [
        'psql: error: connection to server at "10.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "app", database "app", no encryption',
        'source_unreachable',
        /pg_hba/,
      ],
      [
        'psql: error: connection to server at "db1", port 5432 failed: FATAL:  the database system is starting up',
        'source_unreachable',
        /try again/,
      ],
      [
        'pg_dump: error: server version: 17.2; pg_dump version: 15.18\npg_dump: error: aborting because of server version mismatch',
        'tool_missing',
        /older than the server/,
      ],
      [
        'pg_dump: error: query failed: ERROR:  permission denied for table orders\npg_dump: detail: Query was: LOCK TABLE public.orders IN ACCESS SHARE MODE',
        'source_failed',
        /pg_read_all_data/,
      ],
      [
        'pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout',
        'source_failed',
        /holds a lock/,
      ],
      [
        'pg_dump: error: Dumping the contents of table "wide" failed: PQgetCopyData() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly',
        'source_failed',
        /went away/,
      ],
    ],
  },
  mysql: {
    troubles: mysqlTroubles,
    lines: [
      [
        "ERROR 1045 (28000): Access denied for user 'app'@'localhost' (using password: YES)",
        'source_unreachable',
        /user and the password/,
      ],
      ["ERROR 1049 (42000): Unknown database 'ap'", 'source_unreachable', /database name/],
      [
        "ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (111)",
        'source_unreachable',
        /host and port/,
      ],
      ["ERROR 2005 (HY000): Unknown server host 'no' (-2)", 'source_unreachable', /Check the host/],
      [
        "mysqldump: Got error: 1045: \"Access denied for user 'app'@'localhost' (using password: YES)\" when trying to connect",
        'source_unreachable',
        /user and the password/,
      ],
      [
        'mysqldump: Error 2013: Lost connection to MySQL server during query when dumping table `wide` at row: 1045',
        'source_failed',
        /went away/,
      ],
      [
        "mysqldump: Couldn't execute 'SHOW FIELDS FROM `v`': The user specified as a definer ('x'@'%') does not exist (1449)",
        'source_failed',
        /create that user/,
      ],
      [
        'mysqldump: Error 1412: Table definition has changed, please retry transaction when dumping table `t` at row: 0',
        'source_failed',
        /altered/,
      ],
      [
        'mysqldump: `app`@`%` has insufficient privileges to SHOW CREATE FUNCTION `f`!',
        'source_failed',
        /Grant the user/,
      ],
    ],
  },
};

describe.each(Object.entries(recorded))('the words of %s', (_, { troubles, lines }) => {
  it.each(lines)('tell what to do: %s', (stderr, code, hint) => {
    const error = failure(ended(stderr), troubles);
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
  });

  it('stand alone where they are not known, with the code for where it happened', () => {
    expect(failure(ended('mystery'), troubles)).toMatchObject({ code: 'source_failed', hint: undefined });
    const unreachable = failure(ended('mystery'), troubles, 'source_unreachable');
    expect(unreachable).toMatchObject({
      code: 'source_unreachable',
      message: 'tool failed with exit code 1: mystery',
    });
  });
});
