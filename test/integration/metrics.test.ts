import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { fullestDisk } from '../../exporter/src/health/disk.ts';
import { startHttp } from '../../exporter/src/http/server.ts';
import type { PageFormat } from '../../exporter/src/metrics/exposition.ts';
import { serviceMetrics, type ServiceMetrics } from '../../exporter/src/metrics/metrics.ts';
import { newManifest, newRun, runEnd } from '../conformance/catalog-samples.ts';
import { metricsSample, noon } from '../golden/metrics-sample.ts';
import { startPrometheus } from '../servers/prometheus.ts';

let folder: string;
let catalog: Catalog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-metrics-'));
  catalog = openSqliteCatalog(folder);
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function serve(failed: (what: string) => void = () => undefined): ServiceMetrics {
  return serviceMetrics(
    metricsSample({
      catalog,
      disk: () => fullestDisk([folder]),
      process: true,
      onFailure: (what) => failed(what),
    }),
  );
}

const pageOf = async (service: ServiceMetrics, format: PageFormat = 'text'): Promise<string> =>
  (await service.pages(format)).body.toString();

/** The lines of the page that come from the state: not of this process, and not how long something took. */
function stateOf(page: string): readonly string[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('backup_') && !line.startsWith('backup_disk_'))
    .toSorted();
}

/** A day in the life of `db-prod`: one backup that is verified and restored, a failure, a run that goes on. */
async function liveADay(): Promise<void> {
  const done = newRun('r1', { dueAt: noon - 30_000 });
  await catalog.startRun(done);
  const end = runEnd(done, { manifest: newManifest('b1') });
  const uploads = [{ provider: 'local', seconds: 1.5 }];
  await catalog.finishRun('r1', {
    ...end,
    event: { ...end.event, sizeBytes: 9000, encryptionSeconds: 0.5, uploads },
  });
  const failed = newRun('r2', { startedAt: noon + 100_000 });
  await catalog.startRun(failed);
  const failure = runEnd(failed, { status: 'failed' });
  await catalog.finishRun('r2', { ...failure, event: { ...failure.event, errorType: 'source' } });
  await catalog.recordVerification('b1', 'local', { status: 'passed', at: noon });
  await catalog.recordRestore('b1', 'completed', noon);
  await catalog.startRun(newRun('r3', { schedule: 'etc', type: 'files' }));
}

/** What `promtool check metrics` says about a page, and how it ends. */
function promtool(page: string): unknown {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: page,
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}
const silent = { status: 0, said: '' };

/** Samples that the reference parser of OpenMetrics (which is strict) finds on a page; Debian's Python has Debian's packages. */
function strictlyParsed(page: string): number {
  const program =
    'import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse;' +
    'print(sum(len(family.samples) for family in parse(sys.stdin.read())))';
  const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program], {
    input: page,
    encoding: 'utf8',
  });
  if (stderr !== '') throw new Error(stderr);
  return Number(stdout);
}

const samplesIn = (page: string): number =>
  page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;

