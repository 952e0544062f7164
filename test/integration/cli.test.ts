import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../exporter/src/config/read.ts';
import { freePort } from '../servers/daemon.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');

interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lowtide(...args: string[]): End {
  const end = spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: end.status, stdout: end.stdout, stderr: end.stderr };
}

/** What `lowtide keys new` would do, and is not what is tried. */
async function makeFirstKey(): Promise<void> {
  await makeKey((await readConfig(join(folder, 'lowtide.yaml'), {})).config);
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what each command answers is the test's to say
function json<T>(end: End): T {
  return JSON.parse(end.stdout) as T;
}

describe('a first day with lowtide', () => {
  it('goes from init to a restore, a recovery by hand, and a catalog that was lost', () => {
    mkdirSync(join(folder, 'notes'));
    writeFileSync(join(folder, 'notes', 'a.txt'), 'first');
    const init = lowtide('init', '--source', 'notes');
    expect(init).toMatchObject({ code: 0, stderr: '' });
    expect(init.stdout).toContain('lowtide backup files');
    expect(lowtide('check-config')).toMatchObject({ code: 0, stderr: '' });

    const made = lowtide('backup', 'files', '--json');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const run = json<{ status: string; backupId: string; verification: { status: string }[] }>(made);
    expect(run).toMatchObject({ status: 'completed', verification: [{ store: 'local', status: 'passed' }] });

    const listed = json<Record<string, unknown>[]>(lowtide('backups', '--json'));
    expect(listed).toMatchObject([
      {
        id: run.backupId,
        schedule: 'files',
        type: 'files',
        status: 'completed',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        sizeBytes: expect.any(Number) as number,
        storedBytes: expect.any(Number) as number,
        keyId: expect.stringMatching(/^key-/) as string,
        copies: [{ store: 'local', status: 'good', path: expect.stringMatching(/^\/.+\.age$/) as string }],
      },
    ]);

    writeFileSync(join(folder, 'notes', 'a.txt'), 'second');
    const restored = lowtide('restore', run.backupId, '--to', 'back');
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(folder, 'back', 'a.txt'), 'utf8')).toBe('first');
    writeFileSync(join(folder, 'back', 'a.txt'), 'third');
    const refused = lowtide('restore', run.backupId, '--to', 'back', '--json');
    expect(refused.code).toBe(1);
    expect(json(refused)).toMatchObject({ error: { code: 'restore_target_exists' } });
    expect(readFileSync(join(folder, 'back', 'a.txt'), 'utf8')).toBe('third');
    expect(lowtide('restore', run.backupId, '--to', 'back', '--force').code).toBe(0);
    expect(readFileSync(join(folder, 'back', 'a.txt'), 'utf8')).toBe('first');

    const [key] = json<{ id: string; recipient: string; state: string; backups: number }[]>(
      lowtide('keys', '--json'),
    );
    expect(key).toMatchObject({
      state: 'active',
      backups: 1,
      recipient: expect.stringMatching(/^age1/) as string,
    });
    expect(lowtide('keys', 'export', key?.id ?? '', '--output', 'recovery.key').code).toBe(0);
    expect(statSync(join(folder, 'recovery.key')).mode & 0o777).toBe(0o600);
    const [copy] = (listed[0]?.['copies'] ?? []) as { path: string }[];
    const script = 'age -d -i recovery.key "$1" | zstd -d | tar -xO ./a.txt';
    const byHand = spawnSync('bash', ['-o', 'pipefail', '-c', script, '-', copy?.path ?? ''], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(byHand).toMatchObject({ status: 0, stdout: 'first' });

    rmSync(join(folder, 'data', 'state'), { recursive: true });
    expect(json(lowtide('backups', '--json'))).toEqual([]);
    expect(lowtide('backups').stdout).toContain('`lowtide catalog rebuild` brings them back');
    expect(json(lowtide('catalog', 'rebuild', '--json'))).toMatchObject({
      good: 1,
      damaged: 0,
      problems: [],
    });
    expect(json(lowtide('backups', '--json'))).toMatchObject([{ id: run.backupId }]);
    expect(lowtide('backups', 'verify', '--all')).toMatchObject({ code: 0 });
  });

  it('refuses to restore over its own store, keys, state or config, forced or not', () => {
    writeFileSync(join(folder, 'a.txt'), 'mine');
    lowtide('init');
    const { backupId } = json<{ backupId: string }>(lowtide('backup', 'files', '--json'));
    for (const target of ['.', 'data', 'data/backups', 'data/keys', 'data/state', 'lowtide.yaml']) {
      const end = lowtide('restore', backupId, '--to', target, '--force', '--json');
      expect(end.code).toBe(2);
      expect(json(end)).toMatchObject({ error: { code: 'usage' } });
    }
    expect(lowtide('backups', 'verify', '--all').code).toBe(0);
  });

  it('takes the target of a restore from a variable, for a command line is no secret', () => {
    writeFileSync(join(folder, 'a.txt'), 'mine');
    lowtide('init');
    const { backupId } = json<{ backupId: string }>(lowtide('backup', 'files', '--json'));
    expect(lowtide('restore', backupId, '--to', '${env:NO_SUCH_VARIABLE}')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not set') as string,
    });
    writeFileSync(join(folder, 'target'), `${join(folder, 'back')}\n`);
    expect(lowtide('restore', backupId, '--to', '${file:target}').code).toBe(0);
    expect(readFileSync(join(folder, 'back', 'a.txt'), 'utf8')).toBe('mine');
  });

  it('never writes over what is there', () => {
    expect(lowtide('init').code).toBe(0);
    const before = readFileSync(join(folder, 'lowtide.yaml'), 'utf8');
    expect(lowtide('init')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exists already') as string,
    });
    expect(readFileSync(join(folder, 'lowtide.yaml'), 'utf8')).toBe(before);
  });
});

