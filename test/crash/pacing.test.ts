import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { Hogs } from '../servers/hogs.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { processesWith, type ProcessFacts } from '../servers/processes.ts';
import { TestChild } from './children.ts';

const schedules = `  - { id: plain, source: { type: command, argv: [cat, /dev/urandom] }, every: 1d, stores: [local] }
  - { id: nested, source: { type: command, argv: [bash, -c, 'cat /dev/urandom | cat'] }, every: 1d, stores: [local] }`;
const load = 'load: { slow_down: { cpu: 0.3, pressure: { cpu: 1, memory: 1, disk: 1 } } }';
const patience = { timeout: 40_000, interval: 20 };

let folder: string;
let configFile: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-pacing-'));
  configFile = writeConfig(folder, schedules, { more: load });
  await makeKey((await readConfig(configFile, {})).config, 0);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Kills the process of a run while its programs are stopped; returns what finds them. */
async function killWhileStopped(schedule: string, programs: number): Promise<() => readonly ProcessFacts[]> {
  await using child = new TestChild('pacing-child.ts', [configFile, schedule]);
  await child.written(1);
  const left = (): readonly ProcessFacts[] => processesWith(`LOWTIDE_RUN=${child.lines[0] ?? ''}`);
  await using hogs = new Hogs();
  const areStopped = (found: readonly ProcessFacts[]): boolean =>
    found.length === programs && found.every(({ state }) => state === 'T');
  await vi.waitUntil(() => areStopped(left()), patience);
  await child.kill();
  await hogs[Symbol.asyncDispose]();
  return left;
}

describe('a process that is killed while the programs of its run are stopped', () => {
  it('takes them with it at once', async () => {
    const left = await killWhileStopped('plain', 2);
    await vi.waitUntil(() => left().length === 0, patience);
  });

  it('leaves what these have started themselves to the next one, which ends it', async () => {
    const left = await killWhileStopped('nested', 4);
    const isLeader = ({ pid, group }: ProcessFacts): boolean => pid === group;
    await vi.waitUntil(() => !left().some(isLeader), patience);
    expect(left().map(({ name, state }) => [name, state])).toEqual([
      ['cat', 'T'],
      ['cat', 'T'],
    ]);
    await using installation = await openInstallation(await readConfig(configFile, {}), {});
    const [run] = await installation.jobs.recover(new AbortController().signal);
    expect(run).toMatchObject({ schedule: 'nested', status: 'interrupted' });
    await vi.waitUntil(() => left().length === 0, patience);
  });
});
