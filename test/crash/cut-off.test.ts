import { globSync, mkdtempSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Catalog, Run } from '../../exporter/src/catalog/catalog.ts';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';

/** Holds its run up until the file `go` is there. */
const slow = `{ id: slow, source: { type: command, argv: [sh, -c, "touch FOLDER/runs; until [ -e FOLDER/go ]; do sleep 0.05; done; echo data"] }, every: 1d, stores: [local] }`;

function often(id: string, priority: string): string {
  const source = `{ type: command, argv: [sh, -c, "echo data; sleep 0.2"] }`;
  return `{ id: ${id}, priority: ${priority}, source: ${source}, every: 10s, stores: [local], resources: { cpu: 0.1 }, keep: { last: 1000 } }`;
}

/** A host, its PostgreSQL, and the way between them. */
class Rig implements AsyncDisposable {
  readonly server: PostgresServer;
  readonly proxy: TcpProxy;
  readonly folder: string;

  private constructor(server: PostgresServer, proxy: TcpProxy, folder: string) {
    this.server = server;
    this.proxy = proxy;
    this.folder = folder;
  }

  static async make(...schedules: readonly string[]): Promise<Rig> {
    const server = await startPostgres();
    const folder = mkdtempSync(join(tmpdir(), 'lowtide-cut-off-'));
    const file = writeConfig(folder, schedules.map((each) => `  - ${each}`).join('\n'), {
      instance: 'host-1',
      state: '${env:STATE_URL}',
      more: tokens,
    });
    const { config } = await readConfig(file, { STATE_URL: server.url() });
    await makeKey(config);
    return new Rig(server, await startTcpProxy(server.port), folder);
  }

  /** `by`: the port through which it reaches PostgreSQL. */
  envOf(by = this.server.port): NodeJS.ProcessEnv {
    const url = this.server.url().replace(`:${this.server.port}/`, `:${by}/`);
    return { ...process.env, STATE_URL: `${url}?connect_timeout=2` };
  }

  serving(by?: number): Promise<ServeProcess> {
    return ServeProcess.startIn(this.folder, this.envOf(by));
  }

  async onRecord<T>(ask: (catalog: Catalog) => Promise<T>): Promise<T> {
    const home = mkdtempSync(join(this.folder, 'home-'));
    const postgres = openPostgres(this.server.url(), { applicationName: 'tests' });
    await using catalog = await openPostgresCatalog(postgres, {
      ...{ instance: 'host-1', folder: home },
      assertOurs: () => Promise.resolve(),
    });
    return await ask(catalog);
  }

  runsOf(schedule: string): Promise<readonly Run[]> {
    return this.onRecord((catalog) => catalog.runs({ schedule, limit: 500 }));
  }

  async events(): Promise<readonly EventBody[]> {
    return (await this.onRecord((catalog) => catalog.eventsAfter(0, 10_000))).map(({ body }) => body);
  }

