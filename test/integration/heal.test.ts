import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup, Copy } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import type { HealOutcome, HealTask } from '../../exporter/src/heal/heal.ts';
import { HealPolicy } from '../../exporter/src/service/heal-policy.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { eventually } from '../servers/eventually.ts';
import { TestInstallation } from '../servers/installation.ts';
import { canMount, Disk } from './disks.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');
const { signal } = new AbortController();
const source = `source: { type: command, argv: [bash, -c, 'head -c 300000 /dev/urandom'] }`;
const schedules = `  - { id: both, ${source}, every: 1d, stores: [local, offsite], keep: { last: 2 } }`;
const stores =
  '{ local: { type: directory, path: ./backups }, offsite: { type: directory, path: ./offsite } }';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules, { stores });
});
afterEach(() => installation[Symbol.asyncDispose]());

const at = (name: string): string => join(installation.folder, name);
const copyIn = async (store: string, id: string): Promise<Copy | undefined> =>
  (await installation.opened.catalog.backup(id))?.copies.find((copy) => copy.store === store);
const statuses = async (id: string): Promise<readonly string[]> =>
  (await installation.opened.catalog.backup(id))?.copies.map(({ status }) => status) ?? [];

/** A file stands where the folder of the store should be. */
async function madeWhileDown(): Promise<Backup> {
  writeFileSync(at('offsite'), '');
  const backup = await installation.completed('both');
  expect(await statuses(backup.id)).toEqual(['good', 'failed']);
  rmSync(at('offsite'));
  return backup;
}

function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function tasks(): Promise<readonly HealTask[]> {
  return (await installation.opened.healer.plan()).tasks;
}

async function healAll(): Promise<readonly HealOutcome[]> {
  const outcomes: HealOutcome[] = [];
  for (const task of await tasks()) outcomes.push(await installation.opened.healer.heal(task, { signal }));
  return outcomes;
}

async function verdicts(id: string): Promise<readonly string[]> {
  const { catalog, jobs } = installation.opened;
  const backup = await catalog.backup(id);
  if (backup === undefined) throw new Error(`there is no backup ${id}`);
  return (await jobs.verify(backup, { signal })).copies.map(({ status }) => status);
}

it('makes the copy that a store which was down has missed, equal byte by byte', async () => {
  const backup = await madeWhileDown();
  expect(await healAll()).toMatchObject([{ status: 'healed' }]);
  const { path } = (await copyIn('offsite', backup.id)) ?? { path: '' };
  expect(readFileSync(path)).toEqual(readFileSync((await copyIn('local', backup.id))?.path ?? ''));
  expect(await verdicts(backup.id)).toEqual(['passed', 'passed']);
  expect(await tasks()).toEqual([]);
});

it('tries again where the store is still down, and says why it is so', async () => {
  const backup = await madeWhileDown();
  writeFileSync(at('offsite'), '');
  expect(await healAll()).toMatchObject([{ status: 'failed', error: { code: 'store_unavailable' } }]);
  expect(await copyIn('offsite', backup.id)).toMatchObject({
    status: 'failed',
    error: /a file stands where/ as never,
  });
});

it.each(['local', 'offsite'])(
  'a copy in %s whose bits have flipped is made good from the other one',
  async (store) => {
    const { id } = await installation.completed('both');
    spoil((await copyIn(store, id))?.path ?? '');
    expect(await verdicts(id)).toContain('failed');
    expect(await healAll()).toMatchObject([{ status: 'healed' }]);
    expect(await statuses(id)).toEqual(['good', 'good']);
    expect(await verdicts(id)).toEqual(['passed', 'passed']);
  },
);

