import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { Journal } from '../../exporter/src/catalog/stand-in/journal.ts';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { acquireServiceLock } from '../../exporter/src/catalog/ownership.ts';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { complete, snapshot } from '../conformance/catalog-given.ts';
import { newRun } from '../conformance/catalog-samples.ts';
import { livedIn } from '../servers/lived-in.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { StateHost } from '../servers/state-host.ts';

let server: PostgresServer;
let root: string;
/** A catalog in which everything has happened that there is. */
let catalogFile: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-move-'));
  catalogFile = join(root, 'lived-in.db');
  server = await startPostgres();
  await using life = await livedIn();
  await life.service.end();
  using database = new DatabaseSync(join(life.service.installation.folder, 'state', 'catalog.db'));
  database.exec(`VACUUM INTO '${catalogFile}'`);
}, 180_000);
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

let hosts = 0;
const newHost = (catalog?: string): StateHost =>
  new StateHost(root, `host-${(hosts += 1)}`, server.url(), catalog);
const livedInHost = (): StateHost => newHost(catalogFile);
const toPostgres = ['state', 'migrate', '--to', '${env:STATE_URL}'];

async function opened(host: StateHost): Promise<Catalog> {
  const postgres = openPostgres(server.url(), { applicationName: 'tests' });
  return await openPostgresCatalog(postgres, {
    instance: host.instance,
    folder: join(host.folder, 'data', 'local'),
    assertOurs: () => Promise.resolve(),
  });
}

