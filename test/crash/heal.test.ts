import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup, Copy } from '../../exporter/src/catalog/catalog.ts';
import { TestInstallation } from '../servers/installation.ts';
import { TestChild } from './children.ts';

const schedules = `  - { id: noise, source: { type: command, argv: [bash, -c, 'head -c 300000 /dev/urandom'] }, every: 1d, stores: [local, offsite] }`;
const stores =
  '{ local: { type: directory, path: ./backups }, offsite: { type: directory, path: ./offsite } }';
const { signal } = new AbortController();

let installation: TestInstallation;
let offsite: string;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules, { stores });
  offsite = join(installation.folder, 'offsite');
});
afterEach(() => installation[Symbol.asyncDispose]());

async function copyOf({ id }: Backup): Promise<Copy | undefined> {
  return (await installation.opened.catalog.backup(id))?.copies.find(({ store }) => store === 'offsite');
}

/** Heals in a process that dies before its disk's step of this number; gives what it said last. */
async function healUntil(steps: number): Promise<string> {
  await using child = new TestChild('heal-child.ts', [installation.configFile, offsite, String(steps)]);
  await child.ended();
  return child.lines.at(-1) ?? '';
}

async function missed(): Promise<Backup> {
  writeFileSync(offsite, '');
  const backup = await installation.completed('noise');
  rmSync(offsite);
  return backup;
}

async function torn(): Promise<Backup> {
  const backup = await installation.completed('noise');
  const path = (await copyOf(backup))?.path ?? '';
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await installation.opened.jobs.verify(backup, { signal });
  return backup;
}

describe('a process that is killed while it makes a copy good', () => {
  it.each([
    ['was never written', missed, 'failed'],
    ['is damaged', torn, 'damaged'],
  ])('that %s leaves it as it was, or whole, and the next one completes it', async (_, make, status) => {
    const backup = await make();
    const path = (await copyOf(backup))?.path ?? '';
    const old = existsSync(path) ? readFileSync(path) : undefined;
    const good = readFileSync(backup.copies[0]?.path ?? '');
    const killedAt: string[] = [];
    for (let step = 1; step < 60; step += 3) {
      const last = await healUntil(step);
      if (last === 'healed') break;
      killedAt.push(last);
      expect((await copyOf(backup))?.status, last).toBe(status);
      const now = existsSync(path) ? readFileSync(path) : undefined;
      expect([old, good], last).toContainEqual(now);
    }
    expect(killedAt.length).toBeGreaterThan(3);
    expect((await copyOf(backup))?.status).toBe('good');
    const { catalog, jobs } = installation.opened;
    const { copies } = await jobs.verify((await catalog.backup(backup.id)) ?? backup, { signal });
    expect(copies.map((copy) => copy.status)).toEqual(['passed', 'passed']);
    expect(readdirSync(join(offsite, 'noise'))).toHaveLength(2);
  });
});
