import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { Gauge, Histogram, Registry } from 'prom-client';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import type { ShownSchedule } from '../../exporter/src/metrics/from-state.ts';
import { readFamilies, renderPage } from '../../exporter/src/metrics/exposition.ts';
import { serviceMetrics } from '../../exporter/src/metrics/metrics.ts';
import { metricFacts } from '../../exporter/src/metrics/names.ts';
import { metricsSample, noon } from '../golden/metrics-sample.ts';

/**
 * What a scrape costs with many schedules and a long event log, beside a plain registry of the client library with as many series
 * (histogram buckets in the same share) that only has to write its page. `node test/bench/scrape.ts [SCHEDULES] [EVENTS]`.
 */
const scheduleCount = Number(process.argv[2] ?? 500);
const eventCount = Number(process.argv[3] ?? 100_000);
const scrapes = 200;

const schedules: readonly ShownSchedule[] = Array.from({ length: scheduleCount }, (_, index) => ({
  id: `schedule-${index}`,
  type: (['database', 'files', 'command'] as const)[index % 3] ?? 'files',
  intervalSeconds: 86_400,
  nextRunAt: noon + index,
  maxDelayMs: 3_600_000,
  isPaused: false,
  expectedSeconds: 1800,
}));

function eventBody(index: number): EventBody {
  const schedule = schedules[index % scheduleCount];
  if (schedule === undefined) throw new RangeError('there are no schedules');
  const runId = `r${index}`;
  switch (index % 4) {
    case 0:
      return { name: 'run:started', runId, schedule: schedule.id, dueAt: noon };
    case 1:
      return { name: 'run:deferred', schedule: schedule.id, reason: 'high_load' };
    case 2:
      return { name: 'backup:verified', backupId: runId, status: 'passed' };
    default:
      return {
        name: 'run:finished',
        runId,
        schedule: schedule.id,
        type: schedule.type,
        status: 'completed',
        durationSeconds: index % 4000,
        sizeBytes: index * 1e6,
        encryptionSeconds: index % 100,
        uploads: [{ provider: 'local', seconds: index % 100 }],
      };
  }
}

/** Straight into the table: 100,000 commits by way of the catalog would take minutes of fsync. */
async function fillEvents(folder: string): Promise<void> {
  await openSqliteCatalog(folder)[Symbol.asyncDispose]();
  using database = new DatabaseSync(join(folder, 'catalog.db'));
  database.exec('BEGIN');
  const insert = database.prepare('INSERT INTO events (at, body) VALUES (?, ?)');
  for (let index = 0; index < eventCount; index += 1) {
    insert.run(noon + index, JSON.stringify(eventBody(index)));
  }
  for (const { id } of schedules) {
    database.prepare('INSERT INTO schedules (id, last_success_at) VALUES (?, ?)').run(id, noon);
  }
  database.exec('COMMIT');
}

function plainRegistry(gaugeSeries: number, histogramSeries: number): Registry {
  const registry = new Registry();
  const gauges = ['a', 'b', 'c', 'd', 'e', 'f'].map(
    (name) => new Gauge({ name, help: 'h', labelNames: ['schedule'], registers: [registry] }),
  );
  for (let index = 0; index < gaugeSeries; index += 1) {
    gauges[index % gauges.length]?.set({ schedule: `schedule-${Math.floor(index / gauges.length)}` }, index);
  }
  const { buckets } = metricFacts.backup_duration_seconds;
  const histogram = new Histogram({
    name: 'h',
    help: 'h',
    labelNames: ['type', 'status'],
    buckets: [...buckets],
    registers: [registry],
  });
  for (let index = 0; index < histogramSeries / (buckets.length + 3); index += 1) {
    histogram.observe({ type: 'database', status: `s${index}` }, 1);
  }
  return registry;
}

/** Median milliseconds of one call. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < scrapes; index += 1) {
    const before = performance.now();
    await work();
    times.push(performance.now() - before);
  }
  return times.toSorted((a, b) => a - b)[scrapes / 2] ?? NaN;
}

const print = (what: string, figure: string): void => console.log(`${what.padEnd(52)}${figure.padStart(12)}`);
const ms = (value: number): string => `${value.toFixed(2)} ms`;

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-scrape-'));
try {
  await fillEvents(folder);
  await using catalog = openSqliteCatalog(folder);
  const service = serviceMetrics(metricsSample({ catalog, schedules: () => schedules }));

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = performance.now();
  await service.catchUp();
  print(`reading ${eventCount} events at start`, ms(performance.now() - before));
  delay.disable();
  print('  longest hold of the event loop meanwhile', ms(delay.max / 1e6));

  const page = (await service.pages('text')).body.toString();
  const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const ofHistograms = samples.filter((line) => /_(bucket|sum|count)[{ ]/.test(line)).length;
  print(`series with ${scheduleCount} schedules`, String(samples.length));

  const plain = plainRegistry(samples.length - ofHistograms, ofHistograms);
  const peer = await time(() => plain.metrics());
  const ours = await time(() => service.pages('text'));
  const open = await time(() => service.pages('openmetrics'));
  const rendered = await time(async () => renderPage(await readFamilies(plain, () => undefined), 'text'));
  const gzipped = await time(async () => (await service.pages('text')).gzipped());
  print('peer: plain prom-client registry, page alone', ms(peer));
  print('its registry, written by our renderer', `${ms(rendered)}  ${(rendered / peer).toFixed(2)}x`);
  print('a scrape, text', `${ms(ours)}  ${(ours / peer).toFixed(2)}x`);
  print('a scrape, OpenMetrics', `${ms(open)}  ${(open / peer).toFixed(2)}x`);
  print('a scrape, text, gzip', `${ms(gzipped)}  ${(gzipped / peer).toFixed(2)}x`);
} finally {
  rmSync(folder, { recursive: true });
}
