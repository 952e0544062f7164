import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Run } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';

/** All due at the same moments, and one after the other for want of room: there is something to interrupt at any time. */
const schedules = Array.from({ length: 8 }, (_, index) => `job-${index}`);
const kills = 10;

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-serve-'));
  // Long enough to be killed in, wherever a machine is slow.
  const argv = `[sh, -c, "echo data; sleep 0.2"]`;
  const source = `source: { type: command, argv: ${argv} }, every: 10s, stores: [local], resources: { cpu: 0.5 }, keep: { last: 2 }`;
  const file = writeConfig(folder, schedules.map((id) => `  - { id: ${id}, ${source} }`).join('\n'), {
    more: tokens,
  });
  await makeKey((await readConfig(file, {})).config);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function runsOf(schedule: string): Promise<readonly Run[]> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  return await catalog.runs({ schedule, limit: 500 });
}

it('a service that is killed with kill -9 again and again runs no occurrence again that has ended', async () => {
  const killedAfterMs = Array.from({ length: kills }, (_, index) => (index * 211) % 1000);
  for (const [index, milliseconds] of killedAfterMs.entries()) {
    await using service = await ServeProcess.start(folder);
    // Some times amid a backup; else the moment of the kill is what is tried: there is nothing to wait for.
    await (index % 5 === 0 ? service.said('backup started') : delay(milliseconds));
    await service.kill();
  }
  {
    await using service = await ServeProcess.start(folder);
    await service.said('backup completed');
  }
  const runs = (await Promise.all(schedules.map(runsOf))).flat();
  expect(runs.length).toBeGreaterThan(schedules.length);
  expect(runs.filter(({ error }) => error?.code === 'interrupted').length).toBeGreaterThan(0);
  for (const [occurrence, made] of Map.groupBy(runs, ({ schedule, dueAt = NaN }) => `${schedule} ${dueAt}`)) {
    expect(occurrence).not.toContain('NaN');
    // Newest first: what was interrupted is tried again, what has ended is not.
    const before = made.slice(1).map(({ status }) => status);
    expect(new Set(before).difference(new Set(['interrupted'])), occurrence).toEqual(new Set());
  }
});
