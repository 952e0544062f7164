import { chmodSync, chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { migratePostgres } from '../../exporter/src/postgres/migrate.ts';
import { openPostgres, type Postgres, type PostgresOptions } from '../../exporter/src/postgres/postgres.ts';
import { sqlState } from '../../exporter/src/postgres/refusal.ts';
import { Authority } from '../servers/certificates.ts';
import { eventually } from '../servers/eventually.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { startTcpProxy } from '../servers/tcp-proxy.ts';

/** For what is to be given up. All else has the usual time: to connect alone takes a slow machine long. */
const impatient = { timeouts: { connect: 1500, statement: 1500, lock: 400, idleInTransaction: 2000 } };

function open(url: string, options: Partial<PostgresOptions> = {}): Postgres {
  return openPostgres(url, { applicationName: 'lowtide db-1', ...options });
}

function through(server: PostgresServer, port: number): string {
  return server.url().replace(`:${server.port}/`, `:${port}/`);
}

/** What it was refused with. Nothing a user may see holds the password. */
async function refusal(server: PostgresServer, work: Promise<unknown>): Promise<LowtideError> {
  const error = await work.then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof LowtideError)) throw error;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    expect(JSON.stringify([each.message, each.stack, each])).not.toContain(server.password);
  }
  return error;
}

const one = (state: Postgres): Promise<unknown> => state.read((t) => t.get('SELECT 1 AS one'));

