import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { mysqlSource } from '../../exporter/src/source/mysql.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { dumpSource, type DumpedPart } from '../conformance/dump.ts';
import { sourceConformance } from '../conformance/source.ts';
import { startMariadb, type MariadbServer } from '../servers/mariadb.ts';
import { commandLines } from '../servers/processes.ts';

const patience = { timeout: 20_000, interval: 5 };

let server: MariadbServer;
let folder: string;

beforeAll(async () => {
  server = await startMariadb();
  server.query(`
    CREATE DATABASE shop;
    CREATE DATABASE \`-odd 'name\`;
    CREATE TABLE \`-odd 'name\`.one AS SELECT 1 AS n;
    CREATE USER keeper IDENTIFIED BY 'keeper-secret';
    GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON shop.* TO keeper;
    GRANT SELECT ON mysql.proc TO keeper;
    CREATE USER stranger IDENTIFIED BY 'stranger-secret';
    GRANT SELECT ON shop.* TO stranger;
  `);
  server.query(
    `CREATE TABLE orders (id INT PRIMARY KEY, what TEXT, raw BLOB) CHARACTER SET utf8mb4;
     INSERT INTO orders SELECT seq, CONCAT('größe 🦀 ', seq), UNHEX(SHA2(seq, 256)) FROM seq_1_to_1000;
     CREATE VIEW big AS SELECT id, what FROM orders WHERE id > 500;
     CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;
     CREATE TRIGGER upper_case BEFORE INSERT ON orders FOR EACH ROW SET NEW.what = UPPER(NEW.what);
     CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders WHERE id < 0;`,
    'shop',
  );
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const shop = (url = server.url('shop')): Source => mysqlSource({ url });
const check = (source: Source): Promise<void> =>
  source.check({ scratch: folder, signal: new AbortController().signal });
const dump = (source: Source): Promise<readonly DumpedPart[]> => dumpSource(source, { folder });

sourceConformance('mysql', () => ({
  source: () => shop(),
  absent: { source: () => shop(server.url('no_such_database')), code: 'source_unreachable' },
  secrets: [server.password],
  expectWhole(parts) {
    const sql = textOf(parts);
    expect(sql).toContain('CREATE TABLE `orders`');
    expect(sql.trimEnd().split('\n').at(-1)).toMatch(/^-- Dump completed/);
  },
}));

describe('a dump of MariaDB', () => {
  it('loads into another database with every row, view, routine, trigger and event', async () => {
    const sql = textOf(await dump(shop()));
    server.query('CREATE OR REPLACE DATABASE copy');
    server.query(sql, 'copy');
    const sum = 'SELECT COUNT(*), MD5(GROUP_CONCAT(id, what, HEX(raw) ORDER BY id)) FROM orders';
    expect(server.query(sum, 'copy')).toBe(server.query(sum, 'shop'));
    const rest =
      'SELECT (SELECT COUNT(*) FROM big), twice(21), ' +
      '(SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()), ' +
      '(SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE())';
    expect(server.query(rest, 'copy')).toBe('500\t42\t1\t1');
  });

  it('takes no more rights than SELECT, SHOW VIEW, TRIGGER, EVENT and reading routines', async () => {
    const login = { user: 'keeper', password: 'keeper-secret' };
    const sql = textOf(await dump(shop(server.url('shop', login))));
    expect(sql).toContain('upper_case');
    expect(sql).toContain('nightly');
    expect(sql).toContain('FUNCTION `twice`');
  });

  it('reaches the server by its socket', async () => {
    const login = `admin:${encodeURIComponent(server.password)}`;
    const source = shop(`mysql://${login}@localhost/shop?socket=${server.socket}`);
    expect(textOf(await dump(source))).toContain('orders');
    expect(source.label).toBe(`mysql:///shop?socket=${server.socket}`);
  });

  it('takes localhost with a port for TCP, and not for a socket', async () => {
    await check(shop(server.url('shop').replace('127.0.0.1', 'localhost')));
  });

  it('dumps a database whose name is full of other people’s syntax', async () => {
    expect(textOf(await dump(shop(server.url("-odd 'name"))))).toContain('CREATE TABLE `one`');
  });

  it('warns of tables that no transaction protects', async () => {
    server.query('CREATE OR REPLACE DATABASE old; CREATE TABLE old.log (line TEXT) ENGINE=MyISAM');
    const [main] = await dump(shop(server.url('old')));
    expect(main?.warnings).toEqual(['not of one moment, as their engine has no transactions: log']);
  });

  it('keeps a view whose definer is gone, which breaks its use and not its definition', async () => {
    server.query(`CREATE OR REPLACE DATABASE orphans; CREATE TABLE orphans.t (n INT);
                  CREATE DEFINER=gone@localhost VIEW orphans.v AS SELECT * FROM orphans.t`);
    expect(textOf(await dump(shop(server.url('orphans'))))).toMatch(/DEFINER=`gone`@`localhost`[^]*VIEW `v`/);
  });

  it('shows one moment while others write', async () => {
    server.query(`CREATE OR REPLACE DATABASE bank; CREATE TABLE bank.a (n INT) AS SELECT 100 AS n;
                  CREATE TABLE bank.pad AS SELECT seq, REPEAT('x', 1000) AS filler FROM seq_1_to_20000;
                  CREATE TABLE bank.z (n INT) AS SELECT 100 AS n;`);
    const parts = await dumpSource(shop(server.url('bank')), {
      folder,
      started() {
        for (let i = 0; i < 20; i += 1) {
          server.query('START TRANSACTION; UPDATE a SET n = n - 1; UPDATE z SET n = n + 1; COMMIT', 'bank');
        }
      },
    });
    const [a, z] = [...textOf(parts).matchAll(/INSERT INTO `[az]` VALUES\s*\((\d+)\)/g)].map((match) =>
      Number(match[1]),
    );
    expect(a! + z!).toBe(200);
  });

  it('shows no password in the arguments of any process while it runs', async () => {
    server.query(`CREATE OR REPLACE DATABASE large;
                  CREATE TABLE large.rows AS SELECT seq, REPEAT('x', 1000) AS filler FROM seq_1_to_50000`);
    let seen: readonly string[] = [];
    await dumpSource(shop(server.url('large')), {
      folder,
      async started() {
        await vi.waitUntil(() => server.query('SHOW FULL PROCESSLIST').includes('FROM `rows`'), patience);
        seen = commandLines();
      },
    });
    expect(seen.some((line) => line.includes('mariadb-dump'))).toBe(true);
    for (const line of seen) expect(line).not.toContain(server.password);
  });
});

describe('a MariaDB that says no', () => {
  it.each([
    ['a wrong password', () => server.url('shop', { password: 'wrong-one' }), /user and the password/],
    ['a user that does not exist', () => server.url('shop', { user: 'ghost' }), /user and the password/],
    ['a database that does not exist', () => server.url('ghosts'), /database name/],
    ['a port where nobody listens', () => server.url('shop').replace(/:\d+\//, ':1/'), /host and port/],
    [
      'a host that does not exist',
      () => server.url('shop').replace('127.0.0.1', 'no-host.invalid'),
      /Check the host/,
    ],
    ['TLS where there is none', () => `${server.url('shop')}?ssl-mode=required`, /Set up TLS/],
    ['checked TLS where there is none', () => `${server.url('shop')}?ssl-mode=verify_identity`, /ssl-mode/],
  ])('gives the hint for %s', async (_, url, hint) => {
    for (const attempt of [check, dump]) {
      await expect(attempt(shop(url()))).rejects.toMatchObject({
        code: 'source_unreachable',
        hint: expect.stringMatching(hint) as string,
        message: expect.not.stringContaining('wrong-one') as string,
      });
    }
  });

  it('fails the dump of what the user may not read', async () => {
    const login = { user: 'stranger', password: 'stranger-secret' };
    await expect(dump(shop(server.url('shop', login)))).rejects.toMatchObject({
      code: 'source_failed',
      hint: expect.stringContaining('SHOW VIEW') as string,
    });
  });

  it.each([
    "mysqldump: Error: 'Access denied; you need PROCESS privilege' when trying to dump tablespaces",
    'mysqldump: Got error: 1356: View references invalid table(s)',
    "mariadb-dump: Couldn't execute 'show events': Access denied (1044)",
  ])('fails the dump when its tool told of an error and yet ended with 0: %s', async (line) => {
    const { parts } = await shop().prepare({ scratch: folder, signal: new AbortController().signal });
    const end = { program: 'mysqldump', exitCode: 0, signal: null };
    expect(() => parts[0].judge?.({ ...end, stderr: `${line}\n` })).toThrow(/mysqldump/);
    expect(
      parts[0].judge?.({ ...end, stderr: 'mysqldump: [Warning] a password on the command line\n' }),
    ).toHaveLength(1);
  });

  it('fails the dump of a view whose table is gone', async () => {
    server.query(`CREATE OR REPLACE DATABASE broken; CREATE TABLE broken.t (n INT);
                  CREATE VIEW broken.v AS SELECT * FROM broken.t; DROP TABLE broken.t`);
    await expect(dump(shop(server.url('broken')))).rejects.toMatchObject({
      code: 'source_failed',
      hint: expect.stringContaining('fix or drop it') as string,
    });
  });

  it('fails the dump when the server goes away in the middle', async () => {
    await using doomed = await startMariadb();
    doomed.query(
      `CREATE DATABASE d; CREATE TABLE d.wide AS SELECT seq, REPEAT('x', 1000) AS f FROM seq_1_to_200000`,
    );
    const attempt = dumpSource(shop(doomed.url('d')), {
      folder,
      async started() {
        await vi.waitUntil(() => doomed.query('SHOW FULL PROCESSLIST').includes('FROM `wide`'), patience);
        await doomed.crash();
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: 'source_failed', retryable: true });
  });
});

describe('whose word counts', () => {
  it('is the URL’s, whatever stands in the user’s own option file', () => {
    // Run apart, since children inherit HOME from the process.
    const script = `
      import { mysqlSource } from '${import.meta.dirname}/../../exporter/src/source/mysql.ts';
      import { writeFileSync } from 'node:fs';
      writeFileSync(process.env.HOME + '/.my.cnf', '[client]\\nuser=ghost\\npassword=wrong\\n');
      await mysqlSource({ url: process.env.URL }).check({ scratch: process.env.HOME, signal: new AbortController().signal });
    `;
    const end = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: { PATH: process.env['PATH'], HOME: folder, URL: server.url('shop') },
      encoding: 'utf8',
    });
    expect(end.stderr).toBe('');
    expect(end.status).toBe(0);
  });
});

function textOf(parts: readonly DumpedPart[]): string {
  return readFileSync(parts[0]!.path, 'utf8');
}
