import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';
import { WallClock } from '../servers/wall-clock.ts';

/** Ends when somebody writes a line into the pipe. */
const patient = `source: { type: command, argv: [bash, -c, 'echo begun; read -r line < FOLDER/pipe'] }`;
const quick = 'source: { type: command, argv: [echo, hello] }';
/** With delays of less than five minutes beside it, each starts at once: none waits for the next slot of the plan. */
const kept = 'timezone: UTC, stores: [local], keep: { last: 9 }';
/** For `look` alone. */
const yearly = `  - { id: yearly, ${quick}, cron: "0 0 1 1 *", ${kept} }`;

/** What others do on this machine holds nothing up. */
const calm = 'load: { high_water: { cpu: 1, memory: 1, disk: 1, pressure: { cpu: 1, memory: 1, disk: 1 } } }';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-clock-'));
  spawnSync('mkfifo', [join(folder, 'pipe')]);
});
afterEach(() => {
  goOn();
  rmSync(folder, { recursive: true, force: true });
});

function goOn(): void {
  spawnSync('bash', ['-c', `exec 3<> ${join(folder, 'pipe')}; echo go on >&3`]);
}

async function prepare(schedules: string, stores?: string): Promise<void> {
  const parts = { more: `${tokens}\n${calm}`, ...(stores !== undefined && { stores }) };
  await makeKey((await readConfig(writeConfig(folder, `${schedules}\n${yearly}`, parts), {})).config);
}

/** Has it look at its schedules now: it sleeps for half a minute else. */
async function look(serve: ServeProcess): Promise<void> {
  await serve.post('/schedules/yearly/pause');
  await eventually(async () => expect((await scheduleOf(serve, 'yearly'))['nextRunAt']).toBeUndefined());
  await serve.post('/schedules/yearly/resume');
  await eventually(async () => expect((await scheduleOf(serve, 'yearly'))['nextRunAt']).toBeDefined());
}

async function scheduleOf(serve: ServeProcess, id: string): Promise<Record<string, unknown>> {
  return (await serve.call(`/schedules/${id}`)).body;
}

/** What is on record, oldest first. */
async function events(): Promise<readonly EventBody[]> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  return (await catalog.eventsAfter(0, 1000)).map(({ body }) => body);
}

/** The due times of all runs that were begun. */
async function begun(schedule: string): Promise<readonly string[]> {
  return (await events()).flatMap((body) =>
    body.name === 'run:started' && body.schedule === schedule && body.dueAt !== undefined
      ? [new Date(body.dueAt).toISOString().slice(0, 16)]
      : [],
  );
}

