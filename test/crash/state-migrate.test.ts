import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { complete } from '../conformance/catalog-given.ts';
import { canMount, Disk } from '../integration/disks.ts';
import { eventually } from '../servers/eventually.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { StateHost } from '../servers/state-host.ts';

/** So many that there is time to kill what writes or reads them. */
const events = 50_000;

let server: PostgresServer;
let root: string;
let catalogFile: string;
beforeAll(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-move-'));
  catalogFile = join(root, 'catalog.db');
  {
    await using catalog = openSqliteCatalog(join(root, 'made'));
    for (const id of ['b1', 'b2']) await complete(catalog, id);
  }
  using database = new DatabaseSync(join(root, 'made', 'catalog.db'));
  database.exec(`
    INSERT INTO events (at, body)
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${events})
      SELECT n, json_object('name', 'run:deferred', 'schedule', 'db-prod', 'reason', hex(randomblob(80))) FROM numbers;
    VACUUM INTO '${catalogFile}'`);
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

let hosts = 0;
const newHost = (): StateHost => new StateHost(root, `killed-${(hosts += 1)}`, server.url(), catalogFile);
const toPostgres = ['state', 'migrate', '--to', '${env:STATE_URL}'];

/** Looks often: what is waited for goes by. */
const promptly = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 20 });

/** Resolves once the move of this host does such a statement. */
async function does({ instance }: StateHost, statement: string): Promise<void> {
  await promptly(() => {
    const asked = server.query(
      `SELECT query FROM pg_stat_activity WHERE application_name = 'lowtide state migrate ${instance}'`,
    );
    expect(asked).toContain(statement);
  });
}

/** What the killed process has asked for is undone once the server notices. */
async function expectEmpty({ instance }: StateHost): Promise<void> {
  await eventually(() => {
    const left = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%${instance}'`;
    expect(server.query(left)).toBe('0');
  });
  for (const table of ['events', 'backups', 'runs', 'store_totals']) {
    expect(server.query(`SELECT count(*) FROM ${schemaOf(instance)}.${table}`)).toBe('0');
  }
}

describe('a move to PostgreSQL that is killed', () => {
  it.each([
    ['while it writes', 'INSERT INTO "events"'],
    ['while it reads back', 'FETCH'],
  ])('%s, leaves nothing there and the folder as it was; a second one moves all', async (_, statement) => {
    const host = newHost();
    const before = host.dump();
    {
      await using move = host.begin(...toPostgres);
      await does(host, statement);
      await move.kill();
    }
    expect(host.dump()).toEqual(before);
    await expectEmpty(host);
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
    expect(host.dump()).toEqual(before);
    expect(host.lowtide('state', 'migrate', '--from', '${env:STATE_URL}', '--to', 'back')).toMatchObject({
      code: 0,
    });
    expect(host.dump('back')).toEqual(before);
  });
});

describe('a move whose PostgreSQL crashes', () => {
  it('says so, and leaves nothing there', async () => {
    const host = newHost();
    const before = host.dump();
    {
      await using move = host.begin(...toPostgres, '--json');
      await does(host, 'INSERT INTO "events"');
      await server.crash();
      await server.restart();
      expect(JSON.parse(await move.answer())).toMatchObject({ error: { code: 'state_unavailable' } });
    }
    await expectEmpty(host);
    expect(host.dump()).toEqual(before);
    expect(host.lowtide(...toPostgres)).toMatchObject({ code: 0 });
  });
});

describe('a move into a folder that is killed', () => {
  it.each([
    ['when a little is written', 0.1],
    ['when most is written', 0.8],
  ])('%s, leaves no catalog there; a second one moves all', async (_, share) => {
    const host = newHost();
    const before = host.dump();
    const size = statSync(catalogFile).size;
    const partial = join(host.folder, 'new', 'catalog.db.partial');
    {
      await using move = host.begin('state', 'migrate', '--to', 'new');
      await promptly(() => {
        expect(statSync(partial).size).toBeGreaterThan(size * share);
      });
      await move.kill();
    }
    expect(host.dump()).toEqual(before);
    expect(existsSync(join(host.folder, 'new', 'catalog.db'))).toBe(false);
    expect(host.lowtide('state', 'migrate', '--to', 'new')).toMatchObject({ code: 0 });
    expect(existsSync(partial)).toBe(false);
    expect(host.dump('new')).toEqual(before);
  });
});

describe.skipIf(!canMount)('a move onto a disk that is too small (needs root to mount one)', () => {
  it('says so, leaves nothing there, and succeeds once there is room', () => {
    const host = newHost();
    const before = host.dump();
    {
      using disk = Disk.tmpfs('size=6m');
      const to = join(disk.path, 'state');
      const { code, said } = host.lowtide('state', 'migrate', '--to', to);
      expect(code).toBe(1);
      expect(said).toContain(`no room left on the disk for ${join(to, 'catalog.db')}`);
      expect(readdirSync(to).filter((name) => name.startsWith('catalog'))).toEqual([]);
    }
    expect(host.dump()).toEqual(before);
    using disk = Disk.tmpfs('size=200m');
    const to = join(disk.path, 'state');
    expect(host.lowtide('state', 'migrate', '--to', to)).toMatchObject({ code: 0 });
  });
});
