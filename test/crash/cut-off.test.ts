import { globSync, mkdtempSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog, Run } from '../../exporter/src/catalog/catalog.ts';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { openKeystore } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { eventually } from '../servers/eventually.ts';
import { writeConfig } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';

let server: PostgresServer;
let proxy: TcpProxy;
let folder: string;
beforeEach(async () => {
  server = await startPostgres();
  proxy = await startTcpProxy(server.port);
  folder = mkdtempSync(join(tmpdir(), 'lowtide-cut-off-'));
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Holds its run up until the file `go` is there. */
const slow = `{ id: slow, source: { type: command, argv: [sh, -c, "touch FOLDER/runs; until [ -e FOLDER/go ]; do sleep 0.05; done; echo data"] }, every: 1d, stores: [local] }`;

function often(id: string, priority: string): string {
  const source = `{ type: command, argv: [sh, -c, "echo data; sleep 0.2"] }`;
  return `{ id: ${id}, priority: ${priority}, source: ${source}, every: 10s, stores: [local], resources: { cpu: 0.1 }, keep: { last: 1000 } }`;
}

async function makeHost(...schedules: readonly string[]): Promise<void> {
  const file = writeConfig(folder, schedules.map((each) => `  - ${each}`).join('\n'), {
    instance: 'host-1',
    state: '${env:STATE_URL}',
    more: tokens,
  });
  const { config } = await readConfig(file, { STATE_URL: server.url() });
  await openKeystore(config).create({ kind: 'x25519', now: Date.now() });
}

/** `by`: the port through which it reaches PostgreSQL. */
function envOf(by = server.port): NodeJS.ProcessEnv {
  const url = server.url().replace(`:${server.port}/`, `:${by}/`);
  return { ...process.env, STATE_URL: `${url}?connect_timeout=2` };
}

const serving = (by?: number): Promise<ServeProcess> => ServeProcess.startIn(folder, envOf(by));

async function onRecord<T>(ask: (catalog: Catalog) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(folder, 'home-'));
  const postgres = openPostgres(server.url(), { applicationName: 'tests' });
  await using catalog = await openPostgresCatalog(postgres, {
    ...{ instance: 'host-1', folder: home },
    assertOurs: () => Promise.resolve(),
  });
  return await ask(catalog);
}

const runsOf = (schedule: string): Promise<readonly Run[]> =>
  onRecord((catalog) => catalog.runs({ schedule, limit: 500 }));

async function events(): Promise<readonly EventBody[]> {
  return (await onRecord((catalog) => catalog.eventsAfter(0, 10_000))).map(({ body }) => body);
}

const countIn = (service: ServeProcess, text: string | RegExp): number => service.log.split(text).length - 1;
const usualStarted = /"schedule":"usual","run":"[^"]+","msg":"backup started"/;
const isAway = 'until PostgreSQL is back';
const isBack = 'PostgreSQL is back after';

/** Whatever was killed when: each occurrence was made once, each run has one beginning and one end, and each backup its run. */
async function expectNothingTwice(): Promise<void> {
  const runs = await onRecord((catalog) => catalog.runs({ limit: 500 }));
  expect(runs.filter(({ status }) => status === 'running')).toEqual([]);
  const completed = runs.filter(({ status }) => status === 'completed');
  const occurrences = completed.flatMap(({ schedule, dueAt }) =>
    dueAt === undefined ? [] : [`${schedule} ${dueAt}`],
  );
  expect(new Set(occurrences).size).toBe(occurrences.length);
  const manifests = globSync('backups/**/*.age.json', { cwd: folder });
  expect(manifests).toHaveLength(completed.length);
  const backups = await onRecord((catalog) => catalog.backups({ limit: 500 }));
  expect(backups.map(({ id }) => id).toSorted()).toEqual(
    completed.map(({ backupId }) => backupId).toSorted(),
  );
  const told = await events();
  for (const { id, status } of runs) {
    const ofRun = told.filter((event) => 'runId' in event && event.runId === id);
    expect(ofRun.filter(({ name }) => name === 'run:started' || name === 'run:finished')).toEqual([
      expect.objectContaining({ name: 'run:started' }),
      expect.objectContaining({ name: 'run:finished', status }),
    ]);
  }
}