  /** Whatever was killed when: each occurrence was made once, each run has one beginning and one end, and each backup its run. */
  async expectNothingTwice(): Promise<void> {
    const runs = await this.onRecord((catalog) => catalog.runs({ limit: 500 }));
    expect(runs.filter(({ status }) => status === 'running')).toEqual([]);
    const completed = runs.filter(({ status }) => status === 'completed');
    const occurrences = completed.flatMap(({ schedule, dueAt }) =>
      dueAt === undefined ? [] : [`${schedule} ${dueAt}`],
    );
    expect(new Set(occurrences).size).toBe(occurrences.length);
    const manifests = globSync('backups/**/*.age.json', { cwd: this.folder });
    expect(manifests).toHaveLength(completed.length);
    const backups = await this.onRecord((catalog) => catalog.backups({ limit: 500 }));
    expect(backups.map(({ id }) => id).toSorted()).toEqual(
      completed.map(({ backupId }) => backupId).toSorted(),
    );
    const told = await this.events();
    for (const { id, status } of runs) {
      const ofRun = told.filter((event) => 'runId' in event && event.runId === id);
      expect(ofRun.filter(({ name }) => name === 'run:started' || name === 'run:finished')).toEqual([
        expect.objectContaining({ name: 'run:started' }),
        expect.objectContaining({ name: 'run:finished', status }),
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const countIn = (service: ServeProcess, text: string | RegExp): number => service.log.split(text).length - 1;
const usualStarted = /"schedule":"usual","run":"[^"]+","msg":"backup started"/;
const isAway = 'until PostgreSQL is back';
const isBack = 'PostgreSQL is back after';

/** They wait for what is due most of the time. */
const together = { concurrent: true, timeout: 120_000 };

describe('a host whose PostgreSQL stops', together, () => {
  it('finishes the backup that runs, and has it on record as one run when it is back', async () => {
    await using rig = await Rig.make(slow);
    await using service = await rig.serving();
    await fetch(`http://${service.address}/metrics`);
    expect(await service.post('/schedules/slow/run')).toMatchObject({ status: 202 });
    await eventually(() => expect(existsSync(join(rig.folder, 'runs'))).toBe(true));
    await rig.server.crash();
    writeFileSync(join(rig.folder, 'go'), '');
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

    await rig.server.restart();
    await service.said(isBack);
    const [run, ...others] = await rig.runsOf('slow');
    expect(others).toEqual([]);
    expect(run).toMatchObject({ status: 'completed', trigger: 'api' });
    await eventually(async () =>
      expect(await rig.onRecord((catalog) => catalog.backup(run?.backupId ?? ''))).toMatchObject({
        copies: [{ status: 'good', verifiedAt: expect.any(Number) as number }],
      }),
    );
    const names = (await rig.events()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('run:') || name.startsWith('backup:'))).toEqual([
      'run:started',
      'run:finished',
      'backup:verified',
    ]);
    expect(service.log).not.toContain('"level":"error"');
    expect(await (await fetch(`http://${service.address}/metrics`)).text()).toMatch(
      /^lowtide_state_available 1$/m,
    );
    await rig.expectNothingTwice();
  });

  it('runs what is critical meanwhile, and the rest when it is back', async () => {
    await using rig = await Rig.make(often('vital', 'critical'), often('usual', 'medium'));
    await using service = await rig.serving();
    await service.said('backup completed');
    await rig.server.crash();
    await service.said(isAway);
    const startedBefore = countIn(service, usualStarted);
    const made = (): number => countIn(service, 'backup completed');
    const before = made();
    await eventually(() => expect(made()).toBeGreaterThan(before + 1));
    expect(countIn(service, usualStarted)).toBe(startedBefore);

    await rig.server.restart();
    await service.said(isBack);
    await eventually(() => expect(countIn(service, usualStarted)).toBeGreaterThan(startedBefore));
    service.signal('SIGTERM');
    await service.ended();
    const told = await rig.events();
    expect(told).toContainEqual({ name: 'run:deferred', schedule: 'usual', reason: 'cut_off' });
    expect(told).not.toContainEqual({ name: 'run:deferred', schedule: 'vital', reason: 'cut_off' });
    await rig.expectNothingTwice();
  });

  it('goes on after kill -9 again and again, while it is away and when it comes back', async () => {
    await using rig = await Rig.make(
      often('vital', 'critical'),
      often('vital-2', 'critical'),
      often('usual', 'medium'),
    );
    {
      await using service = await rig.serving();
      await service.said('backup completed');
      await service.kill();
    }
    await rig.server.crash();
    for (const milliseconds of [0, 150, 400, 900, 3000]) {
      await using service = await rig.serving();
      expect(service.log).toContain(isAway);
      // Some times amid a backup; else the moment of the kill is what is tried: there is nothing to wait for.
      if (milliseconds === 900) await service.said('backup started');
      await delay(milliseconds);
      await service.kill();
    }
    await rig.server.restart();
    for (const milliseconds of [600, 800, 900, 1000, 1100, 1300]) {
      const service = ServeProcess.beginIn(rig.folder, rig.envOf());
      await delay(milliseconds);
      await service.kill();
    }
    await using service = await rig.serving();
    await service.said('backup completed');
    service.signal('SIGTERM');
    await service.ended();
    expect((await rig.runsOf('vital')).length).toBeGreaterThan(2);
    await rig.expectNothingTwice();
  });
});

describe('a host behind a network', together, () => {
  it.each<[string, (proxy: TcpProxy) => void, (proxy: TcpProxy) => void]>([
    ['that falls silent', (proxy) => proxy.freeze(), (proxy) => proxy.thaw()],
    ['that loses the answers and then breaks', (proxy) => proxy.swallowAnswers(true), (proxy) => proxy.cut()],
  ])('%s goes on, and makes good', async (_, cut, mend) => {
    await using rig = await Rig.make(often('vital', 'critical'), often('usual', 'medium'));
    await using service = await rig.serving(rig.proxy.port);
    await service.said('backup completed');
    cut(rig.proxy);
    await service.said(isAway);
    const before = countIn(service, 'backup completed');
    await eventually(() => expect(countIn(service, 'backup completed')).toBeGreaterThan(before));
    mend(rig.proxy);
    await service.said(isBack);
    const after = countIn(service, 'backup completed');
    await eventually(() => expect(countIn(service, 'backup completed')).toBeGreaterThan(after));
    service.signal('SIGTERM');
    await service.ended();
    await rig.expectNothingTwice();
  });
});
