import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { TestInstallation, type ConfigParts } from '../servers/installation.ts';
import { startMariadb, type MariadbServer } from '../servers/mariadb.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

const daily = 'every: 1d, stores: [local], keep: { last: 3 }';

let installation: TestInstallation | undefined;
async function install(schedules: string, parts?: ConfigParts): Promise<TestInstallation> {
  return (installation = await TestInstallation.make(schedules, parts));
}
afterEach(async () => {
  await installation?.[Symbol.asyncDispose]();
  installation = undefined;
});

function stored(at: TestInstallation, store = 'backups'): string[] {
  const folder = join(at.folder, store);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

/** What stock age and zstd make of the main part: all that somebody without Lowtide has. */
async function openByHand(at: TestInstallation, path: string): Promise<Buffer> {
  const command = 'age -d -i "$1" "$2" | zstd -d';
  const argv = ['-o', 'pipefail', '-c', command, 'bash', await at.identityFile(), path];
  const end = spawnSync('bash', argv, { maxBuffer: 2 ** 28 });
  expect(end.stderr.toString()).toBe('');
  expect(end.status).toBe(0);
  return end.stdout;
}

function makeShop(path: string, rows: number): void {
  using database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)');
  database.exec('BEGIN');
  const insert = database.prepare('INSERT INTO orders (what) VALUES (hex(randomblob(100)))');
  for (let row = 0; row < rows; row += 1) insert.run();
  database.exec('COMMIT');
}