describe('the exit code', () => {
  it.each([
    [['--help'], 0],
    [['--version'], 0],
    [[], 2],
    [['no-such-command'], 2],
    [['backup'], 2],
    [['backups', '--limit', '-3'], 2],
    [['backups', 'verify'], 2],
    [['serve', '--log.level', 'loud'], 2],
    [['check-config', '--config', 'missing.yaml'], 2],
  ])('of lowtide %j is %i', (args, code) => {
    expect(lowtide(...args).code).toBe(code);
  });

  it('does what was asked for when nobody reads on, and says nothing of it', () => {
    const script = '"$0" "$1" --help | true; echo "${PIPESTATUS[0]}"';
    const end = spawnSync('bash', ['-c', script, process.execPath, main], { encoding: 'utf8' });
    expect([end.stdout, end.stderr]).toEqual(['0\n', '']);
  });

  it('comes with JSON also for wrong usage', () => {
    const end = lowtide('restore', 'x', '--json');
    expect(end.code).toBe(2);
    expect(json(end)).toMatchObject({
      error: { code: 'usage', message: expect.stringContaining('--to') as string },
    });
  });

  it('is 1 for a copy whose manifest is damaged: a lost catalog could not bring it back', async () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    await makeFirstKey();
    lowtide('backup', 'c');
    const [backup] = json<{ copies: { path: string }[] }[]>(lowtide('backups', '--json'));
    writeFileSync(`${backup?.copies[0]?.path ?? ''}.json`, '{"formatVersion":1,');
    expect(lowtide('backups', 'verify', '--all')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('is damaged') as string,
    });
  });

  it('is 2 for a config with mistakes, each named with its place', () => {
    writeConfig(
      folder,
      '  - { id: x, source: { type: directory, path: . }, every: 1x, stores: [nowhere], widow: 1 }',
    );
    const end = lowtide('check-config');
    expect(end.code).toBe(2);
    expect(end.stdout).toBe('');
    expect(end.stderr.match(/^lowtide\.yaml:\d+:\d+ schedules\[0\]/gm)?.length).toBeGreaterThanOrEqual(3);
  });

  it('is 0 for a config with warnings, which check-config has, and others count', () => {
    writeConfig(folder, '  []', {
      more: 'server: { tokens: [{ name: a, role: viewer, token: a-token-in-clear }] }',
    });
    const check = lowtide('check-config');
    expect([check.code, check.stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: lowtide\.yaml:\d+:\d+ .*holds a secret in clear/m),
    ]);
    const count = check.stderr.match(/^warning: /gm)?.length ?? 0;
    expect(count).toBeGreaterThan(1);
    const list = lowtide('token', 'list');
    expect([list.code, list.stderr]).toEqual([
      0,
      `warning: lowtide.yaml: ${count} warnings; lowtide check-config has them\n`,
    ]);
  });

  it('is 1 for a backup that failed, with the reason and no secret', async () => {
    writeConfig(
      folder,
      `  - { id: db, source: { type: postgres, url: 'postgres://app:s3cret-pass@127.0.0.1:1/app' }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    await makeFirstKey();
    const end = lowtide('backup', 'db', '--json');
    expect(end.code).toBe(1);
    expect(json(end)).toMatchObject({ status: 'failed', error: { code: 'source_unreachable' } });
    expect(end.stdout + end.stderr).not.toContain('s3cret-pass');
  });

  it('is 2 for a schedule or a backup that does not exist, naming those that do', () => {
    writeConfig(
      folder,
      '  - { id: docs, source: { type: directory, path: docs }, every: 1d, stores: [local] }',
    );
    expect(lowtide('backup', 'other')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('docs') as string,
    });
    expect(lowtide('restore', 'nothing', '--to', 'x').code).toBe(2);
  });

  it('is 1 without a key, and says how to make one', () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    expect(lowtide('backup', 'c')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('lowtide keys new') as string,
    });
  });

  it('is 3 for a backup that one of its stores does not have', async () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local, second], keep: { last: 1 } }`,
      {
        stores:
          '{ local: { type: directory, path: ./backups }, second: { type: directory, path: ./second } }',
      },
    );
    await makeFirstKey();
    writeFileSync(join(folder, 'second'), 'in the way');
    const end = lowtide('backup', 'c', '--json');
    expect(end.code).toBe(3);
    expect(json(end)).toMatchObject({ status: 'completed' });
    expect(end.stderr).toContain('no copy in store second');
  });

  it('is 1 when a copy is damaged, and the restore of it is refused', async () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    await makeFirstKey();
    lowtide('backup', 'c');
    const [backup] = json<{ id: string; copies: { path: string }[] }[]>(lowtide('backups', '--json'));
    const path = backup?.copies[0]?.path ?? '';
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(path, bytes);
    const end = lowtide('backups', 'verify', backup?.id ?? '', '--json');
    expect(end.code).toBe(1);
    expect(json(end)).toMatchObject([
      { copies: [{ status: 'failed', error: { code: 'verification_failed' } }] },
    ]);
    expect(lowtide('restore', backup?.id ?? '', '--to', 'out').code).toBe(1);
    expect(() => statSync(join(folder, 'out'))).toThrow();
  });
});

