import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { sweepScratch } from '../../exporter/src/run/scratch.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { TestChild } from './children.ts';

const schedules = `  - { id: noise, source: { type: command, argv: [bash, -c, 'head -c 4000000 /dev/urandom'] }, every: 1d, stores: [local], keep: { last: 1000 } }`;

let folder: string;
let configFile: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-run-'));
  configFile = writeConfig(folder, schedules);
  await makeKey((await readConfig(configFile, {})).config, 0);
});
afterEach(() => rmSync(folder, { recursive: true }));

function objects(): string[] {
  const store = join(folder, 'backups', 'noise');
  return existsSync(store) ? readdirSync(store).sort() : [];
}

/** What the next process to come does, and what then has to hold of catalog and store. */
async function recoverAndCheck(): Promise<{
  readonly statuses: readonly string[];
  readonly backups: number;
}> {
  await using installation = await openInstallation(await readConfig(configFile, {}), {});
  const { jobs, catalog, scratchRoot } = installation;
  const signal = new AbortController().signal;
  await sweepScratch(scratchRoot);
  const recovered = await jobs.recover(signal);
  expect(await catalog.runs({ status: 'running', limit: 10 })).toEqual([]);
  const backups = await catalog.backups({ status: 'completed', limit: 1000 });
  for (const backup of backups.slice(0, 5)) {
    const { copies } = await jobs.verify(backup, { signal });
    expect(copies.map((copy) => copy.status)).toEqual(['passed']);
  }
  // Nothing lies in the store but the parts and manifests of the backups on file.
  const expected = backups.flatMap(({ id }) => [`${id}.bin.zst.age`, `${id}.bin.zst.age.json`]).sort();
  expect(objects()).toEqual(expected);
  expect(existsSync(scratchRoot) ? readdirSync(scratchRoot) : []).toEqual([]);
  expect(await jobs.recover(signal)).toEqual([]);
  return { statuses: recovered.map((run) => run.status), backups: backups.length };
}

describe('a process that is killed while it makes a backup', () => {
  it.each([
    ['before part', 'interrupted', 0],
    ['within part', 'interrupted', 0],
    ['read part', 'interrupted', 0],
    ['stored part', 'interrupted', 0],
    ['before manifest', 'interrupted', 0],
    ['read manifest', 'interrupted', 0],
    ['stored manifest', 'completed', 1],
    ['filed', undefined, 1],
  ])(
    'at the step "%s" leaves a run that is found as %s, and %i whole backups',
    async (step, status, count) => {
      await using child = new TestChild('run-child.ts', [configFile, 'noise', step]);
      while (!child.lines.includes(step)) await child.written(child.lines.length + 1);
      await child.kill();
      const { statuses, backups } = await recoverAndCheck();
      expect(statuses).toEqual(status === undefined ? [] : [status]);
      expect(backups).toBe(count);
    },
  );

  it('at any moment loses no backup that it has reported, and leaves nothing half-done', async () => {
    const reported = new Set<string>();
    // By how far it has come, whatever that takes: a backup has nine steps, of which a round goes through one to three.
    for (const [round, steps] of [1, 3, 6, 8, 10, 13, 18, 23].entries()) {
      await using child = new TestChild('run-child.ts', [configFile, 'noise', 'loop']);
      await child.written(steps);
      await delay((round * 17) % 60);
      await child.kill();
      for (const line of child.lines) {
        const id = /^done completed (\S+)$/.exec(line)?.[1];
        if (id !== undefined) reported.add(id);
      }
      await recoverAndCheck();
    }
    await using installation = await openInstallation(await readConfig(configFile, {}), {});
    const filed = new Set(
      (await installation.catalog.backups({ status: 'completed', limit: 1000 })).map(({ id }) => id),
    );
    expect([...reported].filter((id) => !filed.has(id))).toEqual([]);
    expect(reported.size).toBeGreaterThan(3);
  }, 120_000);
});