describe('a run', () => {
  it('stores a folder as a file that age, zstd and tar open', async () => {
    const at = await install(`  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${daily} }`);
    mkdirSync(join(at.folder, 'docs'));
    writeFileSync(join(at.folder, 'docs', 'größe.txt'), 'hello');
    const backup = await at.completed('docs');
    const [copy] = backup.copies;
    const tar = await openByHand(at, copy?.path ?? '');
    const listed = spawnSync('tar', ['-xOf', '-', './größe.txt'], { input: tar });
    expect(listed.stdout.toString()).toBe('hello');
    const [part] = storedManifest(backup.manifest).parts;
    expect(part.sizeBytes).toBe(tar.length);
    expect(backup.sizeBytes).toBe(tar.length);
    const file = readFileSync(copy?.path ?? '');
    expect(file.length).toBe(backup.storedBytes);
    const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(hash(file.subarray(0, part.headerBytes))).toBe(part.headerSha256);
    expect(hash(file.subarray(part.headerBytes))).toBe(part.payloadSha256);
    expect(copy).toMatchObject({ store: 'local', status: 'good', verifiedAt: expect.any(Number) as number });
    expect(backup.manifest.tools).toMatchObject({
      tar: expect.stringContaining('GNU tar') as string,
      zstd: expect.stringMatching(/\d+\.\d+\.\d+/) as string,
    });
    expect(stored(at)).toEqual([`${backup.id}.tar.zst.age`, `${backup.id}.tar.zst.age.json`]);
    expect(readdirSync(join(at.folder, 'state', 'scratch'))).toEqual([]);
  });

  it('stores a SQLite database that is whole', async () => {
    const at = await install(`  - { id: shop, source: { type: sqlite, path: FOLDER/shop.db }, ${daily} }`);
    makeShop(join(at.folder, 'shop.db'), 1000);
    const backup = await at.completed('shop');
    writeFileSync(join(at.folder, 'copy.db'), await openByHand(at, backup.copies[0]?.path ?? ''));
    using copy = new DatabaseSync(join(at.folder, 'copy.db'));
    expect(copy.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 1000 });
    expect(backup.type).toBe('database');
  });

  it("stores a command's output, and neither its secrets nor anything when it fails", async () => {
    const at = await install(`  - id: cmd
    source: { type: command, argv: [bash, -c, 'echo "dump of $WHAT"; exit "$CODE"'], env: { WHAT: things, CODE: "0" } }
    every: 1d
    stores: [local]
    keep: { last: 2 }
  - id: broken
    source: { type: command, argv: [bash, -c, 'echo half of it; echo "$API_TOKEN is wrong" >&2; exit 3'], env: { API_TOKEN: hunter2hunter2 } }
    every: 1d
    stores: [local]
    keep: { last: 2 }`);
    const backup = await at.completed('cmd');
    expect((await openByHand(at, backup.copies[0]?.path ?? '')).toString()).toBe('dump of things\n');
    const before = stored(at);
    const { run } = await at.backUp('broken');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'source_failed' } });
    expect(JSON.stringify(run)).not.toContain('hunter2');
    expect(run.error?.message).toContain('exit code 3');
    expect(stored(at)).toEqual(before);
  });

  it('fails on a dump of nothing', async () => {
    const at = await install(`  - { id: nothing, source: { type: command, argv: ['true'] }, ${daily} }`);
    expect((await at.backUp('nothing')).run).toMatchObject({
      status: 'failed',
      error: { code: 'source_empty' },
    });
    expect(stored(at)).toEqual([]);
  });

  it('fails when its program is missing, or is killed', async () => {
    const at = await install(
      `  - { id: missing, source: { type: command, argv: [no-such-program] }, ${daily} }
  - { id: killed, source: { type: command, argv: [bash, -c, 'head -c 3000000 /dev/urandom; kill -9 $$'] }, ${daily} }`,
    );
    expect((await at.backUp('missing')).run).toMatchObject({ error: { code: 'tool_missing' } });
    expect((await at.backUp('killed')).run).toMatchObject({
      error: { code: 'source_failed', message: expect.stringContaining('SIGKILL') as string },
    });
    expect(stored(at)).toEqual([]);
  });

  it('ends as cancelled when it is told to stop, and leaves nothing running or lying', async () => {
    const at = await install(
      `  - { id: endless, source: { type: command, argv: [bash, -c, 'echo $$ > FOLDER/pid; exec cat /dev/urandom'] }, ${daily} }`,
    );
    const stop = new AbortController();
    const onProgress = (bytes: number): void => {
      if (bytes > 8 * 2 ** 20) stop.abort(new LowtideError('cancelled', 'enough'));
    };
    const { run } = await at.backUp('endless', { signal: stop.signal, onProgress });
    expect(run).toMatchObject({ status: 'cancelled', error: { code: 'cancelled', message: 'enough' } });
    expect(stored(at)).toEqual([]);
    const pid = Number(readFileSync(join(at.folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow();
    expect(readdirSync(join(at.folder, 'state', 'scratch'))).toEqual([]);
  });

  it('leaves nothing where all is stored, and it has become another host’s meanwhile', async () => {
    const at = await install(`  - { id: gone, source: { type: command, argv: [echo, all] }, ${daily} }`);
    const confirm = (): Promise<void> => {
      expect(stored(at)).toHaveLength(1);
      return Promise.reject(new LowtideError('claim_lost', 'it is another’s'));
    };
    const { run } = await at.backUp('gone', { confirm });
    expect(run).toMatchObject({ status: 'interrupted', error: { code: 'claim_lost' } });
    expect(stored(at)).toEqual([]);
  });

  it('ends in time when it is told to stop, though something its program started does not listen', async () => {
    const script = 'echo begun; (trap "" TERM; sleep 60) & touch FOLDER/ready; sleep 60';
    const at = await install(
      `  - { id: deaf, source: { type: command, argv: [bash, -c, '${script}'] }, ${daily} }`,
    );
    const stop = new AbortController();
    const run = at.backUp('deaf', { signal: stop.signal });
    await vi.waitUntil(() => existsSync(join(at.folder, 'ready')), { timeout: 10_000 });
    stop.abort(new LowtideError('cancelled', 'enough'));
    expect((await run).run.status).toBe('cancelled');
  });

  it('refuses a second one of the same schedule meanwhile', async () => {
    const at = await install(
      `  - { id: slow, source: { type: command, argv: [bash, -c, 'echo on; until [ -e FOLDER/gate ]; do sleep 0.05; done'] }, ${daily} }`,
    );
    const started = Promise.withResolvers<undefined>();
    const first = at.backUp('slow', { onStart: () => started.resolve(undefined) });
    await started.promise;
    await expect(at.backUp('slow')).rejects.toMatchObject({ code: 'run_active' });
    writeFileSync(join(at.folder, 'gate'), '');
    expect((await first).run.status).toBe('completed');
  });

  it('compresses in this process where there is no zstd, to files that zstd opens', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'lowtide-bin-'));
    const path = process.env['PATH'];
    for (const tool of ['tar', 'mkfifo', 'bash']) {
      spawnSync('ln', [
        '-s',
        spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim(),
        join(bin, tool),
      ]);
    }
    const at = await install(`  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${daily} }`);
    mkdirSync(join(at.folder, 'docs'));
    writeFileSync(join(at.folder, 'docs', 'a.txt'), 'a'.repeat(5_000_000));
    try {
      process.env['PATH'] = bin;
      const backup = await at.completed('docs');
      process.env['PATH'] = path;
      expect(backup.manifest.tools['zstd']).toContain('in Node.js');
      expect((await openByHand(at, backup.copies[0]?.path ?? '')).length).toBe(backup.sizeBytes);
    } finally {
      process.env['PATH'] = path;
      rmSync(bin, { recursive: true });
    }
  });

  it('prunes by the keep rules once the new backup has been verified', async () => {
    const at = await install(`  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${daily} }`);
    mkdirSync(join(at.folder, 'docs'));
    for (let index = 0; index < 5; index += 1) await at.completed('docs');
    expect(await at.opened.catalog.backups({ status: 'completed', limit: 10 })).toHaveLength(3);
    expect(stored(at)).toHaveLength(6);
  });

  it('records what a restart needs to count', async () => {
    const at = await install(`  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${daily} }`);
    mkdirSync(join(at.folder, 'docs'));
    await at.completed('docs');
    const events = (await at.opened.catalog.eventsAfter(0, 100)).map(({ body }) => body);
    expect(events).toMatchObject([
      { name: 'run:started', schedule: 'docs' },
      {
        name: 'run:finished',
        status: 'completed',
        type: 'files',
        sizeBytes: expect.any(Number) as number,
        encryptionSeconds: expect.any(Number) as number,
        uploads: [{ provider: 'local', seconds: expect.any(Number) as number }],
      },
      { name: 'backup:verified', status: 'passed' },
    ]);
  });

  it('seals to the recovery recipients as well', async () => {
    const keygen = spawnSync('age-keygen', { encoding: 'utf8' });
    const recipient = /public key: (\S+)/.exec(keygen.stdout)?.[1] ?? '';
    const at = await install(`  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${daily} }`, {
      recovery: [recipient],
    });
    mkdirSync(join(at.folder, 'docs'));
    const backup = await at.completed('docs');
    expect(storedManifest(backup.manifest).recipients).toEqual([
      (await at.opened.keystore.active()).recipient,
      recipient,
    ]);
    writeFileSync(join(at.folder, 'recovery.txt'), keygen.stdout);
    const end = spawnSync('age', ['-d', '-i', join(at.folder, 'recovery.txt'), backup.copies[0]?.path ?? '']);
    expect(end.status).toBe(0);
  });
});

