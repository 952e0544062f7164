import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Run } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { findCompression } from '../../exporter/src/run/compression.ts';
import type { Strained } from '../../exporter/src/run/pace.ts';
import { Runner, type RunRequest } from '../../exporter/src/run/runner.ts';
import { Hogs } from '../servers/hogs.ts';
import { TestInstallation } from '../servers/installation.ts';
import { makingWay } from '../servers/pacing.ts';
import { processesWith, type ProcessFacts } from '../servers/processes.ts';

/** Short turns, in which the kernel's pressure cannot be told. */
const turnMs = 800;
const slowDown = (cpu: number): string =>
  `load: { slow_down: { cpu: ${cpu}, pressure: { cpu: 1, memory: 1, disk: 1 } } }`;

let installation: TestInstallation | undefined;
afterEach(async () => {
  await installation?.[Symbol.asyncDispose]();
  installation = undefined;
});

async function install(schedules: string, cpu = 0.3): Promise<TestInstallation> {
  return (installation = await TestInstallation.make(schedules, { more: slowDown(cpu) }));
}

async function run(at: TestInstallation, id: string, more: Partial<RunRequest> = {}): Promise<Run> {
  const runner = new Runner({
    ...at.opened,
    version: 'test',
    compression: () => findCompression(new AbortController().signal),
    elapsed: () => performance.now(),
    ...makingWay(at.opened.config, turnMs),
  });
  return await runner.run({
    schedule: at.schedule(id),
    trigger: 'manual',
    signal: new AbortController().signal,
    ...more,
  });
}

