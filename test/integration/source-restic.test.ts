import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { TestInstallation } from '../servers/installation.ts';
import { eventually } from '../servers/eventually.ts';
import { program } from '../servers/programs.ts';

const password = 'low-tide-in-restic';

/** A repository to copy, with one snapshot: making one takes restic seconds. */
let template: string;
beforeAll(() => {
  template = mkdtempSync(join(tmpdir(), 'lowtide-restic-'));
  // restic finds out what half a second of this machine is worth, and makes its password cost that much each time it is opened.
  const slowly =
    'restic init -q & p=$!; while kill -STOP $p 2>&-; do sleep 0.05; kill -CONT $p; sleep 0.001; done; wait $p';
  const made = spawnSync('bash', ['-c', slowly], { encoding: 'utf8', env: environment(template) });
  if (made.status !== 0) throw new Error(made.stderr);
  // Somebody else's, with the same tag.
  restic(template, ['backup', '-q', '--tag=lowtide-schedule=home', '--host=elsewhere', import.meta.dirname]);
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

let at: TestInstallation;
afterEach(async () => await at[Symbol.asyncDispose]());

function environment(repository: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD: password,
    RESTIC_CACHE_DIR: join(template, 'cache'),
  };
}

function restic(repository: string, args: readonly string[]): string {
  const end = spawnSync('restic', args, { encoding: 'utf8', env: environment(repository) });
  if (end.status !== 0) throw new Error(end.stderr);
  return end.stdout;
}

const repository = (): string => join(at.folder, 'repo');
/** Whole ones: restic writes each under another name first. */
const locks = (): readonly string[] =>
  readdirSync(join(repository(), 'locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));

interface Listed {
  readonly short_id: string;
  readonly hostname: string;
  readonly tags?: readonly string[];
}
const snapshots = (): readonly Listed[] =>
  JSON.parse(restic(repository(), ['snapshots', '--json'])) as readonly Listed[];

interface SourceParts {
  readonly id?: string;
  readonly repo?: string;
  readonly password?: string;
  readonly more?: string;
  readonly rest?: string;
}

function schedule({
  id = 'home',
  repo = 'repo',
  password: word = password,
  more = '',
  rest = '',
}: SourceParts = {}): string {
  const env = `env: { RESTIC_CACHE_DIR: FOLDER/cache }`;
  const source = `{ type: restic, repository: ${repo}, password: ${word}, paths: [home], ${env}${more} }`;
  return `  - { id: ${id}, source: ${source}, every: 1d${rest} }`;
}

async function install(...schedules: readonly string[]): Promise<void> {
  at = await TestInstallation.make(schedules.join('\n'));
  cpSync(template, repository(), { recursive: true });
  mkdirSync(join(at.folder, 'home'));
  writeFileSync(join(at.folder, 'home', 'tide'), 'low');
}

describe('a restic repository', () => {
  it('is backed up to, and forgets by the rules of a schedule what is its own, and nothing else', async () => {
    await install(
      schedule({ more: ', tags: [nightly], exclude: ["*.tmp"]', rest: ', keep: { last: 2 }' }),
      schedule({ id: 'other', rest: ', verify: { after_backup: false }' }),
    );
    writeFileSync(join(at.folder, 'home', 'left.tmp'), 'out');
    const first = await at.completed('home');
    expect(first).toMatchObject({
      type: 'files',
      sizeBytes: 3,
      keyId: '',
      copies: [],
      snapshot: { status: 'good' },
    });
    await at.completed('other');
    writeFileSync(join(at.folder, 'home', 'more'), 'x'.repeat(100_000));
    const second = await at.completed('home');
    expect(second.sizeBytes).toBe(100_003);
    expect(second.storedBytes).toBeGreaterThan(0);
    const { run, pruned } = await at.backUp('home');
    expect((await at.backupOf(run)).storedBytes).toBeLessThan(10_000);
    expect(pruned?.removed).toBe(1);

    const { catalog } = at.opened;
    expect(await catalog.backup(first.id)).toMatchObject({
      status: 'pruned',
      snapshot: { status: 'pruned', pruneReason: 'no rule keeps it' },
    });
    const left = snapshots();
    const hosts = left.map(({ hostname, tags = [] }) => `${hostname} ${tags.join(' ')}`);
    expect(hosts.sort()).toEqual([
      'elsewhere lowtide-schedule=home',
      'test lowtide-schedule=home nightly',
      'test lowtide-schedule=home nightly',
      'test lowtide-schedule=other',
    ]);
    expect(await catalog.totals()).toMatchObject({ backupsByKey: {}, runningBySchedule: {} });
    expect(Object.keys((await catalog.totals()).lastSuccessBySchedule)).toEqual(['home', 'other']);

    restic(repository(), [
      'forget',
      '-q',
      ...left.filter(({ tags = [] }) => tags.includes('lowtide-schedule=other')).map((each) => each.short_id),
    ]);
    await at.opened.jobs.prune([at.schedule('other')], {
      signal: new AbortController().signal,
      scope: 'schedules',
    });
    expect(await catalog.backups({ schedule: 'other', limit: 9 })).toMatchObject([{ status: 'pruned' }]);
  });

  it('is restored from by restic, whose command line is named', async () => {
    await install(schedule({ rest: ', verify: { after_backup: false }' }));
    const backup = await at.completed('home');
    const restored = at.opened.jobs.restore(backup, join(at.folder, 'back'), {
      signal: new AbortController().signal,
      force: false,
    });
    const error = await restored.then(
      () => undefined,
      (thrown: unknown) => LowtideError.from(thrown),
    );
    expect(error).toMatchObject({ code: 'tool_owned' });
    const command = /restic -r (\S+) restore (\S+) --target/.exec(error?.hint ?? '');
    expect(command?.[1]).toBe(repository());
    restic(repository(), ['restore', command?.[2] ?? '', '--target', join(at.folder, 'back'), '-q']);
    expect(readFileSync(join(at.folder, 'back', at.folder, 'home', 'tide'), 'utf8')).toBe('low');
  });

  it('is not backed up to with a wrong password, nor where there is none, and each has its remedy', async () => {
    await install(schedule({ password: 'wrong-password' }), schedule({ id: 'lost', repo: 'nowhere' }));
    const { run: denied } = await at.backUp('home');
    expect(denied).toMatchObject({ status: 'failed', error: { code: 'repository_denied' } });
    const { run: lost } = await at.backUp('lost');
    expect(lost).toMatchObject({ status: 'failed', error: { code: 'repository_missing' } });
    expect(JSON.stringify([denied, lost])).not.toContain('wrong-password');
    rmSync(join(at.folder, 'home'), { recursive: true });
    const { run: empty } = await at.backUp('home');
    expect(empty).toMatchObject({ status: 'failed', error: { code: 'source_unreachable' } });
  });

  it('is left locked where it is, and says how a lock is taken away', async () => {
    await install(schedule());
    const lock = spawnSync(
      'bash',
      [
        '-c',
        'restic check >&/dev/null & p=$!; until ls "$RESTIC_REPOSITORY"/locks | grep -qx "[0-9a-f]\\{64\\}"; do :; done; kill -9 $p',
      ],
      {
        env: environment(repository()),
      },
    );
    expect(lock.status).toBe(0);
    const held = locks();
    expect(held).toHaveLength(1);
    const { run } = await at.backUp('home');
    expect(run.error).toMatchObject({
      code: 'repository_locked',
      hint: expect.stringContaining('restic unlock') as string,
    });
    expect(locks()).toEqual(held);
  });

  it('keeps what could be read, and names in a warning what could not', async () => {
    await install(
      schedule({ rest: ', verify: { after_backup: false }' }).replace(
        'paths: [home]',
        'paths: [home, /proc/self/mem]',
      ),
    );
    const { run } = await at.backUp('home');
    expect(run.status).toBe('completed');
    expect(run.warnings[0]).toContain('left out, it cannot be read: ');
    expect(run.warnings[0]).toContain('/mem');
  });

  it('is found damaged by a check, and then forgets nothing until it is sound again', async () => {
    await install(schedule({ more: ', read_data: all', rest: ', keep: { last: 1 }' }));
    const first = await at.completed('home');
    const data = join(repository(), 'data');
    const [pack] = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const path = join(pack?.parentPath ?? '', pack?.name ?? '');
    const whole = readFileSync(path);
    rmSync(path);
    writeFileSync(path, Buffer.from(whole).fill(0, 10, 20));
    const signal = new AbortController().signal;
    const { copies } = await at.opened.jobs.verify(first, { signal });
    expect(copies).toMatchObject([
      { store: 'restic', status: 'failed', error: { code: 'verification_failed' } },
    ]);
    expect((await at.opened.catalog.backup(first.id))?.snapshot?.status).toBe('damaged');
    expect((await at.opened.catalog.proofs())[0]?.newest.goodCopies).toBe(0);
    const { pruned } = await at.backUp('home');
    expect(pruned?.removed ?? 0).toBe(0);
    rmSync(path);
    writeFileSync(path, whole);
    expect((await at.opened.jobs.verify(first, { signal })).copies).toMatchObject([{ status: 'passed' }]);
    expect((await at.opened.catalog.backup(first.id))?.snapshot?.status).toBe('good');
  });

  describe('with much to look at', () => {
    /** Holes, which cost restic time and no room. */
    async function installLarge(): Promise<void> {
      await install(schedule({ rest: ', keep: { last: 9 }, verify: { after_backup: false }' }));
      writeFileSync(join(at.folder, 'home', 'large'), '');
      truncateSync(join(at.folder, 'home', 'large'), 8 * 2 ** 30);
    }

    it('is left without a lock and without a snapshot by a run that is cancelled', async () => {
      await installLarge();
      const control = new AbortController();
      let expected: number | undefined;
      const { run } = await at.backUp('home', {
        signal: control.signal,
        onProgress(bytes, expectedBytes) {
          expected = expectedBytes ?? expected;
          if (bytes > 0) control.abort(new LowtideError('cancelled', 'enough'));
        },
      });
      expect(run).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
      expect(expected).toBe(8 * 2 ** 30 + 3);
      expect(locks()).toEqual([]);
      expect(snapshots()).toHaveLength(1);
    });

    it('is left by a Lowtide that is killed as a restic that is killed leaves it, and the next Lowtide ends the run', async () => {
      await installLarge();
      const main = program('exporter/src/cli/main.ts');
      const killed = spawn(process.execPath, [main, 'backup', 'home', '--config', at.configFile], {
        stdio: 'ignore',
      });
      await eventually(() => expect(locks()).toHaveLength(1));
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      const [run] = await at.opened.jobs.recover(new AbortController().signal);
      expect(run).toMatchObject({ schedule: 'home', status: 'interrupted' });
      // What a kill has left is for a person to take away: it is in the way of nothing but forgetting.
      expect(locks()).toHaveLength(1);
      rmSync(join(at.folder, 'home', 'large'));
      const problems: LowtideError[] = [];
      const { run: next } = await at.backUp('home', { onProblem: (problem) => problems.push(problem) });
      expect(next.status).toBe('completed');
      expect(problems).toMatchObject([{ code: 'repository_locked' }]);
    });
  });
});
