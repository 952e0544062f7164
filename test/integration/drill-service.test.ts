import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hold } from '../../exporter/src/load/gate.ts';
import { DrillPolicy } from '../../exporter/src/service/drill-policy.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { WorkRegistry } from '../../exporter/src/service/work.ts';
import { eventually } from '../servers/eventually.ts';
import { TestInstallation } from '../servers/installation.ts';
import { operator, TestService, tokens, viewer, type Answer } from '../servers/service.ts';

const never = 'cron: "0 0 1 1 *"';
const schedules = `  - id: files
    source: { type: directory, path: FOLDER/files }
    ${never}
    stores: [local]
    verify: { drill: 7d }
  - id: slow
    source: { type: directory, path: FOLDER/files }
    ${never}
    stores: [local]
    verify: { drill_checks: { command: [sleep, '600'] } }`;
/** Whatever else this machine does, it is quiet enough. */
const calm = 'load: { high_water: { cpu: 1, memory: 1, disk: 1, pressure: { cpu: 1, memory: 1, disk: 1 } } }';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'lowtide-drills-'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const itemsOf = (answer: Answer): Record<string, unknown>[] =>
  answer.body['items'] as Record<string, unknown>[];

describe('drills of a service', () => {
  const services: TestService[] = [];
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service[Symbol.asyncDispose]()));
  });

  async function start(): Promise<TestService> {
    const more = `${tokens}\n${calm}\ndrills: { folder: ${scratch} }`;
    const service = await TestService.start(schedules, { more });
    services.push(service);
    mkdirSync(join(service.installation.folder, 'files'));
    writeFileSync(join(service.installation.folder, 'files', 'a.txt'), 'hello');
    return service;
  }

  it('are made when they are due, and shown by the API, the metrics and the log', async () => {
    const service = await start();
    expect((await service.call('/schedules/files')).body['drill']).toEqual({ everySeconds: 604_800 });
    const run = await service.post('/schedules/files/run?wait=true');
    expect(run.body['status']).toBe('completed');
    await service.end();
    await service.begin();
    await vi.waitUntil(
      async () => (await service.catalog.drills.list({ limit: 1 }))[0]?.status === 'passed',
      {
        timeout: 30_000,
      },
    );
    const [made] = itemsOf(await service.call('/drills?schedule=files&status=passed', { token: viewer }));
    expect(made).toMatchObject({
      trigger: 'schedule',
      backupId: run.body['backupId'],
      contents: { files: 1, bytes: 5 },
    });
    expect((await service.call(`/drills/${String(made?.['id'])}`)).body).toEqual(made);
    const { body: schedule } = await service.call('/schedules/files');
    // Whose it is, the schedule says.
    const { host, ...last } = made ?? {};
    expect(schedule).toMatchObject({ host, drill: { last, lastPassedAt: last['finishedAt'] } });
    const page = await (await fetch(service.url('/metrics'))).text();
    expect(page).toMatch(/backup_restore_drill_total\{schedule="files",status="passed"\} 1\n/);
    expect(page).toMatch(/backup_restore_drill_passed\{schedule="files"\} 1\n/);
    expect(page).toMatch(/backup_restore_drill_last_success_timestamp_seconds\{schedule="files"\} \d/);
    expect(service.log.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('restore drill passed'));
  });

  it('are begun by an operator, cancelled, and audited', async () => {
    const service = await start();
    expect((await service.post('/schedules/slow/drill', { token: operator })).status).toBe(404);
    await service.post('/schedules/slow/run?wait=true');
    expect((await service.post('/schedules/slow/drill', { token: viewer })).status).toBe(403);
    const begun = await service.post('/schedules/slow/drill', { token: operator });
    expect([begun.status, begun.body['status']]).toEqual([202, 'running']);
    const path = `/drills/${String(begun.body['id'])}`;
    expect((await service.call(path)).body['progress']).toBeDefined();
    expect((await service.post('/schedules/slow/drill', { token: operator })).body).toMatchObject({
      code: 'run_active',
    });
    await eventually(async () => {
      await service.post(`${path}/cancel`, { token: operator });
      expect((await service.call(path)).body['status']).not.toBe('running');
    });
    expect((await service.call(path)).body).toMatchObject({
      status: 'cancelled',
      trigger: 'api',
      error: { code: 'cancelled' },
    });
    expect((await service.post(`${path}/cancel`, { token: operator })).body).toMatchObject({
      code: 'run_ended',
    });
    const audited = itemsOf(await service.call('/audit')).map(({ action, subject }) => [action, subject]);
    expect(audited).toContainEqual(['schedule.drill', 'slow']);
    expect(audited).toContainEqual(['drill.cancel', begun.body['id']]);
  });
});

describe('the policy of drills', () => {
  let lowtide: TestInstallation;
  beforeEach(async () => {
    lowtide = await TestInstallation.make(schedules, { more: `drills: { folder: ${scratch} }` });
    mkdirSync(join(lowtide.folder, 'files'));
    await lowtide.completed('files');
  });
  afterEach(() => lowtide[Symbol.asyncDispose]());

  it('waits while the host is busy, or a backup is being made, and drills once it is quiet', async () => {
    const { opened } = lowtide;
    let hold: Hold | undefined = 'cpu';
    const stop = new AbortController();
    const policy = new DrillPolicy({
      installation: () => opened,
      registry: new WorkRegistry(() => performance.now(), stop.signal),
      log: createLog({ level: 'info', format: 'json', redact: (text) => text, write: () => undefined }),
      tooBusy: () => hold,
      track: (work) => work,
    });
    const made = async (): Promise<number> => (await opened.catalog.drills.list({ limit: 10 })).length;
    expect(await policy.dueAt(lowtide.schedule('slow'))).toBeUndefined();
    await policy.look(stop.signal);
    expect(await made()).toBe(0);
    hold = undefined;
    const running = await opened.catalog.startRun({
      id: 'r',
      ...{ schedule: 'slow', type: 'files', trigger: 'manual', startedAt: Date.now() },
      ...{ objectPrefix: 'slow/x', stores: ['local'] },
    });
    await policy.look(stop.signal);
    expect(await made()).toBe(0);
    const event = {
      name: 'run:finished',
      runId: running.id,
      schedule: 'slow',
      type: 'files',
      status: 'cancelled',
      durationSeconds: 1,
    } as const;
    await opened.catalog.finishRun('r', { status: 'cancelled', finishedAt: Date.now(), warnings: [], event });
    await policy.look(stop.signal);
    await policy.look(stop.signal);
    expect(await made()).toBe(1);
    expect(await policy.dueAt(lowtide.schedule('files'))).toBeGreaterThan(Date.now() + 6 * 86_400_000);
  });
});
