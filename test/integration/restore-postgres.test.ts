import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { postgresSource } from '../../exporter/src/source/postgres.ts';
import { TestInstallation } from '../conformance/sealed-backup.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { commandLines } from '../servers/processes.ts';

const patience = { timeout: 120_000, interval: 20 };

let server: PostgresServer;
let lowtide: TestInstallation;
let backup: Backup;
/** What a restored database has to have. */
let expected: string;

beforeAll(async () => {
  lowtide = await TestInstallation.open();
  server = await startPostgres();
  server.query("CREATE ROLE clerk LOGIN PASSWORD 'clerk-secret'; CREATE DATABASE shop");
  server.query(
    `CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, born timestamptz, photo bytea, facts jsonb);
     INSERT INTO customers SELECT i, E'Zoë\\t"' || i, now(), decode(md5(i::text), 'hex'), jsonb_build_object('n', i)
       FROM generate_series(1, 3000) i;
     CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, total numeric(12, 2));
     INSERT INTO orders (customer, total) SELECT 1 + i % 3000, i / 7.0 FROM generate_series(1, 20000) i;
     CREATE INDEX ON orders (customer);
     CREATE VIEW rich AS SELECT name, sum(total) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name;
     CREATE FUNCTION doubled(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
     CREATE TYPE mood AS ENUM ('good', 'bad');
     SELECT lo_from_bytea(4711, 'large');
     GRANT SELECT ON customers TO clerk;`,
    'shop',
  );
  backup = await lowtide.backUp(postgresSource({ url: server.url('shop'), globals: 'auto' }));
  expected = contentOf('shop');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await lowtide[Symbol.asyncDispose]();
});

/** Every row of every table, what else there is, and where the sequences stand. */
function contentOf(database: string): string {
  return server.query(
    `SELECT * FROM customers ORDER BY id; SELECT * FROM orders ORDER BY id; SELECT last_value FROM orders_id_seq;
     SELECT * FROM rich ORDER BY 1; SELECT doubled(21); SELECT 'bad'::mood; SELECT lo_get(4711);
     SELECT has_table_privilege('clerk', 'customers', 'SELECT');
     SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
     SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1;`,
    database,
  );
}

function makeOld(database: string): string {
  server.newDatabase(database);
  server.query("CREATE TABLE orders (id int, old text); INSERT INTO orders VALUES (1, 'precious')", database);
  return server.url(database);
}

function expectOld(database: string): void {
  expect(server.query('SELECT * FROM orders', database)).toBe('1|precious');
  expect(
    server.query("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", database),
  ).toBe('1');
}

const refusal = (code: string, message: RegExp, hint = /./): unknown =>
  expect.toSatisfy(
    (error) =>
      error instanceof LowtideError &&
      error.code === code &&
      message.test(error.message) &&
      hint.test(error.hint ?? ''),
    `${code} ${message.source} ${hint.source}`,
  );