describe('keys', () => {
  it('are made, taken over, retired and destroyed, but never while a backup needs them', () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    const first = json<{ id: string }>(lowtide('keys', 'new', '--json')).id;
    lowtide('backup', 'c');
    const second = json<{ id: string }>(lowtide('keys', 'new', '--kind', 'hybrid', '--json')).id;
    expect(lowtide('keys', 'retire', first)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('1 backup needs') as string,
    });
    lowtide('backup', 'c');
    expect(lowtide('keys', 'retire', first).code).toBe(0);
    expect(lowtide('keys', 'export', first, '--output', 'first.key').code).toBe(0);
    const unconfirmed = lowtide('keys', 'destroy', first);
    expect(unconfirmed.code).toBe(2);
    expect(unconfirmed.stderr).toMatch(/Crypto-shredded is every copy .* of 1 pruned backups of c \(/s);
    expect(statSync(join(folder, 'keys', `${first}.age`)).isFile()).toBe(true);
    const destroyed = lowtide('keys', 'destroy', first, '--confirm', first, '--json');
    expect(destroyed.code).toBe(0);
    expect(json(destroyed)).toMatchObject({
      id: first,
      state: 'destroyed',
      shredded: {
        prunedBackups: 1,
        schedules: ['c'],
        rotations: [],
        opensStill: [expect.stringMatching(/^its recovery files, .* once, .*first\.key/), expect.any(String)],
      },
    });
    expect(lowtide('keys', 'retire', second).code).toBe(1);
    writeFileSync(join(folder, 'mine.txt'), spawnSync('age-keygen', { encoding: 'utf8' }).stdout);
    expect(lowtide('keys', 'import', 'mine.txt').stdout).toContain('for backup; it is retiring');
    expect(json<{ state: string }[]>(lowtide('keys', '--json')).map((key) => key.state)).toEqual([
      'destroyed',
      'active',
      'retiring',
    ]);
  });

  it('tell which backups and copies depend on each, and are shown by backups --key', () => {
    writeConfig(
      folder,
      `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local, second] }`,
      { stores: '{ local: { type: directory, path: ./a }, second: { type: directory, path: ./b } }' },
    );
    const first = json<{ id: string }>(lowtide('keys', 'new', '--json')).id;
    const made = [1, 2].map(() => json<{ backupId: string }>(lowtide('backup', 'c', '--json')).backupId);
    const second = json<{ id: string }>(lowtide('keys', 'new', '--json')).id;
    lowtide('backup', 'c');
    expect(json(lowtide('keys', '--json'))).toMatchObject([
      { id: first, state: 'retiring', purpose: 'backup', backups: 2, copies: 4 },
      { id: second, state: 'active', purpose: 'backup', backups: 1, copies: 2, parentId: first },
    ]);
    expect(lowtide('keys').stdout).toMatch(/^KEY +STATE +PURPOSE +CREATED +BACKUPS +COPIES +BYTES/);
    const listed = json<{ id: string }[]>(lowtide('backups', '--key', first, '--json'));
    expect(listed.map(({ id }) => id)).toEqual(made.toReversed());
  });

  it('of recovery open backups whose own key is lost, and never become the one that seals', async () => {
    const schedule = `  - { id: c, source: { type: command, argv: [echo, precious] }, every: 1d, stores: [local] }`;
    const recovery = spawnSync('age-keygen', { encoding: 'utf8' }).stdout;
    const recipient = /age1\S+/.exec(recovery)?.[0] ?? '';
    writeConfig(folder, schedule, { recovery: [recipient] });
    await makeFirstKey();
    const { backupId } = json<{ backupId: string }>(lowtide('backup', 'c', '--json'));
    rmSync(join(folder, 'keys'), { recursive: true });
    expect(lowtide('restore', backupId, '--to', 'out').code).toBe(1);

    writeFileSync(join(folder, 'paper.txt'), recovery);
    const imported = lowtide('keys', 'import', 'paper.txt', '--json');
    expect(json(imported)).toMatchObject({ purpose: 'recovery', state: 'retiring' });
    expect(lowtide('backups', 'verify', backupId)).toMatchObject({ code: 0 });
    expect(lowtide('restore', backupId, '--to', 'out')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('precious\n');
    expect(lowtide('backup', 'c')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('lowtide keys new') as string,
    });
  });

  it('are exported to a printer without a file', () => {
    writeConfig(folder, `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local] }`);
    const { id, recipient } = json<{ id: string; recipient: string }>(lowtide('keys', 'new', '--json'));
    const printed = lowtide('keys', 'export', id, '--output', '-');
    expect(printed.code).toBe(0);
    const keygen = spawnSync('age-keygen', ['-y'], { input: printed.stdout, encoding: 'utf8' });
    expect(keygen.stdout.trim()).toBe(recipient);
    expect(lowtide('keys', 'export', id, '--output', '-', '--json').code).toBe(2);
    expect(lowtide('audit', 'verify').stdout).toContain('3 entries');
  });
});

