import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { newManifest, newRun, runEnd } from '../conformance/catalog-samples.ts';
import { eventually } from '../servers/eventually.ts';
import { program } from '../servers/programs.ts';
import { TestService } from '../servers/service.ts';

const hour = 3_600_000;
const step = 300_000;
const main = program('exporter/src/cli/main.ts');

/** Every day between midnight and six UTC; nothing is due while the test runs, or it is put off. */
const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    every: 1d
    window: 00:00-06:00
    timezone: UTC
    max_delay: 1m
    stores: [local]
    keep: { last: 50 }`;

const services: TestService[] = [];
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service[Symbol.asyncDispose]()));
});

async function start(): Promise<TestService> {
  const service = await TestService.start(schedules);
  services.push(service);
  const docs = join(service.installation.folder, 'docs');
  mkdirSync(docs);
  writeFileSync(join(docs, 'a.txt'), 'hello');
  // Not to be made beside those of the test, whatever the hour.
  await service.post('/schedules/docs/pause');
  return service;
}

/** Yesterday in UTC. */
const yesterday = Math.floor(Date.now() / (24 * hour)) * 24 * hour - 24 * hour;

/** A night whose fifth hour is quiet, and whose third, with 02:00 in it, is at a peak. */
async function measuredNight(catalog: Catalog): Promise<void> {
  const hours = [0.5, 0.4, 0.9, 0.5, 0.1, 0.5, 0.5, 0.5];
  const records = hours.flatMap((cpu, index) =>
    Array.from({ length: 12 }, (_, each) => ({
      at: yesterday + index * hour + each * step,
      cpu,
      memory: NaN,
      disk: NaN,
    })),
  );
  await catalog.load.record(records, 'coarse');
}

interface RanSample {
  readonly startedAt: number;
  readonly minutes: number;
  readonly dueAt?: number;
}

async function ran(catalog: Catalog, id: string, { startedAt, minutes, dueAt }: RanSample): Promise<void> {
  const run = newRun(id, {
    schedule: 'docs',
    type: 'files',
    startedAt,
    ...(dueAt !== undefined && { dueAt }),
  });
  const manifest = newManifest(`b-${id}`, { schedule: 'docs', type: 'files', createdAt: startedAt });
  await catalog.startRun(run);
  const finishedAt = startedAt + minutes * 60_000;
  // It has no copy: nothing of it lies in the store.
  const backup = { manifest: { ...manifest, runId: id }, copies: [] };
  await catalog.finishRun(id, { ...runEnd(run, { finishedAt }), backup });
}

async function metricsOf(service: TestService): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(service.url('/metrics'))).text();
  const lines = page.split('\n').filter((line) => line.startsWith('backup_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('a run is looked back at', () => {
  it('when its window is over: what it met, could have met, and would have met at 02:00, also after a restart', async () => {
    const service = await start();
    await measuredNight(service.catalog);
    const startedAt = yesterday + 1.25 * hour;
    await ran(service.catalog, 'r1', { startedAt, minutes: 30, dueAt: yesterday });
    // It is found at the next start, as one of a process that ended before it looked back.
    await service.end();
    await service.begin();
    const met = {
      'backup_run_load_ratio{schedule="docs"}': expect.closeTo(0.4, 6) as number,
      'backup_best_load_ratio{schedule="docs"}': expect.closeTo(0.1, 6) as number,
      'backup_fixed_load_ratio{schedule="docs"}': expect.closeTo(0.9, 6) as number,
      'backup_load_peaks_total{schedule="docs",start="chosen"}': 0,
      'backup_load_peaks_total{schedule="docs",start="fixed"}': 1,
    };
    await eventually(async () => {
      expect(Object.fromEntries(await metricsOf(service))).toMatchObject(met);
    });
    const { body } = await service.call('/runs/r1');
    expect(body['load']).toEqual({
      met: expect.closeTo(0.4, 6) as number,
      metPeak: false,
      best: {
        start: new Date(yesterday + 4 * hour).toISOString(),
        load: expect.closeTo(0.1, 6) as number,
      },
      regret: expect.closeTo(0.3, 6) as number,
      fixed: {
        start: new Date(yesterday + 2 * hour).toISOString(),
        load: expect.closeTo(0.9, 6) as number,
        metPeak: true,
      },
      isFinal: true,
    });
    expect((await service.call('/runs')).body).toMatchObject({ items: [{ load: body['load'] }] });

    const config = service.installation.configFile;
    const cli = (...args: string[]) =>
      spawnSync(process.execPath, [main, ...args, '--config', config], { encoding: 'utf8' });
    expect(cli('backups').stdout).toContain('40 %, best 10 %');
    expect(JSON.parse(cli('backups', '--json').stdout)).toMatchObject([
      { id: 'b-r1', run: { id: 'r1', load: body['load'] } },
    ]);

    await service.end();
    await service.begin();
    expect(Object.fromEntries(await metricsOf(service))).toMatchObject(met);
  });

  it('at once: what it took of the host, and that it was unusual', async () => {
    const service = await start();
    for (let index = 1; index <= 5; index += 1) {
      await ran(service.catalog, `r${index}`, { startedAt: yesterday + index * hour, minutes: 30 });
    }
    // Earlier backups had the 9,000 bytes of the samples, and this one has a thousand times as many.
    writeFileSync(join(service.installation.folder, 'docs', 'b.bin'), Buffer.alloc(9_000_000, 7));
    const { body: run } = await service.post('/schedules/docs/run?wait=true');
    expect(run['status']).toBe('completed');
    await eventually(async () => {
      const { body } = await service.call(`/runs/${String(run['id'])}`);
      expect(body['unusual']).toMatchObject([{ figure: 'size', low: 0 }]);
    });
    const { body } = await service.call(`/runs/${String(run['id'])}`);
    const use = body['use'] as { cpu: number; memory: number };
    expect(use.cpu).toBeGreaterThan(0);
    expect(use.cpu).toBeLessThanOrEqual(1);
    expect(use.memory).toBeLessThan(0.5);
    expect((await metricsOf(service)).get('backup_unusual_runs_total{schedule="docs",figure="size"}')).toBe(
      1,
    );
    expect(
      (await metricsOf(service)).get('backup_unusual_runs_total{schedule="docs",figure="duration"}'),
    ).toBe(0);
    const warning = service.log.find(({ msg }) => String(msg).startsWith('an unusual backup'));
    expect(warning).toMatchObject({ schedule: 'docs', run: run['id'] });
    expect(warning?.['msg']).toMatch(/it has a size of .* MiB, where 0 B to 1\.5 MiB is usual$/);

    const config = service.installation.configFile;
    writeFileSync(join(service.installation.folder, 'docs', 'c.bin'), Buffer.alloc(9_000_000, 7));
    const cli = spawnSync(process.execPath, [main, 'backup', 'docs', '--json', '--config', config], {
      encoding: 'utf8',
    });
    expect(cli.status).toBe(0);
    expect(cli.stderr).toMatch(/warning: it has a size of 17\.\d MiB/);
    expect(JSON.parse(cli.stdout)).toMatchObject({
      status: 'completed',
      unusual: [{ figure: 'size' }],
      use: { cpu: expect.any(Number) as number },
    });

    // What three runs took is reckoned with from then on.
    await service.post('/schedules/docs/run?wait=true');
    const { body: schedule } = await service.call('/schedules/docs');
    const expected = schedule['expected'] as { resources: { cpu: number }; durationSeconds: number };
    expect(schedule['resources']).toEqual({ cpu: 0.25, memory: 0.1 });
    expect(expected).toMatchObject({ runs: 8, durationSeconds: 1800 });
    expect(expected.resources.cpu).not.toBe(0.25);
  });
});
