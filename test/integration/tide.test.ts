import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import type { Run } from '../../exporter/src/catalog/catalog.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { hourMs, minuteMs, shownNow, stepMs, type FastClock } from '../bench/tide/time.ts';
import { loadMet, moved, officeTrace, openMetrics } from '../bench/tide/trace.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { startPrometheus, type PrometheusServer } from '../servers/prometheus.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';

const dayMs = 24 * hourMs;
const learnedDays = 4;
/** A day in a minute and a half. */
const mostSpeed = 960;
/** Four steps of five minutes go by while a service starts, and as many while a busy machine plans: no more. */
const speedWhere = (startMs: number): number => Math.min(mostSpeed, (4 * stepMs) / startMs);
const day = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
/** Busy by day, and with a batch of somebody else's from half past one to four every night. */
const trace = moved(officeTrace(), 16, day);
const window = { opens: day + 2 * hourMs, closes: day + 6 * hourMs };
/** As long as the backup is expected to take. */
const takesMs = 20 * minuteMs;

let folder: string;
let prometheus: PrometheusServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-night-'));
  const text = join(folder, 'trace.txt');
  const blocks = join(folder, 'blocks');
  writeFileSync(text, openMetrics(trace, day - learnedDays * dayMs, window.closes + hourMs));
  mkdirSync(blocks);
  const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', text, blocks]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  prometheus = await startPrometheus('127.0.0.1:1', blocks);
});
afterAll(async () => {
  await prometheus[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A host that has made nothing yet. */
async function install(): Promise<string> {
  const host = mkdtempSync(join(folder, 'host-'));
  const queries = `{ cpu: 'avg_over_time(trace_cpu_ratio[5m])', memory: 'avg_over_time(trace_memory_ratio[5m])', disk: 'vector(0)' }`;
  const file = writeConfig(
    host,
    `  - { id: nightly, source: { type: command, argv: [echo, data] }, every: 1d, window: '02:00-06:00', timezone: UTC, max_delay: 1h, estimated_duration: 20m, stores: [local] }`,
    {
      // What this machine is busy with while it tests is not the night that is meant.
      more: `${tokens}\nload: { sample_interval: 7d, slow_down: { cpu: 1, pressure: { cpu: 1, memory: 1, disk: 1 } }, history: { prometheus: { url: '${prometheus.url}', days: ${learnedDays}, queries: ${queries} } } }`,
    },
  );
  await makeKey((await readConfig(file, {})).config);
  return host;
}

async function runsOf(host: string): Promise<readonly Run[]> {
  await using catalog = openSqliteCatalog(join(host, 'state'));
  return await catalog.runs({ schedule: 'nightly', limit: 10 });
}

async function startTakesMs(): Promise<number> {
  const host = await install();
  const began = performance.now();
  await using _service = await ServeProcess.start(host);
  return performance.now() - began;
}

it('a night at many times the speed: one real backup, in the trough that a fixed 02:00 would have missed', async () => {
  const speed = speedWhere(await startTakesMs());
  const host = await install();
  // When it is up, the evening before is not over.
  const clock: FastClock = { realMs: Date.now(), shownMs: window.opens - 3 * hourMs, speed };
  const env = {
    ...process.env,
    TZ: 'UTC',
    NODE_OPTIONS: `--import ${new URL('../bench/fast-clock.mjs', import.meta.url).href}`,
    FAST_CLOCK: `${clock.realMs},${clock.shownMs},${speed}`,
  };
  await using service = await ServeProcess.startIn(host, env);
  const slots = async (): Promise<readonly Record<string, unknown>[]> =>
    (await service.call('/plan?hours=24')).body['slots'] as Record<string, unknown>[];
  let reason: unknown;
  while (shownNow(clock) < window.closes && (await runsOf(host)).length === 0) {
    const [next] = await slots();
    if (next?.['dueAt'] === new Date(window.opens).toISOString()) reason = next['reason'];
    await delay(250);
  }
  await service.said('backup completed');
  expect(shownNow(clock)).toBeLessThan(day + dayMs);
  const made = await runsOf(host);
  expect(made.map(({ status, dueAt }) => [status, dueAt])).toEqual([['completed', window.opens]]);
  expect(reason).toMatchObject({ code: expect.stringMatching(/^(quietest|kept|shared)$/) as string });
  const starts = Array.from({ length: (window.closes - window.opens) / stepMs + 1 }, (_, step) =>
    loadMet(trace, window.opens + step * stepMs, takesMs),
  );
  const met = loadMet(trace, made[0]?.startedAt ?? NaN, takesMs);
  expect(loadMet(trace, window.opens, takesMs)).toBeGreaterThan(0.5);
  // At this speed a quarter of a second is four minutes: a start may come that late.
  expect(met).toBeLessThan(Math.min(...starts) + 0.15);
});