it('a source that turns out to be damaged is marked, and with no good one left nothing is touched', async () => {
  const { id } = await installation.completed('both');
  const [local, offsite] = [
    (await copyIn('local', id))?.path ?? '',
    (await copyIn('offsite', id))?.path ?? '',
  ];
  spoil(offsite);
  expect(await verdicts(id)).toEqual(['passed', 'failed']);
  spoil(local);
  const before = readFileSync(offsite);
  expect(await healAll()).toMatchObject([{ status: 'failed', error: { code: 'verification_failed' } }]);
  expect(readFileSync(offsite)).toEqual(before);
  expect(await statuses(id)).toEqual(['damaged', 'damaged']);
  expect(await installation.opened.healer.plan()).toEqual({
    tasks: [],
    lost: [{ backupId: id, schedule: 'both' }],
  });
  expect(readdirSync(at('offsite/both')).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

it('makes nothing good that would be pruned at once', async () => {
  const first = await madeWhileDown();
  await installation.completed('both');
  expect((await tasks()).map(({ backupId }) => backupId)).toEqual([first.id]);
  await installation.completed('both');
  expect(await tasks()).toEqual([]);
});

it('gives back to a store what was deleted there by other hands, and not to a disk that is not mounted', async () => {
  const [first, second] = [await installation.completed('both'), await installation.completed('both')];
  spoil((await copyIn('offsite', first.id))?.path ?? '');
  await verdicts(first.id);
  renameSync(at('offsite'), at('unmounted'));
  expect(await healAll()).toMatchObject([{ status: 'failed', error: { code: 'store_missing_object' } }]);
  renameSync(at('unmounted'), at('offsite'));
  rmSync((await copyIn('offsite', first.id))?.path ?? '');
  expect(await healAll()).toMatchObject([{ status: 'healed' }]);
  expect([await statuses(first.id), await statuses(second.id)]).toEqual([
    ['good', 'good'],
    ['good', 'good'],
  ]);
});

it('a copy made while the keys are rotated is sealed as the others, or made once they are', async () => {
  const { id } = await madeWhileDown();
  const [task] = await tasks();
  if (task === undefined) throw new Error('there is nothing to be made good');
  const { rotator, healer } = installation.opened;
  let rotated = false;
  const turn = async (): Promise<void> => {
    if (rotated) return;
    rotated = true;
    await rotator.rotate({ mode: 'reencrypt', trigger: 'manual' }, { signal });
  };
  const outcome = await healer.heal(task, { signal, turn });
  expect(outcome).toMatchObject({ status: 'skipped', error: { code: 'rotation_active' } });
  expect(await statuses(id)).toEqual(['good', 'failed']);
  expect(await healAll()).toMatchObject([{ status: 'healed' }]);
  expect(await verdicts(id)).toEqual(['passed', 'passed']);
  expect(await copyIn('offsite', id)).not.toHaveProperty('manifest');
});

it('leaves a damaged copy alone that somebody has made read-only, and says so before anything is copied', async () => {
  const { id } = await installation.completed('both');
  const { path } = (await copyIn('offsite', id)) ?? { path: '' };
  spoil(path);
  await verdicts(id);
  chmodSync(path, 0o444);
  const before = readFileSync(path);
  let moved = 0;
  const turn = async (): Promise<void> => {
    moved += 1;
    await Promise.resolve();
  };
  const [task] = await tasks();
  if (task === undefined) throw new Error('there is nothing to be made good');
  const outcome = await installation.opened.healer.heal(task, { signal, turn });
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'store_denied' } });
  expect(readFileSync(path)).toEqual(before);
  expect(await statuses(id)).toEqual(['good', 'damaged']);
  // It was only looked whether the damaged one is not whole after all.
  expect(moved).toBeLessThan(3);
});

it.skipIf(!canMount)(
  'a damaged copy stays as it is where its disk has no room for another, until it has',
  async () => {
    using disk = Disk.tmpfs('size=800k');
    symlinkSync(disk.path, at('offsite'));
    const { id } = await installation.completed('both');
    const { path } = (await copyIn('offsite', id)) ?? { path: '' };
    spoil(path);
    await verdicts(id);
    const before = readFileSync(path);
    const ballast = join(disk.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(300_000));
    expect(await healAll()).toMatchObject([{ status: 'failed', error: { code: 'store_full' } }]);
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(join(disk.path, 'both'))).toHaveLength(2);
    rmSync(ballast);
    expect(await healAll()).toMatchObject([{ status: 'healed' }]);
    expect(await verdicts(id)).toEqual(['passed', 'passed']);
  },
);

it('what is pruned while it is made leaves nothing in the store', async () => {
  const backup = await madeWhileDown();
  const [task] = await tasks();
  if (task === undefined) throw new Error('there is nothing to be made good');
  const { catalog, healer } = installation.opened;
  const turn = async (): Promise<void> => {
    await catalog.removeCopy(backup.id, 'offsite', 'no rule keeps it', Date.now());
  };
  expect(await healer.heal(task, { signal, turn })).toMatchObject({ status: 'skipped' });
  expect(await statuses(backup.id)).toEqual(['good', 'pruned']);
  expect(readdirSync(at('offsite'))).toEqual([]);
  expect(await catalog.copies.abandoned(new Set())).toEqual([]);
});

