import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Drill } from '../../exporter/src/catalog/drills.ts';
import type { DrillRequest } from '../../exporter/src/drill/drills.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { TestInstallation } from '../servers/installation.ts';
import { startMariadb, type MariadbServer } from '../servers/mariadb.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { commandLines } from '../servers/processes.ts';
import { canMount, Disk } from './disks.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');
const patience = { timeout: 120_000, interval: 20 };

let lowtide: TestInstallation;
let postgres: PostgresServer;
let mariadb: MariadbServer;
/** Where drills put what they restore; short, as it has to hold a socket. */
let scratch: string;

const rows = (table: string, least: number): string => `rows: { ${table}: ${least} }`;

beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
  postgres.query("CREATE ROLE clerk LOGIN PASSWORD 'clerk-secret'; CREATE DATABASE shop");
  postgres.query(
    `CREATE TABLE orders (id serial PRIMARY KEY, total numeric);
     INSERT INTO orders (total) SELECT i / 7.0 FROM generate_series(1, 5000) i;
     CREATE TABLE clerks (name text);
     ALTER TABLE orders OWNER TO clerk;
     ALTER TABLE clerks ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON clerks TO clerk USING (name = current_user);`,
    'shop',
  );
  mariadb.query('CREATE DATABASE shop');
  mariadb.query('CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2), (3)', 'shop');
  const folder = '/var/tmp';
  lowtide = await TestInstallation.make(
    [
      `  - id: db
    source: { type: postgres, url: ${JSON.stringify(postgres.url('shop'))} }
    every: 1d
    stores: [local]
    verify:
      drill: 7d
      drill_checks: { ${rows('orders', 5000)}, max_restore_time: 1h, max_data_age: 1h, command: [./check.sh], env: { WANTED: ok } }`,
      `  - id: into
    source: { type: postgres, url: ${JSON.stringify(postgres.url('shop'))}, globals: none }
    every: 1d
    stores: [local]
    verify: { drill: 7d, drill_into: ${JSON.stringify(postgres.url('postgres'))}, drill_checks: { ${rows('public.orders', 5001)}, amcheck: false } }`,
      `  - id: mysql
    source: { type: mysql, url: ${JSON.stringify(mariadb.url('shop'))} }
    every: 1d
    stores: [local]
    verify: { drill: 7d, drill_into: ${JSON.stringify(mariadb.url('mysql'))}, drill_checks: { ${rows('orders', 3)} } }`,
      `  - id: own-mysql
    source: { type: mysql, url: ${JSON.stringify(mariadb.url('shop'))} }
    every: 1d
    stores: [local]
    verify: { drill: 7d, drill_checks: { ${rows('orders', 3)}, command: [./check-mysql.sh] } }`,
      `  - id: files
    source: { type: directory, path: ./files }
    every: 1d
    stores: [local]
    verify: { drill: 7d, drill_checks: { command: [./look.sh] } }`,
      `  - id: sqlite
    source: { type: sqlite, path: ./tides.sqlite }
    every: 1d
    stores: [local]
    verify: { drill: 7d, drill_checks: { ${rows('tides', 10)} } }`,
    ].join('\n'),
    { more: `drills: { folder: ${folder} }` },
  );
  scratch = folder;
  script('check.sh', 'test "$WANTED" = ok && test "$(psql -XAtc "SELECT count(*) FROM orders")" = 5000');
  script(
    'check-mysql.sh',
    'found=$(mariadb --no-defaults --user=root --batch -N -e "SELECT CONCAT_WS(0x2c, COUNT(*), @@skip_networking, @@event_scheduler) FROM orders" "$MYSQL_DATABASE")\ntest "$found" = 3,ON,OFF || { echo "found $found" >&2; exit 1; }',
  );
  script('look.sh', 'test "$(cat "$LOWTIDE_RESTORED/a")" = tide');
  mkdirSync(join(lowtide.folder, 'files'));
  writeFileSync(join(lowtide.folder, 'files', 'a'), 'tide');
  using database = new DatabaseSync(join(lowtide.folder, 'tides.sqlite'));
  database.exec(
    'CREATE TABLE tides (n); INSERT INTO tides WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT n FROM c',
  );
});
afterAll(async () => {
  await lowtide[Symbol.asyncDispose]();
  await Promise.all([postgres[Symbol.asyncDispose](), mariadb[Symbol.asyncDispose]()]);
});