/** How many rows each table of the host has in PostgreSQL, where there is any. */
function countsOf(host: StateHost): Record<string, number> {
  const schema = schemaOf(host.instance);
  const tables = server
    .query(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace('${schema}')`)
    .split('\n')
    .filter((name) => !['', 'owners', 'lowtide_schema'].includes(name));
  const counts = tables.map((table) => `SELECT '${table}', count(*) FROM ${schema}.${table}`);
  const rows = server.query(counts.join(' UNION ALL ')).split('\n');
  return Object.fromEntries(
    rows
      .map((row) => row.split('|'))
      .filter(([, count]) => count !== '0')
      .map(([table = '', count]) => [table, Number(count)]),
  );
}

describe('a state in a folder, moved to PostgreSQL', () => {
  it('is all there, with its numbers and totals; the folder and the config stay as they were', async () => {
    const host = livedInHost();
    const before = host.dump();
    const file = join(host.folder, 'lowtide.yaml');
    const config = readFileSync(file, 'utf8');
    const answer = host.json(...toPostgres) as { rows: Record<string, number> };
    expect(answer).toMatchObject({
      from: join(host.folder, 'state'),
      changedTexts: 0,
      configLine: 'state: ${env:STATE_URL}',
    });
    expect(host.dump()).toEqual(before);
    expect(readFileSync(file, 'utf8')).toBe(config);
    const filled = Object.fromEntries(Object.entries(answer.rows).filter(([, count]) => count > 0));
    expect(countsOf(host)).toEqual(filled);
    // What has happened there leaves few tables out.
    expect(Object.keys(filled).length).toBeGreaterThan(15);

    await using old = openSqliteCatalog(join(host.folder, 'state'));
    await using moved = await opened(host);
    expect(await snapshot(moved)).toEqual(await snapshot(old));
    for (const each of [moved, old]) await complete(each, 'next', { schedule: 'docs', type: 'files' });
    expect(await snapshot(moved)).toEqual(await snapshot(old));
  });

  it('comes back from there to the same rows', () => {
    const host = livedInHost();
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    host.keepIn('${env:STATE_URL}');
    const back = host.lowtide('state', 'migrate', '--to', 'sqlite:./back/state');
    expect(back).toMatchObject({ code: 0 });
    expect(back.out).toContain('  state: ./back/state');
    const files = readdirSync(join(host.folder, 'back', 'state'));
    expect(files.filter((name) => name.startsWith('catalog'))).toEqual(['catalog.db']);
    expect(host.dump('back/state')).toEqual(host.dump());
  });

  it('goes from one PostgreSQL to another as well', () => {
    const host = livedInHost();
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    server.newDatabase('other');
    host.env['OTHER_URL'] = server.url('other');
    const move = ['state', 'migrate', '--from', '${env:STATE_URL}', '--to', '${env:OTHER_URL}'];
    expect(host.lowtide(...move)).toMatchObject({ code: 0 });
    const back = ['state', 'migrate', '--from', '${env:OTHER_URL}', '--to', 'back'];
    expect(host.lowtide(...back)).toMatchObject({ code: 0 });
    expect(host.dump('back')).toEqual(host.dump());
  });

  it('has U+FFFD where a text had a NUL, and says how many there were', () => {
    const host = livedInHost();
    {
      using database = new DatabaseSync(join(host.folder, 'state', 'catalog.db'));
      database.exec(`UPDATE run_log_lines SET message = 'a' || char(0) || 'b' WHERE number = 2`);
    }
    const { code, said } = host.lowtide(...toPostgres);
    expect(code).toBe(0);
    const lines = Number(
      server.query(
        `SELECT count(*) FROM ${schemaOf(host.instance)}.run_log_lines WHERE message = 'a\uFFFDb'`,
      ),
    );
    expect(lines).toBeGreaterThan(1);
    expect(said).toContain(`${lines} texts had a NUL`);
  });
});

/** On PostgreSQL a host is first to be found that plans for all. */
const planned = { timeout: 90_000, interval: 200 };

describe('a service', () => {
  it('goes on with the moved state: tokens, audit log, requests, added schedules, and nothing runs twice', async () => {
    const host = newHost();
    expect(host.lowtide('keys', 'new')).toMatchObject({ code: 0 });
    const token = (host.json('token', 'create', 'grafana', '--role', 'admin') as { token: string }).token;
    const headers = { 'idempotency-key': 'once' };
    /** When what was run was due, newest first; it has to be one more than before. */
    const dueTimes = async (service: ServeProcess, before: number): Promise<string[]> =>
      await vi.waitFor(async () => {
        const { body } = await service.call('/runs?schedule=tick&status=completed');
        const times = (body['items'] as { dueAt: string }[]).map(({ dueAt }) => dueAt);
        expect(times.length).toBeGreaterThan(before);
        return times;
      }, planned);
    let first: unknown;
    let ticks: string[];
    {
      await using service = await ServeProcess.startIn(host.folder, host.env);
      ticks = await dueTimes(service, 0);
      first = (await service.post('/schedules/docs/run?wait=true', { headers })).body;
      expect(await service.post('/schedules/added', { body: { like: 'docs', every: '6h' } })).toMatchObject({
        status: 201,
      });
      ticks = await dueTimes(service, ticks.length - 1);
      service.signal('SIGTERM');
      expect(await service.ended()).toBe(0);
    }
    const audited = host.json('audit', 'verify') as { head: string; entries: number };
    expect(audited.entries).toBeGreaterThan(2);
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    host.keepIn('${env:STATE_URL}');
    host.forget('state');
    expect(host.json('audit', 'verify', '--head', audited.head)).toEqual({ ...audited, hasNoted: true });

    await using service = await ServeProcess.startIn(host.folder, host.env);
    expect(await service.call('/status', { token })).toMatchObject({ status: 200 });
    const again = await service.post('/schedules/docs/run?wait=true', { headers });
    expect(again.body).toEqual(first);
    expect(await service.call('/schedules/added')).toMatchObject({ status: 200, body: { id: 'added' } });
    const docs = (await service.call('/runs?schedule=docs')).body['items'];
    expect(docs).toMatchObject([{ trigger: 'api' }]);
    const all = await dueTimes(service, ticks.length);
    expect(all.slice(-ticks.length)).toEqual(ticks);
    expect(new Set(all).size).toBe(all.length);
    expect(all.toSorted().toReversed()).toEqual(all);
    const made = await service.post('/schedules/docs/run?wait=true');
    expect(made.body).toMatchObject({ status: 'completed' });
  }, 180_000);
});

describe('a state is not moved', () => {
  const refused = (host: StateHost, code: string, ...args: string[]): string => {
    const { out, said } = host.lowtide('state', 'migrate', '--json', ...args);
    expect(JSON.parse(out)).toMatchObject({ error: { code } });
    return said;
  };
  const url = '${env:STATE_URL}';

  it('to a PostgreSQL where the host has one', () => {
    const host = livedInHost();
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    const before = countsOf(host);
    expect(refused(host, 'state_exists', '--to', url)).toContain('holds a state already');
    expect(countsOf(host)).toEqual(before);
  });

  it('to itself, however it is written', () => {
    const host = livedInHost();
    expect(refused(host, 'usage', '--to', 'sqlite:./data/../state')).toContain('is both');
    host.env['ALIAS'] = server.url().replace('127.0.0.1', 'localhost');
    expect(refused(host, 'usage', '--from', url, '--to', '${env:ALIAS}')).toContain('is both');
  });

  it('from where there is none', () => {
    const host = newHost();
    expect(refused(host, 'not_found', '--to', url)).toContain(join(host.folder, 'state'));
    expect(refused(host, 'not_found', '--from', url, '--to', 'new')).toContain(host.instance);
    expect(existsSync(join(host.folder, 'new'))).toBe(false);
  });

  it('while a service is on it, or anybody has it open', async () => {
    const host = livedInHost();
    {
      using _serving = acquireServiceLock(join(host.folder, 'state'));
      expect(refused(host, 'state_busy', '--to', url)).toContain(`process ${process.pid}`);
    }
    {
      await using _catalog = openSqliteCatalog(join(host.folder, 'state'));
      expect(refused(host, 'state_busy', '--to', url)).toContain('in use');
    }
    {
      // At another home, as on another host.
      await using _catalog = await opened(host);
      expect(refused(host, 'state_busy', '--to', url)).toContain('in use');
    }
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    host.keepIn(url);
    {
      // At the same home: its lock tells.
      await using _catalog = await opened(host);
      expect(refused(host, 'state_busy', '--to', 'back')).toContain('in use');
      server.query(`UPDATE ${schemaOf(host.instance)}.owners SET seen_at = now() - interval '1 hour'`);
      expect(refused(host, 'state_busy', '--to', 'back')).toContain('in use');
    }
    expect(host.lowtide('state', 'migrate', '--to', 'back')).toMatchObject({ code: 0 });
  });

  it('with work in it that has not ended', async () => {
    const host = livedInHost();
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    {
      await using catalog = await opened(host);
      await catalog.startRun(newRun('left-over', { schedule: 'docs' }));
    }
    host.keepIn(url);
    expect(refused(host, 'run_active', '--to', 'back')).toContain('run left-over');
    expect(existsSync(join(host.folder, 'back', 'catalog.db'))).toBe(false);
  });

  it('while something waits on the host to be delivered to it', () => {
    const host = livedInHost();
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    host.keepIn(url);
    const folder = join(host.folder, 'data', 'local', 'stand-in', schemaOf(host.instance));
    {
      using journal = Journal.open(folder);
      journal.note({ name: 'settle', schedule: 'docs', until: 0 }, false, () => undefined);
      expect(refused(host, 'state_busy', '--to', 'back')).toContain('another process serves');
    }
    expect(refused(host, 'run_active', '--to', 'back')).toContain('not on record yet');
  });

  it('from or to a version that another Lowtide has written', () => {
    const host = livedInHost();
    const schema = schemaOf(host.instance);
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    server.query(`UPDATE ${schema}.lowtide_schema SET version = 99`);
    expect(refused(host, 'state_invalid', '--from', url, '--to', 'back')).toContain('has version 99');
    expect(refused(host, 'state_invalid', '--to', url)).toContain('has version 99');
    server.query(`UPDATE ${schema}.lowtide_schema SET readable_from = 99`);
    expect(refused(host, 'state_invalid', '--to', url)).toContain('can be read from 99 on');
  });

  it('with a password on the command line, which nobody gets to see', () => {
    const host = livedInHost();
    const said = refused(host, 'usage', '--to', 'postgres://lowtide:hunter2@127.0.0.1:1/lowtide');
    expect(said).not.toContain('hunter2');
    host.env['AWAY'] = 'postgres://lowtide:hunter2@127.0.0.1:1/lowtide';
    writeFileSync(join(host.folder, 'away'), `${host.env['AWAY']}\n`);
    for (const away of ['${env:AWAY}', '${file:away}']) {
      const unavailable = refused(host, 'state_unavailable', '--to', away);
      expect(unavailable).toContain('127.0.0.1:1');
      expect(unavailable).not.toContain('hunter2');
    }
    expect(refused(host, 'usage', '--to', 'mysql://db/x')).toContain('no state');
    expect(refused(host, 'usage', '--to', '${env:MISSING}')).toContain('MISSING');
  });
});
