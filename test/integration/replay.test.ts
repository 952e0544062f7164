import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import type { LoadRecord } from '../../exporter/src/load/load.ts';
import { TestInstallation } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';

const step = 300_000;
const hour = 3_600_000;
const day = 24 * hour;
const main = program('exporter/src/cli/main.ts');
/** Real servers' load, beside the repository; see exporter/docs/scheduling.md. */
const traces = new URL('../../../shared/loads/', import.meta.url);

const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    every: 1d
    window: 00:00-06:00
    timezone: UTC
    max_delay: 1h
    estimated_duration: 45m
    resources: { cpu: 0.05, memory: 0.05 }
    stores: [local]
  - id: paused
    source: { type: directory, path: FOLDER/docs }
    every: 1d
    stores: [local]`;

const installations: TestInstallation[] = [];
afterEach(async () => {
  await Promise.all(installations.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

async function installation(): Promise<TestInstallation> {
  const made = await TestInstallation.make(schedules);
  installations.push(made);
  await made.opened.catalog.setPaused('paused', true);
  return made;
}

/** Records up to now. */
async function record(catalog: Catalog, days: number, cpuAt: (at: number) => number): Promise<void> {
  const now = Math.floor(Date.now() / step) * step;
  const records = Array.from({ length: (days * day) / step }, (_, index): LoadRecord => {
    const at = now - days * day + index * step;
    return { at, cpu: cpuAt(at), memory: NaN, disk: NaN };
  });
  await catalog.load.record(
    records.filter(({ cpu }) => !Number.isNaN(cpu)),
    'coarse',
  );
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function plan({ configFile }: TestInstallation, ...args: string[]): Answer {
  const env = { ...process.env, TZ: 'UTC' };
  return spawnSync(process.execPath, [main, 'plan', ...args, '--config', configFile], {
    encoding: 'utf8',
    env,
  });
}

interface Chosen {
  readonly load: number;
  readonly gapClosed: number;
  readonly peaks: number;
}

interface Replayed {
  readonly total: {
    readonly runs: number;
    readonly randomLoad: number;
    readonly bestLoad: number;
  } & Readonly<Record<'lowtide' | 'yesterday' | 'fixed', Chosen>>;
  readonly schedules: readonly { readonly schedule: string; readonly runs: number }[];
  readonly leftOut: { readonly tooEarly: number; readonly unknown: number };
}

/** A peak from two to three, and low tide at half past four. */
const busyAtTwo = (at: number): number => {
  const time = (at % day) / hour;
  if (time >= 2 && time < 3) return 0.9;
  return time >= 4.5 && time < 5.5 ? 0.1 : 0.5;
};

describe('lowtide plan --replay', () => {
  it('tells from the recorded history what would have been gained, and changes nothing', async () => {
    const one = await installation();
    await record(one.opened.catalog, 30, busyAtTwo);
    const events = await one.opened.catalog.latestSequence();
    const json = plan(one, '--replay', '10d', '--json');
    expect(json.status).toBe(0);
    const { total, schedules: each, leftOut } = JSON.parse(json.stdout) as Replayed;
    // The window of the first or of the last day may be cut by the hour at which this runs.
    expect(total.runs).toBeGreaterThanOrEqual(9);
    expect(each).toEqual([{ schedule: 'docs', ...total }]);
    expect(leftOut).toEqual({ tooEarly: 0, unknown: 0 });
    expect(total.bestLoad).toBeCloseTo(0.1, 6);
    expect(total.lowtide.gapClosed).toBeGreaterThan(0.95);
    expect(total.fixed).toMatchObject({ load: expect.closeTo(0.9, 6) as number, peaks: total.runs });
    expect(total.lowtide.peaks).toBe(0);

    const { stdout, status } = plan(one, '--replay', '10d');
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${total.runs} backups from .* as Lowtide would have planned them`));
    expect(stdout).toMatch(/^docs +\d+ +Lowtide +10\.\d % +\d+ % +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^ +fixed 02:00 +90\.0 %/m);
    expect(stdout).not.toMatch(/paused|left out/);
    expect(await one.opened.catalog.latestSequence()).toBe(events);
    expect(await one.opened.catalog.runs({ limit: 5 })).toEqual([]);
  });

  it('is honest about what it does not know', async () => {
    const one = await installation();
    const none = plan(one, '--replay', '14d', '--json');
    expect(none.status).toBe(1);
    expect(JSON.parse(none.stdout)).toMatchObject({
      error: { code: 'load_unknown', message: 'nothing can be replayed: no load is on record' },
    });
    await record(one.opened.catalog, 4, busyAtTwo);
    const short = plan(one, '--replay', '14d');
    expect(short.status).toBe(0);
    expect(short.stdout).toMatch(/earlier ones are left out: less than a day of load is known from before\./);
    expect(short.stdout).toMatch(/had one day of load to go by, which is little\./);
    expect(plan(one, '--replay', '5h')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/a day or more/) as string,
    });
  });
});

it('lowtide plan --replay shows how far it has come on a terminal, and ends with Ctrl-C', async () => {
  const one = await installation();
  await record(one.opened.catalog, 60, busyAtTwo);
  const argv = [process.execPath, main, 'plan', '--replay', '55d', '--config', one.configFile];
  // Some shells would hear Ctrl-C as well, and end with a code of their own.
  const command = `exec ${argv.map((word) => `'${word}'`).join(' ')}`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null']);
  const closed = once(child, 'close');
  let shown = '';
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      shown += text.toString();
      if (/Replaying 55d .*[1-9]%/.test(shown)) resolve();
    });
    child.stdout.on('end', resolve);
  });
  expect(shown).toMatch(/Replaying 55d \S+ [1-9]\d?%/);
  child.stdin.write('\x03');
  expect(await closed).toEqual([1, null]);
  expect(shown).toContain('lowtide: stopped by SIGINT');
  expect(shown).not.toContain('as Lowtide would have planned them');
});

interface Trace {
  readonly startMs: number;
  readonly cpu: readonly number[];
}

describe.skipIf(!existsSync(traces))('replayed over real servers', () => {
  it('Lowtide meets less load than the same planner with the curve of yesterday, and than a fixed time', async () => {
    const sums = { lowtide: 0, yesterday: 0, fixed: 0, best: 0 };
    for (const host of ['asd-09', 'bb-073', 'bb-411', 'smd-1-2']) {
      const { startMs, cpu } = JSON.parse(
        gunzipSync(readFileSync(new URL(`${host}.json.gz`, traces))).toString(),
      ) as Trace;
      // Its last days become the last days of this host, at the same times of day.
      const shift = Math.floor((Date.now() - startMs - cpu.length * step) / day) * day;
      const one = await installation();
      await record(one.opened.catalog, 60, (at) => {
        const load = cpu[Math.round((at - shift - startMs) / step)] ?? -1;
        return load < 0 ? NaN : load / 1000;
      });
      const answer = plan(one, '--replay', '14d', '--json');
      expect(answer.stderr).not.toMatch(/lowtide:/);
      const { total } = JSON.parse(answer.stdout) as Replayed;
      expect(total.runs).toBeGreaterThanOrEqual(10);
      for (const by of ['lowtide', 'yesterday', 'fixed'] as const) sums[by] += total[by].load;
      sums.best += total.bestLoad;
    }
    expect(sums.lowtide).toBeLessThan(sums.yesterday);
    expect(sums.lowtide).toBeLessThan(sums.fixed);
    expect(sums.lowtide).toBeGreaterThanOrEqual(sums.best);
  });
});