describe('a state in PostgreSQL', () => {
  let server: PostgresServer;
  let state: Postgres;
  beforeAll(async () => {
    server = await startPostgres((folder) => {
      const { certFile, keyFile } = new Authority(folder).issue('server');
      for (const file of [certFile, keyFile]) {
        const { uid, gid } = statSync(folder);
        chownSync(file, uid, gid);
        chmodSync(file, 0o600);
      }
      return { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile };
    });
    server.query('CREATE TABLE written (what TEXT PRIMARY KEY, number BIGINT)');
    state = open(server.url());
  });
  beforeEach(() => {
    server.query(
      'TRUNCATE written; DROP SCHEMA IF EXISTS "db-1", shared, theirs CASCADE; DROP ROLE IF EXISTS poor',
    );
  });
  afterAll(async () => {
    await state[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('gives plain values and takes them', async () => {
    const row = await state.read((t) =>
      t.get(
        `SELECT ?1::bigint AS great, ?2::text AS text, ?3::bytea AS bytes, NULL AS nothing, 1 = 1 AS yes,
           (SELECT sum(n) FROM generate_series(1, 4) AS n) AS sum, 0.5::float8 AS half, '?' AS mark`,
        Number.MAX_SAFE_INTEGER,
        'it’s',
        Uint8Array.of(0, 255),
      ),
    );
    expect({ ...row, bytes: [...(row?.['bytes'] as Uint8Array)] }).toEqual({
      great: Number.MAX_SAFE_INTEGER,
      text: 'it’s',
      bytes: [0, 255],
      nothing: null,
      yes: 1,
      sum: 10,
      half: 0.5,
      mark: '?',
    });
  });

  it('refuses a number that JavaScript cannot hold', async () => {
    const error = await refusal(
      server,
      state.read((t) => t.get("SELECT '9007199254740993'::bigint AS n")),
    );
    expect(error).toMatchObject({ code: 'state_invalid' });
    await one(state);
  });

  it('writes all of a transaction, or nothing of it', async () => {
    expect(await state.write((t) => t.run("INSERT INTO written VALUES ('a', 1), ('b', 2)"))).toBe(2);
    const failed = state.write(async (t) => {
      await t.run("DELETE FROM written WHERE what = 'a'");
      throw new Error('changed its mind');
    });
    await expect(failed).rejects.toThrow('changed its mind');
    const twice = state.write((t) => t.run("INSERT INTO written VALUES ('a', 3)"));
    expect(sqlState(await refusal(server, twice))).toBe('23505');
    expect(server.query('SELECT * FROM written ORDER BY 1')).toBe('a|1\nb|2');
  });

  it('does not commit what goes on after a statement has failed', async () => {
    const careless = state.write(async (t) => {
      await t.run("INSERT INTO written VALUES ('careless', 1)");
      await t.run('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toMatchObject({ code: 'internal' });
    expect(server.query("SELECT count(*) FROM written WHERE what = 'careless'")).toBe('0');
  });

  it('writes nothing while it reads, and into no transaction that is over', async () => {
    const error = await refusal(
      server,
      state.read((t) => t.run('DELETE FROM written')),
    );
    expect(error.code).toBe('state_unavailable');
    const kept = await state.read((t) => Promise.resolve({ t }));
    await expect(kept.t.run('DELETE FROM written')).rejects.toMatchObject({ code: 'internal' });
  });

  it('lets one write at a time who name the same lock, each in its schema', async () => {
    server.query(
      'CREATE SCHEMA "db-1"; CREATE TABLE "db-1".counted (n BIGINT); INSERT INTO "db-1".counted VALUES (0)',
    );
    const count = (): Promise<number> =>
      state.write(
        async (t) => {
          const row = await t.get('SELECT n FROM counted');
          return t.run('UPDATE counted SET n = ?', Number(row?.['n']) + 1);
        },
        { schema: 'db-1', lock: 'counting' },
      );
    await Promise.all(Array.from({ length: 8 }, count));
    expect(server.query('SELECT n FROM "db-1".counted')).toBe('8');
  });

  it('is busy where a lock is held for long, where a statement takes long, and where all connections are lent out', async () => {
    await using holder = server.session();
    await holder.run('BEGIN; LOCK TABLE written');
    await using hasty = open(server.url(), impatient);
    const locked = hasty.read((t) => t.get('SELECT * FROM written'));
    expect(await refusal(server, locked)).toMatchObject({ code: 'state_busy', retryable: true });
    const slow = hasty.read((t) => t.get('SELECT pg_sleep(3)'));
    expect(await refusal(server, slow)).toMatchObject({ code: 'state_busy', retryable: true });
    await using single = open(server.url(), { ...impatient, maxConnections: 1 });
    const nested = single.read(() => one(single));
    expect(await refusal(server, nested)).toMatchObject({ code: 'state_busy', retryable: true });
    await one(single);
  });

  it('is refused with a wrong password, an unknown database, and without privileges', async () => {
    server.query("CREATE ROLE poor LOGIN PASSWORD 'p:g/@ \\#%s3cret'");
    for (const url of [
      server.url('postgres', { password: 'wrong' }),
      server.url('nowhere'),
      server.url().replace(/:\/\/.*@/, '://postgres@'),
    ]) {
      await using other = open(url);
      expect(await refusal(server, one(other))).toMatchObject({ code: 'state_denied', retryable: false });
    }
    await using poor = open(server.url('postgres', { user: 'poor' }));
    const reading = poor.read((t) => t.get('SELECT * FROM written'));
    expect(await refusal(server, reading)).toMatchObject({ code: 'state_denied' });
    const making = migratePostgres(poor, 'poor', [{ sql: 'CREATE TABLE t (n INTEGER)', readableFrom: 1 }]);
    expect(await refusal(server, making)).toMatchObject({ code: 'state_denied' });
  });

  it('takes the password from the environment, and tells the server who it is', async () => {
    await using other = open(server.url().replace(/:\/\/.*@/, '://postgres@'), {
      environment: { PGPASSWORD: server.password },
    });
    const row = await other.read((t) => t.get("SELECT current_setting('application_name') AS name"));
    expect(row).toEqual({ name: 'lowtide db-1' });
  });

  it('speaks TLS where it can, and to nobody but the one whose certificate it was told to expect', async () => {
    const isTls = async (url: string): Promise<unknown> => {
      await using other = open(url);
      return await other.read((t) => t.get('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'));
    };
    const authority = join(server.socketFolder, 'authority.crt');
    const stranger = new Authority(server.socketFolder, 'stranger').certFile;
    expect(await isTls(server.url())).toEqual({ ssl: 1 });
    expect(await isTls(`${server.url()}?sslmode=disable`)).toEqual({ ssl: 0 });
    expect(await isTls(`${server.url()}?sslmode=verify-full&sslrootcert=${authority}`)).toEqual({ ssl: 1 });
    const deceived = isTls(`${server.url()}?sslmode=verify-full&sslrootcert=${stranger}`);
    expect((await refusal(server, deceived)).message).toMatch(/certificate/);
    expect(() => open(`${server.url()}?sslrootcert=/nowhere&sslmode=require`)).toThrow(
      /cannot read \/nowhere/,
    );
    expect(() => open(`${server.url()}?sslmode=maybe`)).toThrow(/sslmode/);
  });

  it('says that nobody knows, where the answer to a commit is lost, and does it again only if that does no harm', async () => {
    await using proxy = await startTcpProxy(server.port);
    await using cut = open(through(server, proxy.port), impatient);
    const insert = (what: string, idempotent: boolean): Promise<number> => {
      let tries = 0;
      return cut.write(
        async (t) => {
          tries += 1;
          await t.run('INSERT INTO written VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET number = 2', what);
          if (tries === 1) proxy.swallowAnswers();
          return tries;
        },
        { idempotent },
      );
    };
    expect(await refusal(server, insert('once', false))).toMatchObject({
      code: 'state_unknown',
      retryable: false,
    });
    expect(await insert('twice', true)).toBe(2);
    expect(server.query("SELECT * FROM written WHERE what IN ('once', 'twice') ORDER BY 1")).toBe(
      'once|1\ntwice|2',
    );
  });

  it('notices in bounded time that a connection is half open, idle or amid a transaction, and goes on once it is back', async () => {
    await using proxy = await startTcpProxy(server.port);
    await using other = open(through(server, proxy.port), impatient);
    await Promise.all([one(other), one(other), one(other)]);
    proxy.freeze();
    const before = performance.now();
    expect(await refusal(server, one(other))).toMatchObject({ code: 'state_unavailable', retryable: true });
    expect(performance.now() - before).toBeLessThan(3 * impatient.timeouts.connect);
    proxy.thaw();
    const amid = other.write(async (t) => {
      await t.run("INSERT INTO written VALUES ('amid', 1)");
      proxy.freeze();
      return t.run("INSERT INTO written VALUES ('amid too', 1)");
    });
    expect(await refusal(server, amid)).toMatchObject({ code: 'state_unavailable', retryable: true });
    proxy.cut();
    proxy.thaw();
    await one(other);
    await eventually(() =>
      expect(server.query("SELECT count(*) FROM written WHERE what = 'amid'")).toBe('0'),
    );
  });

  it('brings a schema up to date once, however many start at a time and of whatever version', async () => {
    const first = { sql: 'CREATE TABLE facts (n BIGINT)', readableFrom: 1 };
    const second = {
      sql: 'ALTER TABLE facts ADD COLUMN m BIGINT; INSERT INTO facts VALUES (1, 2)',
      readableFrom: 1,
    };
    const third = { sql: 'ALTER TABLE facts DROP COLUMN n', readableFrom: 3 };
    await Promise.all(
      [[first], [first, second], [first], [first, second], [first, second]].map(async (known) => {
        await using host = open(server.url());
        await migratePostgres(host, 'shared', known);
      }),
    );
    expect(server.query('SELECT n, m, version, readable_from FROM shared.facts, shared.lowtide_schema')).toBe(
      '1|2|2|1',
    );
    await migratePostgres(state, 'shared', [first, second, third]);
    const old = migratePostgres(state, 'shared', [first, second]);
    expect(await refusal(server, old)).toMatchObject({ code: 'state_invalid' });
    const broken = migratePostgres(state, 'shared', [
      first,
      second,
      third,
      { sql: 'CREATE TABLE x (n INT); nonsense', readableFrom: 3 },
    ]);
    await expect(broken).rejects.toThrow(/nonsense/);
    expect(server.query("SELECT version, to_regclass('shared.x') FROM shared.lowtide_schema")).toBe('3|');
    server.query('CREATE SCHEMA theirs; CREATE TABLE theirs.t (n INT)');
    expect(await refusal(server, migratePostgres(state, 'theirs', [first]))).toMatchObject({
      code: 'state_invalid',
    });
  });
});

describe('a state on two hosts', () => {
  it('is on the primary, wherever that is: stopped, started again, failed over', async () => {
    await using first = await startPostgres();
    first.query('CREATE TABLE written (what TEXT)');
    await using second = await first.standby();
    const url = first
      .url()
      .replace(`127.0.0.1:${first.port}`, `127.0.0.1:${second.port},127.0.0.1:${first.port}`);
    await using state = open(`${url}?target_session_attrs=read-write`, impatient);
    const write = (what: string): Promise<number> =>
      state.write((t) => t.run('INSERT INTO written VALUES (?)', what));
    await Promise.all([write('first'), write('first too')]);

    await first.crash();
    const error = await refusal(first, write('nowhere'));
    expect(error).toMatchObject({ code: 'state_unavailable', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${second.port}: is not the primary`);
    await first.restart();
    await eventually(() => write('again'));
    await eventually(() => expect(second.query('SELECT count(*) FROM written')).toBe('3'));

    first.pause();
    second.query('SELECT pg_promote()');
    await eventually(() => write('second'));
    expect(second.query('SELECT what FROM written ORDER BY 1')).toBe('again\nfirst\nfirst too\nsecond');
    first.resume();
    await write('second too');
    expect(first.query('SELECT count(*) FROM written')).toBe('3');
  });
});