/** `lowtide serve`, to be stopped. */
class Service implements AsyncDisposable {
  readonly address: string;
  readonly #child: ReturnType<typeof spawn>;
  readonly #ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], address: string) {
    this.address = address;
    this.#child = spawn(process.execPath, [main, 'serve', '--web.listen-address', address, ...args], {
      cwd: folder,
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  async said(text: string | RegExp): Promise<void> {
    const all = (): string => this.stdout + this.stderr;
    await vi.waitUntil(() => (typeof text === 'string' ? all().includes(text) : text.test(all())), {
      timeout: 30_000,
    });
  }

  async metrics(): Promise<string> {
    return await (await fetch(`http://${this.address}/metrics`)).text();
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}

async function serve(...args: string[]): Promise<Service> {
  const service = new Service(args, `127.0.0.1:${await freePort()}`);
  await service.said('lowtide is up');
  return service;
}

describe('lowtide serve', () => {
  const schedules = `  - { id: shop, source: { type: sqlite, path: FOLDER/shop.db }, every: 10s, stores: [local], keep: { last: 2 } }`;

  beforeEach(async () => {
    writeConfig(folder, schedules);
    using database = new DatabaseSync(join(folder, 'shop.db'));
    database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)');
    await makeFirstKey();
  });

  it('runs what is due, counts it for Prometheus, counts the same after a kill -9, and stops when told to', async () => {
    const counted = /^backup_total\{type="database",status="completed"\} (\d+)$/m;
    let total: number;
    {
      await using service = await serve();
      await service.said('backup completed');
      await eventually(async () => expect(await service.metrics()).toMatch(counted));
      const page = await service.metrics();
      total = Number(counted.exec(page)?.[1]);
      expect(total).toBeGreaterThanOrEqual(1);
      for (const line of [
        /^backup_verification_total\{status="passed"\} [1-9]/m,
        /^backup_success_rate\{type="database"\} 1$/m,
        /^backup_health_status\{check_type="encryption"\} 1$/m,
        /^backup_store_up\{store="local",cloud_provider="local"\} 1$/m,
        /^backup_schedule_interval_seconds\{schedule="shop"\} 10$/m,
        /^backup_last_success_timestamp_seconds\{schedule="shop"\} \d/m,
      ]) {
        expect(page).toMatch(line);
      }
      const lint = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' });
      expect(lint).toMatchObject({ status: 0, stdout: '', stderr: '' });

      const second = lowtide('serve', '--web.listen-address', '127.0.0.1:0');
      expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('already serves') as string });
      await service.end('SIGKILL');
    }
    await using again = await serve();
    const page = await again.metrics();
    expect(Number(counted.exec(page)?.[1])).toBeGreaterThanOrEqual(total);
    expect(page).toMatch(/^backup_last_success_timestamp_seconds\{schedule="shop"\} \d/m);
    expect(await again.end('SIGTERM')).toBe(0);
    expect(again.stderr).toContain('lowtide has stopped');
  });

  it('says so when its backups could not be opened: wrong passphrase, lost key, lost store', async () => {
    await using service = await serve();
    await service.said('backup completed');
    const health = async (check: string): Promise<boolean> => {
      const answer = await fetch(`http://${service.address}/-/ready`);
      const { checks } = (await answer.json()) as { checks: { type: string; ok: boolean }[] };
      return checks.find(({ type }) => type === check)?.ok ?? false;
    };
    expect(await health('encryption')).toBe(true);
    expect(await service.end('SIGTERM')).toBe(0);

    const config = readFileSync(join(folder, 'lowtide.yaml'), 'utf8');
    writeFileSync(
      join(folder, 'lowtide.yaml'),
      config.replace('a-passphrase-for-tests', 'another-passphrase'),
    );
    {
      await using other = await serve();
      const page = await other.metrics();
      expect(page).toContain('backup_health_status{check_type="encryption"} 0\n');
    }
    writeFileSync(join(folder, 'lowtide.yaml'), config);
    rmSync(join(folder, 'keys'), { recursive: true });
    rmSync(join(folder, 'backups'), { recursive: true });
    await makeFirstKey();
    await using later = await serve();
    await eventually(async () =>
      expect(await later.metrics()).toContain('backup_store_up{store="local",cloud_provider="local"} 0'),
    );
    expect(await later.metrics()).toContain('backup_health_status{check_type="encryption"} 0\n');
  });

  it('verifies after a kill -9 what had been stored and not yet verified', async () => {
    const backups = (): { id: string; copies: { verifiedAt?: string }[] }[] =>
      json(lowtide('backups', '--json'));
    lowtide('backup', 'shop');
    {
      using database = new DatabaseSync(join(folder, 'state', 'catalog.db'));
      database.exec('UPDATE copies SET verified_at = NULL, verification = NULL');
    }
    expect(backups()[0]?.copies[0]?.verifiedAt).toBeUndefined();
    await using service = await serve();
    await service.said('had not been verified was, and is whole');
  });

  it('makes the backup that is due though one by hand fails meanwhile', async () => {
    writeFileSync(join(folder, 'block'), '');
    writeConfig(
      folder,
      `  - { id: slow, source: { type: command, argv: [bash, -c, 'echo x; [ -e FOLDER/block ] || exit 0; until [ -e FOLDER/go ]; do sleep 0.1; done; exit 1'] }, every: 10s, max_delay: 10m, stores: [local], keep: { last: 2 } }`,
    );
    const byHand = spawn(process.execPath, [main, 'backup', 'slow'], { cwd: folder, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => byHand.once('close', resolve));
    await eventually(() => expect(runs('running')).toBe(1));
    await using service = await serve();
    await service.said('waits for a run that was started elsewhere');
    rmSync(join(folder, 'block'));
    writeFileSync(join(folder, 'go'), '');
    expect(await ended).toBe(1);
    await service.said('backup completed');
  });

  function runs(status: string): number {
    using database = new DatabaseSync(join(folder, 'state', 'catalog.db'), { readOnly: true });
    return Number(database.prepare('SELECT count(*) AS n FROM runs WHERE status = ?').get(status)?.['n']);
  }

  it('refuses an address that is taken', async () => {
    await using service = await serve();
    rmSync(join(folder, 'other'), { recursive: true, force: true });
    const other = writeConfig(join(folder, 'other'), schedules);
    const refused = lowtide('serve', '--config', other, '--web.listen-address', service.address);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('another program listens') as string,
    });
  });
});