describe('an occurrence whose time is over before Lowtide runs again', () => {
  it('tells what it had waited for until then, that it was cut off, or else that nobody was there', async () => {
    const nightly = (id: string, window: string, source = quick): string =>
      `  - { id: ${id}, ${source}, every: 1d, window: ${window}, max_delay: 2m, ${kept} }`;
    await prepare(
      [
        nightly('hog', '01:00-01:02', patient),
        nightly('held', '02:00-02:02'),
        nightly('due', '03:00-03:02'),
      ].join('\n'),
      '{ local: { type: directory, path: ./backups, streams: 1 } }',
    );
    const wall = new WallClock(folder, '2026-03-10T00:30:00Z');
    await using before = await ServeProcess.startIn(folder, wall.env);
    await look(before);
    wall.set('2026-03-10T01:01:00Z');
    await look(before);
    await eventually(async () => expect(await begun('hog')).toEqual(['2026-03-10T01:00']));
    // The plan leaves it to the end of its time, at 02:04, for the run to be over: it is tried five seconds before.
    wall.set('2026-03-10T02:03:55.500Z');
    await look(before);
    await eventually(async () => {
      expect(await scheduleOf(before, 'held')).toMatchObject({ deferral: { code: 'store' } });
    });
    await before.kill();
    wall.set('2026-03-10T04:00:00Z');
    await using after = await ServeProcess.startIn(folder, wall.env);
    const absent = 'Lowtide did not run, or its host slept, when it could have begun';
    const waited = 'the backups that are being written to its store leave no room for another';
    await eventually(async () => {
      expect((await scheduleOf(after, 'hog'))['lastMissed']).toMatchObject({
        dueAt: '2026-03-10T01:00:00.000Z',
        reason: { code: 'interrupted' },
      });
      expect((await scheduleOf(after, 'due'))['lastMissed']).toMatchObject({
        reason: { code: 'absent', text: absent },
      });
      expect((await scheduleOf(after, 'held'))['lastMissed']).toMatchObject({
        reason: { code: 'absent_after_store', text: `it waited (${waited}), and then ${absent}` },
      });
    });
    const page = await (await fetch(`http://${after.address}/metrics`)).text();
    expect(page).toMatch(/^backup_missed_total\{schedule="held"\} 1$/m);
    expect(page).not.toMatch(/^backup_skipped_total\{.*(absent|interrupted)/m);
  });
});

describe('lowtide serve while the clock on the wall is set', () => {
  it(
    'goes on when it is put back, runs nothing twice, and catches up once when it is put forward',
    { timeout: 150_000 },
    async () => {
      await prepare(`  - { id: hourly, ${quick}, every: 1h, max_delay: 4m, ${kept} }`);
      const wall = new WallClock(folder, '2026-03-10T10:30:00Z');
      await using serve = await ServeProcess.startIn(folder, wall.env);
      const planned = async (): Promise<readonly unknown[]> => {
        const { body } = await serve.call('/plan?hours=3');
        return (body['slots'] as readonly { dueAt: string }[]).map(({ dueAt }) => dueAt.slice(0, 16));
      };
      /** Known while it does not run. */
      const nextAt = async (at: string): Promise<void> =>
        await eventually(async () => {
          expect((await scheduleOf(serve, 'hourly'))['nextRunAt']).toBe(at);
        });
      await look(serve);
      wall.set('2026-03-10T11:01:00Z');
      await look(serve);
      await eventually(async () => expect(await begun('hourly')).toEqual(['2026-03-10T11:00']));
      await nextAt('2026-03-10T12:00:00.000Z');

      wall.set('2026-03-10T10:01:00Z');
      await look(serve);
      await nextAt('2026-03-10T12:00:00.000Z');
      expect(await planned()).toEqual(['2026-03-10T12:00', '2026-03-10T13:00']);
      expect(JSON.stringify((await serve.call('/status')).body)).toContain('it was set back, or stood ahead');
      wall.set('2026-03-10T11:01:00Z');
      await look(serve);
      expect(await begun('hourly')).toEqual(['2026-03-10T11:00']);
      wall.set('2026-03-10T12:01:00Z');
      await look(serve);
      await eventually(async () => {
        expect(await begun('hourly')).toEqual(['2026-03-10T11:00', '2026-03-10T12:00']);
      });
      await nextAt('2026-03-10T13:00:00.000Z');

      wall.set('2026-03-11T12:01:00Z');
      const caughtUp = ['2026-03-10T11:00', '2026-03-10T12:00', '2026-03-11T12:00'];
      // It finds out by itself, within half a minute.
      await vi.waitUntil(async () => (await begun('hourly')).length >= 3, { timeout: 90_000, interval: 200 });
      expect(await begun('hourly')).toEqual(caughtUp);
      await nextAt('2026-03-11T13:00:00.000Z');
      expect(await begun('hourly')).toEqual(caughtUp);
      const missed = (await events()).filter(({ name }) => name === 'run:missed');
      expect(missed).toMatchObject([{ schedule: 'hourly', occurrences: 23, reason: 'absent' }]);
      expect(await planned()).toEqual(['2026-03-11T13:00', '2026-03-11T14:00', '2026-03-11T15:00']);
    },
  );
});