it('clears up after a process that is gone: whole parts wait for the next try, and of what was pruned nothing stays', async () => {
  const { catalog, healer } = installation.opened;
  const [kept, pruned] = [await madeWhileDown(), await madeWhileDown()];
  const partOf = (backup: Backup): string =>
    join(at('offsite'), storedManifest(backup.manifest).parts[0].name);
  {
    await using gone = openSqliteCatalog(at('state'));
    for (const backup of [kept, pruned]) {
      await gone.copies.claim(backup.id, 'offsite', partOf(backup));
      mkdirSync(dirname(partOf(backup)), { recursive: true });
      writeFileSync(partOf(backup), 'whole');
      writeFileSync(`${partOf(backup)}.00000000-0000-4000-8000-000000000000.partial`, 'torn');
    }
    await healer.recover(signal);
    expect(readdirSync(dirname(partOf(kept)))).toHaveLength(4);
  }
  await catalog.removeCopy(pruned.id, 'offsite', 'no rule keeps it', Date.now());
  await healer.recover(signal);
  expect(readdirSync(dirname(partOf(kept)))).toEqual([basename(partOf(kept))]);
  expect(await catalog.copies.abandoned(new Set())).toEqual([]);
  expect(await healAll()).toMatchObject([{ status: 'healed' }]);
  expect(await verdicts(kept.id)).toEqual(['passed', 'passed']);
});

it('lowtide backups heal makes them good, and ends with 3 where no good copy of another backup is left', async () => {
  const lowtide = (...args: string[]): { code: number | null; copies: readonly string[] } => {
    const all = [main, '--config', installation.configFile, 'backups', 'heal', '--json', ...args];
    const { status, stdout } = spawnSync(process.execPath, all, { encoding: 'utf8' });
    const answer = JSON.parse(stdout) as { readonly copies: readonly { readonly status: string }[] };
    return { code: status, copies: answer.copies.map((copy) => copy.status) };
  };
  await madeWhileDown();
  const { id } = await installation.completed('both');
  for (const store of ['local', 'offsite']) spoil((await copyIn(store, id))?.path ?? '');
  await verdicts(id);
  expect(lowtide('--dry-run')).toEqual({ code: 3, copies: ['waiting', 'lost'] });
  expect(lowtide()).toEqual({ code: 3, copies: ['healed', 'lost'] });
  expect(lowtide(id)).toEqual({ code: 1, copies: ['lost'] });
});

describe('the service', () => {
  interface Given {
    readonly look: () => Promise<void>;
    readonly policy: HealPolicy;
    up: boolean;
    quiet: boolean;
    readonly lines: string[];
  }

  function policy(): Given {
    const lines: string[] = [];
    const log = createLog({
      level: 'debug',
      format: 'json',
      redact: String,
      write: (line) => lines.push(line),
    });
    const given: Given = {
      up: true,
      quiet: true,
      lines,
      policy: new HealPolicy({
        installation: () => installation.opened,
        log,
        quiet: {
          isNow: () => Promise.resolve(given.quiet),
          pace: () => ({
            turn: () => Promise.resolve(),
            onProgress: () => undefined,
            [Symbol.dispose]: () => undefined,
          }),
        },
        stores: () =>
          ['local', 'offsite'].map((id) => ({ id, provider: 'local', lastCheck: { up: given.up, at: 0 } })),
        random: () => 0,
        track: (work) => work,
      }),
      look: () => given.policy.look(signal),
    };
    return given;
  }

  it('makes copies good once the store is there and the host is quiet, and counts those that wait', async () => {
    const { id } = await madeWhileDown();
    const given = policy();
    expect(given.policy.waiting()).toEqual({});
    given.up = false;
    await given.look();
    expect(given.policy.waiting()).toEqual({
      local: { copies: 0 },
      offsite: { copies: 1, since: expect.any(Number) as number },
    });
    Object.assign(given, { up: true, quiet: false });
    await given.look();
    expect(await statuses(id)).toEqual(['good', 'failed']);
    given.quiet = true;
    await given.look();
    expect(await statuses(id)).toEqual(['good', 'good']);
    // A plan that took long to make is kept the longer.
    await eventually(async () => {
      await given.look();
      expect(given.policy.waiting()).toEqual({ local: { copies: 0 }, offsite: { copies: 0 } });
    });
    expect(given.lines.filter((line) => line.includes('made good from another one'))).toHaveLength(1);
  });

  it('does not press a store that refuses, but tries again when it came back, and says once what is lost', async () => {
    const { id } = await madeWhileDown();
    const lost = await installation.completed('both');
    for (const store of ['local', 'offsite']) spoil((await copyIn(store, lost.id))?.path ?? '');
    await verdicts(lost.id);
    renameSync(at('offsite'), at('away'));
    writeFileSync(at('offsite'), '');
    const given = policy();
    const attempts = (): number =>
      given.lines.filter((line) => line.includes('could not be made good')).length;
    await given.look();
    await given.look();
    expect(attempts()).toBe(1);
    rmSync(at('offsite'));
    renameSync(at('away'), at('offsite'));
    await given.look();
    expect(await statuses(id)).toEqual(['good', 'failed']);
    given.up = false;
    await given.look();
    given.up = true;
    await given.look();
    expect(await statuses(id)).toEqual(['good', 'good']);
    expect(given.lines.filter((line) => line.includes('no good copy'))).toHaveLength(1);
  });
});