describe('lowtide serve --quickstart', () => {
  it('makes something to back up, serves it, and says where to look', async () => {
    {
      await using service = await serve('--quickstart');
      await service.said('Your own data');
      expect(service.stdout).toContain(`curl -s http://${service.address}/metrics`);
      const config = join('data', 'quickstart', 'lowtide.yaml');
      expect(lowtide('backup', 'documents', '--config', config).code).toBe(0);
      expect(lowtide('backup', 'shop', '--config', config).code).toBe(0);
      expect(await service.end('SIGINT')).toBe(0);
    }
    await using again = await serve('--quickstart');
    expect(await again.metrics()).toMatch(/^backup_total\{type="files",status="completed"\} [1-9]\d*$/m);
  });

  it('serves the config that is there instead', async () => {
    writeConfig(
      folder,
      `  - { id: mine, source: { type: command, argv: [date] }, every: 1d, stores: [local], keep: { last: 1 } }`,
    );
    await makeFirstKey();
    await using service = await serve('--quickstart');
    expect(await service.metrics()).toContain('backup_running{schedule="mine"} 0');
    expect(service.stdout).toBe('');
  });
});

it('lowtide plan shows the next five starts of a schedule that is often due, and all when asked', () => {
  writeConfig(
    folder,
    '  - { id: often, source: { type: command, argv: [echo, x] }, every: 10m, stores: [local], keep: { last: 3 } }',
  );
  const starts = (end: End): number =>
    end.stdout.split('\n').filter((line) => line.startsWith('often')).length;
  const few = lowtide('plan', '--hours', '2');
  expect(starts(few)).toBe(5);
  expect(few.stderr).toMatch(/[67] more within 2 hours/);
  expect(starts(lowtide('plan', '--hours', '2', '--all'))).toBeGreaterThan(10);
  expect(json<unknown[]>(lowtide('plan', '--hours', '2', '--json')).length).toBeGreaterThan(10);
});

