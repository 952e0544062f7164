import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TestInstallation } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');
const step = 300_000;
const files = { cpu: 'cpu', memory: 'memory', disk: 'io' } as const;

interface Shown {
  readonly resource: keyof typeof files;
  readonly presentPressure: Readonly<Record<'some' | 'full', Readonly<Record<string, number>>>>;
}

it.skipIf(!existsSync('/proc/pressure/io'))(
  'lowtide load shows what waits on the host now, as the kernel tells',
  async () => {
    await using installation = await TestInstallation.make('  []', {
      more: `load: { hosts: { db1: { prometheus: { url: 'http://127.0.0.1:9' } } }, high_water: { pressure: { disk: 0.35 } } }`,
    });
    const at = Math.floor(Date.now() / step) * step - step;
    const loads = [{ at, cpu: 0.25, memory: 0.5, disk: 0 }];
    await installation.opened.catalog.load.record(loads, 'coarse');
    await installation.opened.catalog.hostLoads.record('db1', loads);
    const load = (...args: string[]): string => {
      const argv = [main, '--config', installation.configFile, 'load', ...args];
      return spawnSync(process.execPath, argv, { encoding: 'utf8' }).stdout;
    };
    const told = JSON.parse(load('--json')) as readonly Shown[];
    expect(told.map(({ resource }) => resource)).toEqual(['cpu', 'memory', 'disk']);
    for (const { resource, presentPressure } of told) {
      const text = readFileSync(`/proc/pressure/${files[resource]}`, 'utf8');
      const percent = Number(/^some .*avg300=([\d.]+)/m.exec(text)?.[1]);
      expect(Object.keys(presentPressure.some)).toEqual(['avg10', 'avg60', 'avg300']);
      expect(Object.keys(presentPressure.full)).toEqual(['avg10', 'avg60', 'avg300']);
      // Some seconds lie between the two looks.
      expect(Math.abs((presentPressure.some['avg300'] ?? NaN) - percent / 100)).toBeLessThan(0.1);
    }

    const text = load();
    expect(text).toMatch(/^cpu, some work +[\d.]+ % +[\d.]+ % +[\d.]+ % +50 %$/m);
    expect(text).toMatch(/^disk, some work +[\d.]+ % +[\d.]+ % +[\d.]+ % +35 %$/m);
    expect(text).toMatch(/^memory, all work +[\d.]+ % +[\d.]+ % +[\d.]+ %$/m);
    expect(text).not.toContain('cpu, all work');
    const there = load('--host', 'db1');
    expect(there).toContain('RESOURCE');
    expect(there).not.toContain('PRESSURE');
  },
);

it.skipIf(!existsSync('/proc/pressure/io'))(
  'lowtide load --json tells what waits also where no load is on record',
  async () => {
    await using installation = await TestInstallation.make('  []');
    const argv = [main, '--config', installation.configFile, 'load'];
    const text = spawnSync(process.execPath, argv, { encoding: 'utf8' }).stdout;
    expect(text).toMatch(/^No load is on record yet: `lowtide serve` .* every five minutes\.$/m);
    const { stdout } = spawnSync(process.execPath, [...argv, '--json'], { encoding: 'utf8' });
    const averages = { avg10: expect.any(Number) as number };
    expect(JSON.parse(stdout)).toEqual(
      (['cpu', 'memory', 'disk'] as const).map((resource) => ({
        ...{ resource, basis: 'none' },
        presentPressure: {
          some: expect.objectContaining(averages) as unknown,
          full: expect.objectContaining(averages) as unknown,
        },
      })),
    );
  },
);
