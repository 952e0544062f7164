import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dashboards } from '../../dashboards/source/dashboards.ts';
import { grafanaQueries } from '../servers/grafana-queries.ts';
import { startPrometheus } from '../servers/prometheus.ts';
import { writeBlocks } from './dashboards/blocks.ts';
import { syntheticExporter } from './dashboards/synthetic.ts';

/**
 * How long each query of each dashboard takes on a Prometheus that has 30 days of 500 schedules on five hosts, scraped every 30 s as
 * far back as its dashboard looks at first. `node test/bench/dashboards.ts [SCHEDULES] [FOLDER]`; in FOLDER, data of before
 * is found again (making it takes minutes), or kept.
 */
const scheduleCount = Number(process.argv[2] ?? 500);
const kept = process.argv[3];
const hosts = 5;
const days = 30;
const rounds = 5;
const goalMs = 100;
const goalQueries = 40;
const edgeSeconds = 7200;

interface Answer {
  readonly error?: string;
  readonly data?: { readonly result: readonly unknown[] };
}

interface Timed {
  readonly dashboard: string;
  readonly panel: string;
  readonly ms: number;
  readonly series: number;
}

const print = (what: string, figure: string): void => console.log(`${what.padEnd(72)}${figure.padStart(12)}`);

function series() {
  return Array.from({ length: hosts }, (_, host) => {
    const ids = Array.from({ length: scheduleCount / hosts }, (__, index) => `schedule-${host}-${index}`);
    return syntheticExporter(`host-${host}:10210`, ids);
  }).flat();
}

/** A fixed end, so that kept data stays good. */
const until = Math.floor(Date.UTC(2026, 10, 25) / 1000 / edgeSeconds) * edgeSeconds;
const folder = kept ?? mkdtempSync(join(tmpdir(), 'lowtide-bench-dashboards-'));
const blocks = join(folder, 'blocks');
try {
  if (!existsSync(blocks)) {
    const before = performance.now();
    const made = series();
    const samples = writeBlocks(made, { folder: join(folder, 'made'), until, days });
    renameSync(join(folder, 'made'), blocks);
    print(`series of ${scheduleCount} schedules on ${hosts} hosts`, String(made.length));
    print(`samples, made in ${Math.round((performance.now() - before) / 1000)} s`, String(samples));
  }
  await using prometheus = await startPrometheus('127.0.0.1:1', blocks);
  const timed: Timed[] = [];
  for (const [name, dashboard] of Object.entries(dashboards)) {
    const queries = grafanaQueries(dashboard, { now: until - 60, scrapeInterval: 30 });
    for (const { panel, refId, path, expression } of queries) {
      const times: number[] = [];
      let found = 0;
      for (let round = 0; round < rounds; round += 1) {
        const before = performance.now();
        const answer = (await (await fetch(`${prometheus.url}${path}`)).json()) as Answer;
        times.push(performance.now() - before);
        if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? 'no answer'}`);
        found = answer.data.result.length;
      }
      timed.push({ dashboard: name, panel: `${panel}, ${refId}`, ms: Math.min(...times), series: found });
    }
  }
  for (const name of Object.keys(dashboards)) {
    const own = timed.filter(({ dashboard }) => dashboard === name);
    const sum = own.reduce((total, { ms }) => total + ms, 0);
    print(
      `${name}: ${own.length} queries, of at most ${goalQueries}; all after each other`,
      `${sum.toFixed(0)} ms`,
    );
  }
  console.log(`\nThe slowest, best of ${rounds}; the goal is ${goalMs} ms`);
  const slowest = timed.toSorted((a, b) => b.ms - a.ms);
  for (const { dashboard, panel, ms } of slowest.slice(0, 15)) {
    print(`  ${dashboard}: ${panel}`, `${ms.toFixed(0)} ms`);
  }
  for (const { dashboard, panel } of timed.filter(({ series: found }) => found === 0)) {
    console.log(`  no data: ${dashboard}: ${panel}`);
  }
  const isGood =
    slowest.every(({ ms }) => ms < goalMs) &&
    Object.values(dashboards).every(
      (dashboard) => grafanaQueries(dashboard, { now: until, scrapeInterval: 30 }).length <= goalQueries,
    );
  if (!isGood) process.exitCode = 1;
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true });
}