describe('a host whose PostgreSQL stops', () => {
  it('finishes the backup that runs, and has it on record as one run when it is back', async () => {
    await makeHost(slow);
    await using service = await serving();
    await fetch(`http://${service.address}/metrics`);
    expect(await service.post('/schedules/slow/run')).toMatchObject({ status: 202 });
    await eventually(() => expect(existsSync(join(folder, 'runs'))).toBe(true));
    await server.crash();
    writeFileSync(join(folder, 'go'), '');
    await service.said('backup completed');
    expect(service.log).toContain(isAway);

    const metrics = await fetch(`http://${service.address}/metrics`);
    expect(metrics.status).toBe(200);
    const page = await metrics.text();
    expect(page).toMatch(/^lowtide_state_available 0$/m);
    expect(page).toMatch(/^backup_health_status\{check_type="catalog"\} [01]$/m);
    expect(page).toMatch(/^backup_last_success_timestamp_seconds\{schedule="slow"\} \d/m);
    const health = await eventually(async () => {
      const answer = (await (await fetch(`http://${service.address}/-/ready`)).json()) as {
        checks: { type: string; ok: boolean; hint?: string }[];
      };
      const failing = answer.checks.filter(({ ok }) => !ok);
      expect(failing.map(({ type }) => type)).toContain('catalog');
      return failing;
    });
    expect(health.find(({ type }) => type === 'catalog')?.hint).toContain('PostgreSQL');
    const refused = await service.call('/schedules');
    expect(refused).toMatchObject({ status: 503, body: { code: 'state_unavailable' } });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');

    await server.restart();
    await service.said(isBack);
    const [run, ...others] = await runsOf('slow');
    expect(others).toEqual([]);
    expect(run).toMatchObject({ status: 'completed', trigger: 'api' });
    await eventually(async () =>
      expect(await onRecord((catalog) => catalog.backup(run?.backupId ?? ''))).toMatchObject({
        copies: [{ status: 'good', verifiedAt: expect.any(Number) as number }],
      }),
    );
    const names = (await events()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('run:') || name.startsWith('backup:'))).toEqual([
      'run:started',
      'run:finished',
      'backup:verified',
    ]);
    expect(service.log).not.toContain('"level":"error"');
    expect(await (await fetch(`http://${service.address}/metrics`)).text()).toMatch(
      /^lowtide_state_available 1$/m,
    );
    await expectNothingTwice();
  });

  it('runs what is critical meanwhile, and the rest when it is back', async () => {
    await makeHost(often('vital', 'critical'), often('usual', 'medium'));
    await using service = await serving();
    await service.said('backup completed');
    await server.crash();
    await service.said(isAway);
    const startedBefore = countIn(service, usualStarted);
    const made = (): number => countIn(service, 'backup completed');
    const before = made();
    await eventually(() => expect(made()).toBeGreaterThan(before + 1));
    expect(countIn(service, usualStarted)).toBe(startedBefore);

    await server.restart();
    await service.said(isBack);
    await eventually(() => expect(countIn(service, usualStarted)).toBeGreaterThan(startedBefore));
    service.signal('SIGTERM');
    await service.ended();
    const told = await events();
    expect(told).toContainEqual({ name: 'run:deferred', schedule: 'usual', reason: 'cut_off' });
    expect(told).not.toContainEqual({ name: 'run:deferred', schedule: 'vital', reason: 'cut_off' });
    await expectNothingTwice();
  });

  it('goes on after kill -9 again and again, while it is away and when it comes back', async () => {
    await makeHost(often('vital', 'critical'), often('vital-2', 'critical'), often('usual', 'medium'));
    {
      await using service = await serving();
      await service.said('backup completed');
      await service.kill();
    }
    await server.crash();
    for (const milliseconds of [0, 150, 400, 900, 3000]) {
      await using service = await serving();
      expect(service.log).toContain(isAway);
      // Some times amid a backup; else the moment of the kill is what is tried: there is nothing to wait for.
      if (milliseconds === 900) await service.said('backup started');
      await delay(milliseconds);
      await service.kill();
    }
    await server.restart();
    for (const milliseconds of [600, 800, 900, 1000, 1100, 1300]) {
      const service = ServeProcess.beginIn(folder, envOf());
      await delay(milliseconds);
      await service.kill();
    }
    await using service = await serving();
    await service.said('backup completed');
    service.signal('SIGTERM');
    await service.ended();
    expect((await runsOf('vital')).length).toBeGreaterThan(2);
    await expectNothingTwice();
  }, 120_000);
});

describe('a host behind a network', () => {
  it.each([
    ['that falls silent', () => proxy.freeze(), () => proxy.thaw()],
    [
      'that loses the answers and then breaks',
      () => {
        proxy.swallowAnswers();
      },
      () => proxy.cut(),
    ],
  ])(
    '%s goes on, and makes good',
    async (_, cut, mend) => {
      await makeHost(often('vital', 'critical'), often('usual', 'medium'));
      await using service = await serving(proxy.port);
      await service.said('backup completed');
      cut();
      await service.said(isAway);
      const before = countIn(service, 'backup completed');
      await eventually(() => expect(countIn(service, 'backup completed')).toBeGreaterThan(before));
      mend();
      await service.said(isBack);
      const after = countIn(service, 'backup completed');
      await eventually(() => expect(countIn(service, 'backup completed')).toBeGreaterThan(after));
      service.signal('SIGTERM');
      await service.ended();
      await expectNothingTwice();
    },
    120_000,
  );
});