describe('a run with two stores', () => {
  const stores =
    '{ local: { type: directory, path: ./backups }, second: { type: directory, path: ./second } }';
  const schedules = `  - { id: noise, source: { type: command, argv: [head, -c, '3000000', /dev/urandom] }, every: 1d, stores: [local, second], keep: { last: 2 } }`;

  it('fills both with the same bytes', async () => {
    const at = await install(schedules, { stores });
    const backup = await at.completed('noise');
    const [one, two] = backup.copies.map((copy) => readFileSync(copy.path));
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    expect(backup.copies.map(({ store, status }) => [store, status])).toEqual([
      ['local', 'good'],
      ['second', 'good'],
    ]);
  });

  it('completes without the one that fails, and says so', async () => {
    const at = await install(schedules, { stores });
    writeFileSync(join(at.folder, 'second'), 'a file where the folder should be');
    const { run, verification } = await at.backUp('noise');
    expect(run.status).toBe('completed');
    expect(run.warnings).toEqual([expect.stringContaining('no copy in store second')]);
    expect((await at.backupOf(run)).copies).toMatchObject([
      { store: 'local', status: 'good' },
      { store: 'second', status: 'failed' },
    ]);
    expect(verification?.copies).toMatchObject([{ store: 'local', status: 'passed' }]);
    expect(stored(at)).toHaveLength(2);
    const log = (await at.opened.catalog.runLogs.of(run.id)).map(
      ({ level, message }) => `${level}: ${message}`,
    );
    expect(log).toContainEqual(expect.stringMatching(/^warn: store second takes no more: ./));
    expect(log).toContainEqual(expect.stringMatching(/^info: the copy in store local is whole/));
  });

  it('fails when both do', async () => {
    const at = await install(schedules, { stores });
    for (const name of ['backups', 'second']) writeFileSync(join(at.folder, name), 'a file');
    const { run } = await at.backUp('noise');
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: expect.stringMatching(/^store_/) as string },
    });
  });
});