/** A file that is not there yet: a check makes it once it has been reached. */
function freshMark(): string {
  return join(mkdtempSync(join(lowtide.folder, 'mark-')), 'reached');
}

function script(name: string, text: string): void {
  writeFileSync(join(lowtide.folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

async function drill(schedule: string, more: Partial<DrillRequest> = {}): Promise<Drill> {
  return await lowtide.opened.drills.run({
    schedule: lowtide.schedule(schedule),
    trigger: 'manual',
    signal: new AbortController().signal,
    ...more,
  });
}

async function nothingIsLeft(): Promise<void> {
  expect(readdirSync(scratch).filter((name) => name.startsWith('lowtide-drill-'))).toEqual([]);
  expect(postgres.query("SELECT datname FROM pg_database WHERE datname LIKE 'lowtide%'")).toBe('');
  expect(mariadb.query("SHOW DATABASES LIKE 'lowtide%'")).toBe('');
  expect(commandLines().filter((line) => line.includes('lowtide-drill-'))).toEqual([]);
  expect(await lowtide.opened.catalog.drills.withScratch()).toEqual([]);
}

describe('a restore drill', () => {
  it('restores PostgreSQL into a server of its own, with roles and owners, and looks at it', async () => {
    const backup = await lowtide.completed('db');
    const ended = await drill('db');
    expect(ended.error).toBeUndefined();
    expect(ended).toMatchObject({
      status: 'passed',
      backupId: backup.id,
      store: 'local',
      contents: { tables: 2, rows: 5000 },
      checks: [
        { name: 'max_restore_time', status: 'passed' },
        { name: 'max_data_age', status: 'passed' },
        { name: 'rows', status: 'passed' },
        { name: 'amcheck', status: 'passed' },
        { name: 'command', status: 'passed' },
      ],
      warnings: [],
    });
    expect(ended.restoreSeconds).toBeGreaterThan(0);
    expect(ended.dataAgeSeconds).toBeGreaterThan(0);
    expect(
      (await lowtide.opened.catalog.proofs()).find(({ schedule }) => schedule === 'db')?.restoredAt,
    ).toBe(ended.finishedAt);
    await nothingIsLeft();
  });

  it('restores MariaDB into a server of its own that opens no port, and looks at it', async () => {
    await lowtide.completed('own-mysql');
    const ended = await drill('own-mysql');
    expect(ended.error).toBeUndefined();
    expect(ended).toMatchObject({
      status: 'passed',
      contents: { tables: 1, rows: 3 },
      checks: [
        { name: 'rows', status: 'passed' },
        { name: 'command', status: 'passed' },
      ],
      warnings: [],
    });
    await nothingIsLeft();
  });

  it('restores into a database of its own on a server that the config names, and drops it though a check fails', async () => {
    await lowtide.completed('into');
    const ended = await drill('into');
    expect(ended).toMatchObject({
      status: 'failed',
      contents: { tables: 2, rows: 5000 },
      checks: [{ name: 'rows', status: 'failed' }],
      error: { code: 'drill_failed' },
    });
    expect(ended.error?.message).toContain('public.orders has 5000 rows, and should have 5001 at least');
    expect(JSON.stringify(ended)).not.toContain('s3cret');
    expect(
      (await lowtide.opened.catalog.proofs()).find(({ schedule }) => schedule === 'into')?.restoredAt,
    ).toBeUndefined();
    await nothingIsLeft();
  });

  it.each([
    ['mysql', { tables: 1, rows: 3 }],
    ['files', { files: 1, bytes: 4 }],
    ['sqlite', { tables: 1, rows: 10 }],
  ])('restores %s, and counts what is there', async (schedule, contents) => {
    await lowtide.completed(schedule);
    const ended = await drill(schedule);
    expect(ended.error).toBeUndefined();
    expect(ended).toMatchObject({ status: 'passed', contents });
    await nothingIsLeft();
  });

  it("fails with what a command of the user's own says", async () => {
    writeFileSync(join(lowtide.folder, 'files', 'a'), 'another');
    await lowtide.completed('files');
    script('look.sh', 'echo "this is not the tide" >&2; exit 3');
    const ended = await drill('files');
    expect(ended).toMatchObject({ status: 'failed', checks: [{ name: 'command', status: 'failed' }] });
    expect(ended.error?.message).toContain('failed with exit code 3: this is not the tide');
    const events = (await lowtide.opened.catalog.eventsAfter(0, 1000)).map(({ body }) => body);
    expect(events.at(-1)).toMatchObject({ name: 'drill:finished', status: 'failed', errorType: 'restore' });
    await nothingIsLeft();
  });

  it('fails where no copy can be restored, and marks the copy', async () => {
    const backup = await lowtide.completed('sqlite');
    truncateSync(backup.copies[0]?.path ?? '', 4200);
    const ended = await drill('sqlite', { backup });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'verification_failed' } });
    expect(ended.restoreSeconds).toBeUndefined();
    expect((await lowtide.opened.catalog.backup(backup.id))?.copies[0]?.status).toBe('damaged');
    // The next one takes a backup that has a good copy.
    expect((await drill('sqlite')).status).toBe('passed');
    await nothingIsLeft();
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const reached = freshMark();
    script('check.sh', `touch "${reached}"; sleep 60`);
    const control = new AbortController();
    const over = drill('db', { signal: control.signal });
    try {
      await vi.waitUntil(() => existsSync(reached), patience);
      await expect(drill('db')).rejects.toMatchObject({ code: 'run_active' });
    } finally {
      control.abort(new LowtideError('cancelled', 'cancelled by the test'));
    }
    expect(await over).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    await nothingIsLeft();
  });

  it.each([
    ['db', 'check.sh'],
    ['own-mysql', 'check-mysql.sh'],
  ])('of %s is cleaned up after by the next start when its process was killed', async (schedule, check) => {
    const reached = freshMark();
    script(check, `echo $$ > "${reached}"; exec sleep 60`);
    const child = spawn(process.execPath, [main, 'drill', schedule], {
      cwd: lowtide.folder,
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    let begun: Drill | undefined;
    try {
      await vi.waitUntil(() => existsSync(reached) && readFileSync(reached, 'utf8') !== '', patience);
      [begun] = await lowtide.opened.catalog.drills.list({ limit: 1 });
      expect(begun?.status).toBe('running');
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
    // The server goes with its process, without anybody's help.
    const servers = (): readonly string[] =>
      commandLines().filter((line) => line.includes(`${begun?.scratch.folder}/`));
    await vi.waitUntil(() => servers().length === 0, patience);
    expect(existsSync(begun?.scratch.folder ?? '')).toBe(true);

    const cutOff = await lowtide.opened.drills.recover();
    expect(cutOff).toMatchObject([{ id: begun?.id, status: 'interrupted' }]);
    process.kill(Number(readFileSync(reached, 'utf8')), 'SIGKILL');
    await nothingIsLeft();
  });

  it.skipIf(!canMount)('says that there is no room, before and while it restores', async () => {
    using disk = Disk.tmpfs('size=24m');
    const { drills } = await lowtide.opened.reconfigured({
      ...lowtide.opened.loaded,
      config: { ...lowtide.opened.config, drills: { folder: disk.path } },
    });
    const request = {
      trigger: 'manual',
      signal: new AbortController().signal,
    } as const;
    // A PostgreSQL that is empty has some 40 MB, a MariaDB three times that.
    for (const schedule of ['db', 'own-mysql']) {
      await lowtide.completed(schedule);
      const ended = await drills.run({ ...request, schedule: lowtide.schedule(schedule) });
      expect(ended).toMatchObject({ status: 'failed', error: { code: 'restore_failed' } });
      expect(ended.error?.hint).toContain('Make room there');
      expect(readdirSync(disk.path)).toEqual([]);
    }

    writeFileSync(join(lowtide.folder, 'files', 'large'), Buffer.alloc(30 * 2 ** 20));
    await lowtide.completed('files');
    const refused = await drills.run({ ...request, schedule: lowtide.schedule('files') });
    expect(refused.error?.message).toContain('there is no room for the drill');
    expect(readdirSync(disk.path)).toEqual([]);
    await nothingIsLeft();
  });
});