/** What the stored backup holds, as stock tools see it. */
async function contentOf(at: TestInstallation, ended: Run): Promise<Buffer> {
  const argv = [await at.identityFile(), (await at.backupOf(ended)).copies[0]?.path ?? ''];
  const end = spawnSync('bash', ['-o', 'pipefail', '-c', 'age -d -i "$1" "$2" | zstd -d', 'bash', ...argv], {
    maxBuffer: 2 ** 29,
  });
  expect(end.stderr.toString()).toBe('');
  return end.stdout;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Looks at the programs of a run until they are as wanted. */
async function programs(
  runId: string,
  isWanted: (programs: readonly ProcessFacts[]) => boolean,
): Promise<readonly ProcessFacts[]> {
  for (;;) {
    const found = processesWith(`LOWTIDE_RUN=${runId}`);
    if (isWanted(found)) return found;
    await delay(20);
  }
}

const areStopped = (found: readonly ProcessFacts[]): boolean =>
  found.length >= 2 && found.every(({ state }) => state === 'T');

/** Each begins as the one that makes it one of ours, and so may be stopped. */
const haveBegun = (found: readonly ProcessFacts[]): boolean =>
  ['bash', 'zstd'].every((program) => found.some(({ name }) => name === program));

const pieces = 12;
/** So many pieces of a megabyte, one every tenth of a second. */
const steady = (id: string, more = ''): string =>
  `  - { id: ${id}, source: { type: command, argv: [bash, -c, 'for i in $(seq ${pieces}); do cat FOLDER/piece; sleep 0.1; done'] }, every: 1d, stores: [local]${more} }`;

describe('a run beside others that keep the host busy', () => {
  it('is stopped in turns, goes on when they end, and stores what it would have stored', async () => {
    const at = await install(steady('steady'));
    const piece = randomBytes(2 ** 20);
    writeFileSync(join(at.folder, 'piece'), piece);
    const started = Promise.withResolvers<Run>();
    const paces: (Strained | undefined)[] = [];
    const hogs = new Hogs();
    const ended = run(at, 'steady', { onStart: started.resolve, onPace: (why) => paces.push(why) });
    const { id } = await started.promise;
    await programs(id, (found) => areStopped(found) && haveBegun(found));
    await hogs[Symbol.asyncDispose]();
    await programs(id, (found) => found.every(({ state }) => state !== 'T'));
    const end = await ended;
    expect(end.status).toBe('completed');
    expect(paces[0]).toBe('cpu');
    expect(end.pausedSeconds).toBeGreaterThan(0.2);
    expect((await at.opened.catalog.run(id))?.pausedSeconds).toBe(end.pausedSeconds);
    const took = ((end.finishedAt ?? 0) - end.startedAt) / 1000;
    expect(took).toBeGreaterThan(end.pausedSeconds);
    expect((await at.opened.catalog.eventsAfter(0, 10)).at(-1)?.body).toMatchObject({
      name: 'run:finished',
      pausedSeconds: end.pausedSeconds,
    });
    const content = await contentOf(at, end);
    expect(sha256(content)).toBe(sha256(Buffer.concat(Array.from({ length: pieces }, () => piece))));
  });

  it('is whole also where they never end, however often tar and zstd were stopped', async () => {
    const at = await install(
      '  - { id: files, source: { type: directory, path: FOLDER/files }, every: 1d, stores: [local] }',
      // tar and zstd take what the hogs, which stand back farther, are left without.
      0.01,
    );
    mkdirSync(join(at.folder, 'files'));
    for (let file = 0; file < 4; file += 1) {
      writeFileSync(join(at.folder, 'files', `${file}.txt`), randomBytes(2 ** 21).toString('hex'));
    }
    await using _hogs = new Hogs();
    const end = await run(at, 'files');
    expect(end.status).toBe('completed');
    expect(end.pausedSeconds).toBeGreaterThan(0);
    const tar = spawnSync('tar', ['--create', '--file=-', '--sort=name', '--directory', at.folder, 'files'], {
      maxBuffer: 2 ** 29,
    });
    const list = (archive: Buffer): string =>
      spawnSync('tar', ['--extract', '--to-command=sha256sum', '--file=-'], {
        input: archive,
      }).stdout.toString();
    expect(list(await contentOf(at, end))).toBe(list(tar.stdout));
  });

  it('ends at once when it is cancelled while it is stopped', async () => {
    const at = await install(
      `  - { id: endless, source: { type: command, argv: [bash, -c, 'cat /dev/urandom | cat'] }, every: 1d, stores: [local] }`,
    );
    await using _hogs = new Hogs();
    const started = Promise.withResolvers<Run>();
    const stop = new AbortController();
    const ended = run(at, 'endless', { onStart: started.resolve, signal: stop.signal });
    const { id } = await started.promise;
    await programs(id, areStopped);
    const before = performance.now();
    stop.abort(new LowtideError('cancelled', 'enough'));
    const end = await ended;
    // Well before SIGKILL, which comes after five seconds: they were told, and heard it.
    expect(performance.now() - before).toBeLessThan(3000);
    expect(end).toMatchObject({ status: 'cancelled', error: { message: 'enough' } });
    expect(end.pausedSeconds).toBeGreaterThan(0);
    expect(processesWith(`LOWTIDE_RUN=${id}`)).toEqual([]);
  });

  it('is left alone where its schedule says so', async () => {
    const at = await install(steady('critical', ', run: { nice: 0, io_priority: normal, pause: false }'));
    writeFileSync(join(at.folder, 'piece'), randomBytes(2 ** 20));
    const started = Promise.withResolvers<Run>();
    await using _hogs = new Hogs();
    const ended = run(at, 'critical', { onStart: started.resolve });
    const { id } = await started.promise;
    const found = await programs(id, (each) => each.some(({ name }) => name === 'zstd'));
    expect(found.map(({ nice }) => nice)).toEqual(found.map(() => 0));
    const end = await ended;
    expect(end).toMatchObject({ status: 'completed', pausedSeconds: 0 });
  });
});

describe('the programs of a run', () => {
  it('stand back for others at the processors and at the disk, and so does all that they start', async () => {
    // They stay until they are looked at: of a process that has just ended, the class at the disk is another.
    const source = `{ type: command, argv: [bash, -c, 'head -c 100000 /dev/urandom; sleep 60; exit'] }`;
    const at = await install(`  - { id: gentle, source: ${source}, every: 1d, stores: [local] }`);
    const started = Promise.withResolvers<Run>();
    const stop = new AbortController();
    const ended = run(at, 'gentle', { onStart: started.resolve, signal: stop.signal });
    const { id } = await started.promise;
    try {
      const wanted = ['bash', 'zstd', 'sleep'];
      const found = await programs(id, (each) =>
        wanted.every((name) => each.some((one) => one.name === name)),
      );
      for (const { pid, nice } of found.filter(({ name }) => wanted.includes(name))) {
        expect(nice).toBe(10);
        const { stdout } = spawnSync('ionice', ['-p', String(pid)], { encoding: 'utf8' });
        if (stdout !== '') expect(stdout.trim()).toBe('best-effort: prio 7');
      }
    } finally {
      stop.abort(new LowtideError('cancelled', 'seen enough'));
      await ended;
    }
  });
});
