import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { postgresSource } from '../../exporter/src/source/postgres.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { dumpSource, type DumpedPart } from '../conformance/dump.ts';
import { sourceConformance } from '../conformance/source.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { commandLines } from '../servers/processes.ts';

const patience = { timeout: 20_000, interval: 5 };

let server: PostgresServer;
let folder: string;

beforeAll(async () => {
  server = await startPostgres();
  server.query(`
    CREATE ROLE reader LOGIN PASSWORD 'reader-secret';
    CREATE ROLE nobody LOGIN PASSWORD 'nobody-secret';
    CREATE DATABASE shop;
    CREATE DATABASE "odd 'name\\=x";
  `);
  server.query(
    `CREATE TABLE orders (id int PRIMARY KEY, what text);
     INSERT INTO orders SELECT i, 'größe ' || i FROM generate_series(1, 1000) i;
     CREATE VIEW big AS SELECT * FROM orders WHERE id > 500;
     GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;`,
    'shop',
  );
  server.query('CREATE TABLE one AS SELECT 1 AS n', "odd 'name\\=x");
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const shop = (url = server.url('shop'), globals: 'auto' | 'none' = 'auto'): Source =>
  postgresSource({ url, globals });
const check = (source: Source): Promise<void> =>
  source.check({ scratch: folder, signal: new AbortController().signal });

sourceConformance('postgres', () => ({
  source: () => shop(),
  absent: { source: () => shop(server.url('no-such-database')), code: 'source_unreachable' },
  secrets: [server.password],
  expectWhole(parts) {
    expect(listOf(part(parts, 'main'))).toMatch(/TABLE DATA public orders/);
    expect(readFileSync(part(parts, 'globals').path, 'utf8')).toContain('CREATE ROLE reader;');
  },
}));

describe('a dump of PostgreSQL', () => {
  it('restores into another database with every row, whatever its characters', async () => {
    const parts = await dumpSource(shop(), { folder });
    server.newDatabase('copy');
    const restored = spawnSync('pg_restore', ['--dbname', server.url('copy'), part(parts, 'main').path]);
    expect(restored.stderr.toString()).toBe('');
    const sum = "SELECT count(*), md5(string_agg(id || what, ',' ORDER BY id)) FROM big";
    expect(server.query(sum, 'copy')).toBe(server.query(sum, 'shop'));
  });

  it('is not compressed by pg_dump, so that zstd can', async () => {
    const parts = await dumpSource(shop(undefined, 'none'), { folder });
    expect(parts).toHaveLength(1);
    expect(readFileSync(part(parts, 'main').path).includes('größe 1000')).toBe(true);
  });

  it('carries the cluster’s roles, with password hashes only where the user may read them', async () => {
    const withHashes = await dumpSource(shop(), { folder: join(folder, 'admin') });
    expect(readFileSync(part(withHashes, 'globals').path, 'utf8')).toMatch(/ROLE reader .*SCRAM-SHA-256/);
    const login = { user: 'reader', password: 'reader-secret' };
    const without = await dumpSource(shop(server.url('shop', login)), { folder: join(folder, 'reader') });
    const globals = readFileSync(part(without, 'globals').path, 'utf8');
    expect(globals).toContain('CREATE ROLE reader;');
    expect(globals).not.toContain('SCRAM-SHA-256');
  });

  it('reaches the server by its socket', async () => {
    const user = `postgres:${encodeURIComponent(server.password)}`;
    const parameter = `postgresql://${user}@/shop?host=${server.socketFolder}&port=${server.port}`;
    await check(shop(parameter));
    await check(shop(`postgres://${user}@${encodeURIComponent(server.socketFolder)}:${server.port}/shop`));
    expect(shop(parameter).label).toBe(`postgres:///shop?host=${server.socketFolder}`);
  });

  it('takes the second of two hosts where the first is down', async () => {
    await check(shop(server.url('shop').replace('@', '@127.0.0.1:1,')));
  });

  it('dumps a database whose name is full of other people’s syntax', async () => {
    const parts = await dumpSource(shop(server.url("odd 'name\\=x")), { folder });
    expect(listOf(part(parts, 'main'))).toMatch(/TABLE DATA public one/);
    expect(readFileSync(part(parts, 'globals').path, 'utf8')).toContain('CREATE ROLE reader;');
  });

  it('shows no password in the arguments of any process while it runs', async () => {
    // The lock holds pg_dump where it can be looked at.
    await using lock = server.session('shop');
    await lock.run('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    let seen: readonly string[] = [];
    await dumpSource(shop(undefined, 'none'), {
      folder,
      async started() {
        await vi.waitUntil(() => dumpsThat("wait_event_type = 'Lock'") === 1, patience);
        seen = commandLines();
        await lock.end();
      },
    });
    expect(seen.some((line) => line.includes('pg_dump'))).toBe(true);
    for (const line of seen) {
      expect(line).not.toContain(server.password);
      expect(line).not.toContain(encodeURIComponent(server.password));
    }
  });
});

describe('a PostgreSQL that says no', () => {
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
    ['TLS where there is none', () => `${server.url('shop')}?sslmode=require`, /TLS/],
  ])('gives the hint for %s', async (_, url, hint) => {
    for (const attempt of [check, (source: Source) => dumpSource(source, { folder })]) {
      await expect(attempt(shop(url()))).rejects.toMatchObject({
        code: 'source_unreachable',
        hint: expect.stringMatching(hint) as string,
        message: expect.not.stringContaining('wrong-one') as string,
      });
    }
  });

  it('gives up on a server that accepts the connection and stays silent', async () => {
    server.pause();
    try {
      await expect(check(shop(`${server.url('shop')}?connect_timeout=2`))).rejects.toMatchObject({
        code: 'source_unreachable',
        retryable: true,
      });
    } finally {
      server.resume();
    }
  });

  it('fails the dump of tables that the user may not read', async () => {
    const url = server.url('shop', { user: 'nobody', password: 'nobody-secret' });
    await expect(dumpSource(shop(url), { folder })).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringContaining('permission denied') as string,
      hint: expect.stringContaining('pg_read_all_data') as string,
    });
  });

  it('fails the dump when its tool told of an error and yet ended with 0; warnings are kept', async () => {
    const { parts } = await shop().prepare({ scratch: folder, signal: new AbortController().signal });
    for (const { judge } of parts) {
      const judged = (stderr: string): readonly string[] | undefined =>
        judge?.({ program: 'pg_dump', exitCode: 0, signal: null, stderr });
      expect(judged('pg_dump: warning: there are circular foreign-key constraints\n')).toHaveLength(1);
      expect(() => judged('pg_dump: error: half of it is missing\n')).toThrow(/half of it/);
      expect(() => judged('pg_dumpall: error: half of it is missing\n')).toThrow(/half of it/);
    }
  });

  it('fails the dump when it is stopped, and leaves no process behind', async () => {
    await using lock = server.session('shop');
    await lock.run('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const controller = new AbortController();
    const dump = dumpSource(shop(), { folder, signal: controller.signal, started: () => controller.abort() });
    await expect(dump).rejects.toMatchObject({ code: 'source_failed' });
    await lock.end();
    await vi.waitUntil(() => dumpsThat('true') === 0, patience);
  });

  it('fails the dump when the server goes away in the middle', async () => {
    await using doomed = await startPostgres();
    doomed.query("CREATE TABLE wide AS SELECT i, repeat('x', 1000) FROM generate_series(1, 200000) i");
    const source = postgresSource({ url: doomed.adminUrl, globals: 'auto' });
    const dump = dumpSource(source, {
      folder,
      async started() {
        await vi.waitUntil(() => dumpsThat("query LIKE 'COPY public.wide%'", doomed) === 1, patience);
        await doomed.crash();
      },
    });
    await expect(dump).rejects.toMatchObject({ code: 'source_failed', retryable: true });
  });
});

function part(parts: readonly DumpedPart[], role: DumpedPart['role']): DumpedPart {
  return parts.find((each) => each.role === role)!;
}

function listOf({ path }: DumpedPart): string {
  const end = spawnSync('pg_restore', ['--list', path], { encoding: 'utf8' });
  expect(end.stderr).toBe('');
  return end.stdout;
}

function dumpsThat(condition: string, where: PostgresServer = server): number {
  return Number(
    where.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lowtide' AND ${condition}`),
  );
}