describe('a PostgreSQL database', () => {
  it('is verified by pg_restore, its globals by their ending', async () => {
    expect(await lowtide.verify(backup)).toMatchObject({ copies: [{ status: 'passed', warnings: [] }] });
  });

  it('comes back in a second one, row by row, and no password shows on the way', async () => {
    server.newDatabase('copy');
    const seen = new Set<string>();
    const watch = setInterval(() => commandLines().forEach((line) => seen.add(line)), 5);
    const result = await lowtide.restore(backup, server.url('copy'));
    clearInterval(watch);
    expect(result).toMatchObject({
      store: 'near',
      restored: [`postgres://127.0.0.1:${server.port}/copy`],
      warnings: [expect.stringMatching(/^roles and tablespaces were not restored/)],
    });
    expect(contentOf('copy')).toBe(expected);
    expect([...seen].some((line) => line.includes('pg_restore --single-transaction'))).toBe(true);
    expect([...seen].some((line) => line.includes(server.password))).toBe(false);
    expect((await lowtide.recorded(backup)).at(-1)).toBe('backup:restored completed');
  });

  it('is not restored over another one', async () => {
    const url = makeOld('precious');
    await expect(lowtide.restore(backup, url)).rejects.toEqual(
      refusal('restore_target_exists', /is not empty: it has public\.orders$/, /--force/),
    );
    expectOld('precious');
  });

  it.each([
    ['function', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'public.f()'],
    ['enum', "CREATE TYPE t AS ENUM ('a')", 'public.t'],
    ['schema', 'CREATE SCHEMA s', 's'],
    ['large object', "SELECT lo_from_bytea(12345, 'x')", 'large object 12345'],
    ['sequence', 'CREATE SEQUENCE q', 'public.q'],
  ])('counts a %s as content', async (what, sql, name) => {
    const database = `with_${what.replace(' ', '_')}`;
    server.newDatabase(database);
    server.query(sql, database);
    await expect(lowtide.restore(backup, server.url(database))).rejects.toEqual(
      refusal('restore_target_exists', new RegExp(`it has ${name.replaceAll(/[()]/g, '\\$&')}$`)),
    );
  });

  it('takes the place of an old one when forced to', async () => {
    const url = makeOld('replaced');
    await lowtide.restore(backup, url, { force: true });
    expect(contentOf('replaced')).toBe(expected);
    server.query('INSERT INTO orders (total) VALUES (1)', 'replaced');
    await lowtide.restore(backup, url, { force: true });
    expect(contentOf('replaced')).toBe(expected);
  });

  it('stays as it was when something else depends on what would be replaced', async () => {
    const url = makeOld('depended');
    server.query('CREATE VIEW mine AS SELECT * FROM orders', 'depended');
    await expect(lowtide.restore(backup, url, { force: true })).rejects.toEqual(
      refusal(
        'restore_failed',
        /cannot drop table public\.orders because other objects depend/,
        /new database/,
      ),
    );
    expect(server.query('SELECT * FROM mine', 'depended')).toBe('1|precious');
  });

  it('stays as it was, and hears of it, when the copy is damaged', async () => {
    const url = makeOld('undamaged');
    const path = lowtide.pathOf(backup);
    const sound = readFileSync(path);
    truncateSync(path, sound.length - 1);
    await expect(lowtide.restore(backup, url, { force: true })).rejects.toEqual(
      refusal('verification_failed', /was cut/),
    );
    writeFileSync(path, sound);
    await lowtide.verify(backup);
    expectOld('undamaged');
  });

  it('stays as it was when the copy goes bad after it was verified', async () => {
    const url = makeOld('late');
    const path = lowtide.pathOf(backup);
    const sound = readFileSync(path);
    let damaged = false;
    const onProgress = (bytes: number): void => {
      if (damaged || bytes < backup.storedBytes) return;
      damaged = true;
      const bad = Buffer.from(sound);
      bad[bad.length - 20]! ^= 1;
      writeFileSync(path, bad);
    };
    await expect(lowtide.restore(backup, url, { force: true, onProgress })).rejects.toEqual(
      refusal('verification_failed', /payload is damaged/),
    );
    writeFileSync(path, sound);
    await lowtide.verify(backup);
    expectOld('late');
  });

  it('stays as it was when the restore is stopped, and when the server dies under it', async () => {
    const url = makeOld('torn');
    const waits = (): string =>
      server.query("SELECT pid FROM pg_stat_activity WHERE datname = 'torn' AND wait_event_type = 'Lock'");
    const holder = server.session('torn');
    await holder.run('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    const stop = new AbortController();
    const reason = new LowtideError('cancelled', 'enough');
    const stopped = lowtide.restore(backup, url, { force: true, signal: stop.signal });
    stopped.catch(() => undefined);
    await vi.waitUntil(() => waits() !== '', patience);
    stop.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    expectOld('torn');

    const torn = lowtide.restore(backup, url, { force: true });
    torn.catch(() => undefined);
    const pid = await vi.waitUntil(() => waits(), patience);
    process.kill(Number(pid), 'SIGKILL');
    await expect(torn).rejects.toEqual(
      refusal('restore_failed', /server closed the connection|connection to server was lost/, /went away/),
    );
    // Its postmaster takes all sessions down after that, recovers, and lets people in again.
    await holder.end();
    await vi.waitUntil(() => {
      try {
        return server.query('SELECT 1') === '1';
      } catch {
        return false;
      }
    }, patience);
    expectOld('torn');
  });

  it('has to exist, to let us in, and to know the roles', async () => {
    await expect(lowtide.restore(backup, server.url("no'such"))).rejects.toEqual(
      refusal(
        'restore_failed',
        /database "no'such" does not exist/,
        new RegExp(String.raw`createdb -h 127\.0\.0\.1 -p ${server.port} -U postgres 'no'\\''such'$`),
      ),
    );
    const url = makeOld('closed');
    await expect(lowtide.restore(backup, server.url('closed', { password: 'wrong-secret' }))).rejects.toEqual(
      refusal('restore_failed', /password authentication failed/, /user and the password/),
    );
    await expect(lowtide.restore(backup, `postgres://127.0.0.1:1/closed`)).rejects.toEqual(
      refusal('restore_failed', /Connection refused/, /host and port/),
    );
    await expect(lowtide.restore(backup, 'mysql://127.0.0.1/closed')).rejects.toEqual(
      refusal('usage', /PostgreSQL/),
    );
    const clerk = server.url('closed', { user: 'clerk', password: 'clerk-secret' });
    await expect(lowtide.restore(backup, clerk, { force: true })).rejects.toEqual(
      refusal('restore_failed', /must be owner of/, /superuser/),
    );
    expectOld('closed');
    server.query('ALTER ROLE clerk RENAME TO cashier');
    const restoring = lowtide.restore(backup, url, { force: true });
    await expect(restoring.finally(() => server.query('ALTER ROLE cashier RENAME TO clerk'))).rejects.toEqual(
      refusal('restore_failed', /role "clerk" does not exist/, /globals/),
    );
    expectOld('closed');
  });

  it('comes back as a file as well, its globals beside it', async () => {
    const folder = mkdtempSync(join(lowtide.newFolder('files'), 'try-'));
    const target = join(folder, 'shop.pgdump');
    expect((await lowtide.restore(backup, target)).restored).toEqual([target, `${target}.globals.sql`]);
    const list = spawnSync('pg_restore', ['--list', target], { encoding: 'utf8' });
    expect(list.stdout).toContain('TABLE DATA public orders');
    expect(readFileSync(`${target}.globals.sql`, 'utf8')).toContain('CREATE ROLE clerk;');
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('with an odd name is reached', async () => {
    const name = "odd 'name\\=x";
    server.newDatabase(name);
    await lowtide.restore(backup, server.url(name));
    expect(contentOf(name)).toBe(expected);
  });

  it('that is large takes two passes, and tells how far it is', async () => {
    server.newDatabase('large');
    server.query(
      `CREATE TABLE noise AS SELECT i, encode(sha512(i::text::bytea), 'hex') AS hash FROM generate_series(1, 100000) i`,
      'large',
    );
    const large = await lowtide.backUp(postgresSource({ url: server.url('large'), globals: 'none' }));
    server.newDatabase('large_copy');
    const progress: number[] = [];
    await lowtide.restore(large, server.url('large_copy'), { onProgress: (bytes) => progress.push(bytes) });
    expect(progress.at(-1)).toBe(2 * large.storedBytes);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    const sum = "SELECT count(*), md5(string_agg(hash, ',' ORDER BY i)) FROM noise";
    expect(server.query(sum, 'large_copy')).toBe(server.query(sum, 'large'));
  });
});