it('lowtide plan tells the first twenty of a host’s problems, and all when asked', () => {
  const whole = 'estimated_duration: 10m, resources: { cpu: 0.9, memory: 0.9 }';
  const often = (id: string): string =>
    `  - { id: ${id}, source: { type: command, argv: [echo, x] }, every: 10m, max_delay: 5m, ${whole}, stores: [local], keep: { last: 3 } }`;
  writeConfig(folder, ['a', 'b', 'c'].map(often).join('\n'));
  const problems = (end: End): number => end.stderr.match(/^problem: /gm)?.length ?? 0;
  const few = lowtide('plan');
  expect(problems(few)).toBe(20);
  expect(few.stderr).toMatch(/^\d+ more problems; with --all every one is shown\.$/m);
  expect(problems(lowtide('plan', '--all'))).toBeGreaterThan(20);
});

it('lowtide plan tells the first problem of each schedule, however many another one has', () => {
  const given = 'source: { type: command, argv: [echo, x] }, stores: [local], keep: { last: 3 }';
  writeConfig(
    folder,
    `  - { id: slow, ${given}, every: 10m, estimated_duration: 30m, max_delay: 5m }
  - { id: whole, ${given}, every: 1d, resources: { cpu: 1, memory: 1 } }`,
  );
  const { stderr } = lowtide('plan');
  expect(stderr.match(/^problem: slow /gm)?.length).toBeGreaterThan(17);
  expect(stderr).toMatch(/^problem: whole /m);
});