describe('the metrics page of a real catalog', () => {
  it('leaves promtool nothing to say: empty, after a day, and in the golden file', async () => {
    const service = serve();
    expect(promtool(await pageOf(service))).toEqual(silent);
    await liveADay();
    expect(promtool(await pageOf(service))).toEqual(silent);
    expect(promtool(readFileSync(new URL('../golden/metrics.txt', import.meta.url), 'utf8'))).toEqual(silent);
  });

  it('is OpenMetrics to the strict reference parser: empty, after a day, and in the golden file', async () => {
    const service = serve();
    const empty = await pageOf(service, 'openmetrics');
    expect(strictlyParsed(empty)).toBe(samplesIn(empty));
    await liveADay();
    const page = await pageOf(service, 'openmetrics');
    expect(strictlyParsed(page)).toBe(samplesIn(page));
    const golden = readFileSync(new URL('../golden/metrics.openmetrics.txt', import.meta.url), 'utf8');
    expect(strictlyParsed(golden)).toBe(samplesIn(golden));
  });

  it('is right again after a restart', async () => {
    const service = serve();
    await pageOf(service);
    await liveADay();
    const before = stateOf(await pageOf(service));
    expect(before).toEqual(
      expect.arrayContaining([
        'backup_total{type="database",status="completed"} 1',
        'backup_total{type="database",status="failed"} 1',
        'backup_errors_total{error_type="source"} 1',
        'backup_verification_total{status="passed"} 1',
        'backup_restore_total{status="completed"} 1',
        'backup_success_rate{type="database"} 0.5',
        'backup_running{schedule="etc"} 1',
        'backup_start_delay_seconds{schedule="db-prod"} 30',
        `backup_last_success_timestamp_seconds{schedule="db-prod"} ${noon / 1000 + 60}`,
        'backup_store_bytes{store="local"} 7144',
        'backup_key_backups{key_id="key-0000000000aa"} 1',
      ]),
    );
    await catalog[Symbol.asyncDispose]();
    catalog = openSqliteCatalog(folder);
    expect(stateOf(await pageOf(serve()))).toEqual(before);
  });

  it('has at its next reading what another process has done', async () => {
    const service = serve();
    expect(await pageOf(service)).toContain('\nbackup_missed_total{schedule="etc"} 0\n');
    const sqlite = new URL('../../exporter/src/catalog/sqlite.ts', import.meta.url).href;
    const program = `import { openSqliteCatalog } from ${JSON.stringify(sqlite)};
      await using catalog = openSqliteCatalog(process.argv[1]);
      await catalog.append({ name: 'run:missed', schedule: 'etc', dueAt: 0, occurrences: 1 }, 0);`;
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program, folder], {
      encoding: 'utf8',
    });
    expect(child).toMatchObject({ status: 0, stderr: '' });
    expect(await pageOf(service)).toContain('\nbackup_missed_total{schedule="etc"} 1\n');
  });

  it('is served without a catalog too, and tells so', async () => {
    const failed: string[] = [];
    const service = serve((what) => failed.push(what));
    await liveADay();
    await pageOf(service);
    await catalog[Symbol.asyncDispose]();
    const page = await pageOf(service);
    expect(failed).toEqual(['events', 'catalog']);
    expect(page).toContain('\nlowtide_collector_success{collector="catalog"} 0\n');
    expect(page).toContain('\nbackup_total{type="database",status="completed"} 1\n');
    expect(page).not.toContain('\nbackup_store_bytes{');
    expect(page).toMatch(/^backup_disk_free_bytes \d+$/m);
    expect(promtool(page)).toEqual(silent);
  });

  it('is scraped by a real Prometheus, which finds the values under the names', async () => {
    await liveADay();
    const { metrics, pages, catchUp } = serve();
    await catchUp();
    await using http = await startHttp({
      listen: '127.0.0.1:0',
      version: '1.2.3',
      instance: 'db-host-1',
      metrics,
      pages,
      health: () => Promise.resolve([]),
      onError: (error) => {
        throw error;
      },
    });
    await using prometheus = await startPrometheus(http.address);
    expect(await prometheus.query('up == 1')).toEqual(new Map([['up{}', 1]]));
    expect(await prometheus.query('backup_total == 1')).toEqual(
      new Map([
        ['backup_total{status="completed",type="database"}', 1],
        ['backup_total{status="failed",type="database"}', 1],
      ]),
    );
    expect(
      await prometheus.query('backup_duration_seconds_bucket{status="completed", le="60.0"} == 1'),
    ).toEqual(new Map([['backup_duration_seconds_bucket{le="60.0",status="completed",type="database"}', 1]]));
    const stale = 'time() - backup_last_success_timestamp_seconds > 2 * backup_schedule_interval_seconds';
    expect([...(await prometheus.query(stale)).keys()]).toEqual(['{schedule="db-prod"}']);
    expect(
      await prometheus.query('lowtide_http_request_duration_seconds_count{route="/metrics", code="200"} > 0'),
    ).toHaveProperty('size', 1);
  });
});