describe.skipIf(process.getuid?.() !== 0)('a run whose store is a small disk of its own (needs root)', () => {
  let disk: string;
  const mount = (...options: string[]): void => {
    const end = spawnSync('mount', ['-t', 'tmpfs', ...options, 'tmpfs', disk], { encoding: 'utf8' });
    if (end.status !== 0) throw new Error(end.stderr);
  };
  afterEach(() => {
    spawnSync('umount', [disk]);
    rmdirSync(disk);
  });

  it('fails when it is full, keeps the older backup whole, and leaves nothing half-done', async () => {
    disk = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    mount('-o', 'size=8m');
    const at = await install(
      `  - { id: noise, source: { type: command, argv: [bash, -c, 'head -c $(cat FOLDER/bytes) /dev/urandom'] }, ${daily} }`,
      { stores: `{ local: { type: directory, path: ${disk}/backups } }` },
    );
    writeFileSync(join(at.folder, 'bytes'), '1000000');
    const first = await at.completed('noise');
    writeFileSync(join(at.folder, 'bytes'), '50000000');
    const { run } = await at.backUp('noise');
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'store_full', hint: expect.stringContaining('Free') as string },
    });
    expect(readdirSync(join(disk, 'backups', 'noise'))).toHaveLength(2);
    const verdict = await at.opened.jobs.verify(first, { signal: new AbortController().signal });
    expect(verdict.copies).toMatchObject([{ status: 'passed' }]);
    writeFileSync(join(at.folder, 'bytes'), '2000000');
    await at.completed('noise');
  });

  it('fails when it is read-only', async () => {
    disk = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    mount('-o', 'ro');
    const at = await install(
      `  - { id: noise, source: { type: command, argv: [head, -c, '1000', /dev/urandom] }, ${daily} }`,
      { stores: `{ local: { type: directory, path: ${disk}/backups } }` },
    );
    expect((await at.backUp('noise')).run).toMatchObject({
      status: 'failed',
      error: { code: 'store_denied' },
    });
  });
});

describe('a run on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    server.query('CREATE DATABASE shop');
    server.query('CREATE TABLE t AS SELECT i, md5(i::text) AS what FROM generate_series(1, 50000) i', 'shop');
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const schedules = (url: string): string =>
    `  - { id: db, source: { type: postgres, url: '${url}' }, ${daily} }`;

  it('stores a dump whose table of contents pg_restore lists, and the globals beside it', async () => {
    const at = await install(schedules(server.url('shop')));
    const backup = await at.completed('db');
    const dump = await openByHand(at, backup.copies[0]?.path ?? '');
    const list = spawnSync('pg_restore', ['-l'], { input: dump, encoding: 'utf8' });
    expect(list.stdout).toMatch(/TABLE DATA public t postgres/);
    expect(stored(at)).toEqual([
      `${backup.id}.globals.sql.zst.age`,
      `${backup.id}.pgdump.zst.age`,
      `${backup.id}.pgdump.zst.age.json`,
    ]);
  });

  it('fails with a wrong password, without telling it', async () => {
    const at = await install(schedules(server.url('shop', { password: 'wrong-secret' })));
    const { run } = await at.backUp('db');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'source_unreachable' } });
    expect(JSON.stringify([run, await at.opened.catalog.eventsAfter(0, 10)])).not.toContain('wrong-secret');
    expect(stored(at)).toEqual([]);
  });

  it('fails when the server goes away in the middle, and stores nothing', async () => {
    await using doomed = await startPostgres();
    doomed.query(
      "CREATE TABLE wide AS SELECT i, md5(random()::text) || repeat('x', 900) AS w FROM generate_series(1, 200000) i",
    );
    const at = await install(schedules(doomed.adminUrl));
    let crashed: Promise<void> | undefined;
    const { run } = await at.backUp('db', {
      onProgress: (bytes) => {
        if (bytes > 2 ** 20) crashed ??= doomed.crash();
      },
    });
    await crashed;
    expect(run).toMatchObject({ status: 'failed', error: { code: 'source_failed' } });
    expect(stored(at)).toEqual([]);
  });
});

describe('a run on MariaDB', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startMariadb();
    server.query('CREATE DATABASE shop');
    server.query('CREATE TABLE t (id INT PRIMARY KEY, what TEXT); INSERT INTO t VALUES (1, "größe")', 'shop');
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  it('stores SQL that ends as a whole dump does', async () => {
    const at = await install(
      `  - { id: db, source: { type: mysql, url: ${JSON.stringify(server.url('shop'))} }, ${daily} }`,
    );
    const backup = await at.completed('db');
    const sql = (await openByHand(at, backup.copies[0]?.path ?? '')).toString();
    expect(sql).toContain('größe');
    expect(sql.trimEnd()).toMatch(/-- Dump completed[^\n]*$/);
  });
});
