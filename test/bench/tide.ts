import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fixedStart } from '../../exporter/src/schedule/fixed-start.ts';
import { startPrometheus } from '../servers/prometheus.ts';
import { busyShare, LiveLoad } from './tide/live-load.ts';
import { hourMs, minuteMs, shownNow, stepMs, type FastClock } from './tide/time.ts';
import { loadMet, moved, officeTrace, openMetrics, readTrace, type Trace } from './tide/trace.ts';

/**
 * A day of a host at many times the speed: a real `lowtide serve`, its clock alone sped up, learns two weeks from a real
 * Prometheus, follows it through the day, and makes real backups, while processes keep this machine as busy as the host was.
 * Compared by the load of the host: the starts that were chosen, a fixed 02:00 (or the opening of a window without one), the mean
 * of all starts in the window, and the best of them. `node test/bench/tide.ts [TRACE] [SPEED] [DAY]`: a file of ../shared/loads or
 * `office`, 288 (a day in five minutes; 60: in 24), and which day of the trace.
 *
 * Where others use this machine as well, what it measures is not the trace: then it is not measured, and no load is made; the
 * gate has nothing to hold a start up for. The output says so.
 */
const [tracePath = 'office', speedText = '288', dayText = '16'] = process.argv.slice(2);
const speed = Number(speedText);
const dayMs = 24 * hourMs;
const learnedDays = 13;
/** The day of the trace is put on the last one that is over, so that Prometheus takes it in. */
const day = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
/** It takes a while until the service is up, on a busy machine most of all: nothing is due before. */
const begin = day - 15_000 * speed;
const end = day + dayMs + hourMs;
/** By which all starts are compared. */
const comparedMs = 20 * minuteMs;

const windows = {
  night: ['00:00', '06:00'],
  dawn: ['03:00', '09:00'],
  forenoon: ['07:00', '13:00'],
  midday: ['10:00', '16:00'],
  afternoon: ['13:00', '19:00'],
  evening: ['17:00', '23:00'],
} as const;

const main = fileURLToPath(new URL('../../exporter/src/cli/main.ts', import.meta.url));
const fastClock = new URL('fast-clock.mjs', import.meta.url).href;
/** What others may use before the load of this machine is no longer that of the trace. */
const tolerated = 0.15;

const trace = moved(tracePath === 'office' ? officeTrace() : readTrace(tracePath), Number(dayText), day);
const folder = mkdtempSync(join(tmpdir(), 'lowtide-tide-'));
try {
  await run(trace);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function run(of: Trace): Promise<void> {
  await using prometheus = await startPrometheus('127.0.0.1:1', blocksOf(of));
  const others = await busyShare();
  const isAlone = others <= tolerated;
  console.log(
    `trace ${of.name}, day ${dayText}, ${speed} times as fast; others use ${percent(others)} of this machine`,
  );
  if (!isAlone)
    console.log('so it is not measured, and no load is made on it: the load is what Prometheus tells');
  writeConfig(prometheus.url, isAlone);
  const clock: FastClock = { realMs: Date.now(), shownMs: begin, speed };
  lowtide(clock, 'keys', 'new');
  using load = new DisposableStack();
  if (isAlone) load.use(new LiveLoad(of, clock));
  await serveThrough(clock);
  report(of, clock);
}

/** Two weeks and the day to come: Lowtide asks for what is over by its clock. */
function blocksOf(of: Trace): string {
  const text = join(folder, 'trace.txt');
  const blocks = join(folder, 'blocks');
  writeFileSync(text, openMetrics(of, day - learnedDays * dayMs, end));
  mkdirSync(blocks);
  const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', text, blocks]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return blocks;
}

function writeConfig(prometheus: string, isAlone: boolean): void {
  const slow = '{ cpu: 1, pressure: { cpu: 1, memory: 1, disk: 1 } }';
  const schedules = Object.entries(windows).map(
    ([id, [from, until]]) =>
      `  - { id: ${id}, source: { type: directory, path: ./data }, every: 1d, window: '${from}-${until}', timezone: UTC, max_delay: 1h, estimated_duration: 20m, stores: [local], keep: { last: 3 } }`,
  );
  const lines = [
    'state: ./state',
    'encryption: { keystore: ./keys, passphrase: a-passphrase-for-the-bench }',
    'stores: { local: { type: directory, path: ./backups } }',
    'load:',
    `  sample_interval: ${isAlone ? '1m' : '7d'}`,
    ...(isAlone ? [] : [`  slow_down: ${slow}`]),
    `  history: { prometheus: { url: '${prometheus}', days: ${learnedDays}, queries: { cpu: 'avg_over_time(trace_cpu_ratio[5m])', memory: 'avg_over_time(trace_memory_ratio[5m])', disk: 'vector(0)' } } }`,
    'schedules:',
    ...schedules,
  ];
  writeFileSync(join(folder, 'lowtide.yaml'), `${lines.join('\n')}\n`, { mode: 0o600 });
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'file'), randomBytes(1 << 20));
}

function envOf({ realMs, shownMs, speed: times }: FastClock): NodeJS.ProcessEnv {
  return { ...process.env, TZ: 'UTC', FAST_CLOCK: `${realMs},${shownMs},${times}` };
}

function lowtide(clock: FastClock, ...args: string[]): string {
  const ended = spawnSync(process.execPath, ['--import', fastClock, main, ...args], {
    cwd: folder,
    env: envOf(clock),
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`lowtide ${args.join(' ')}: ${ended.stderr}${ended.stdout}`);
  return ended.stdout;
}

/** Serves until the day is over; shows the plan soon after it has begun. */
async function serveThrough(clock: FastClock): Promise<void> {
  const log = join(folder, 'serve.log');
  const args = ['--import', fastClock, main, 'serve', '--web.listen-address', '127.0.0.1:0'];
  const out = createWriteStream(log);
  await once(out, 'open');
  const service = spawn(process.execPath, args, {
    cwd: folder,
    env: envOf(clock),
    stdio: ['ignore', out, out],
  });
  const ended = once(service, 'exit');
  try {
    while (!readFileSync(log, 'utf8').includes('lowtide is up')) {
      if (service.exitCode !== null) throw new Error(readFileSync(log, 'utf8'));
      await delay(100);
    }
    await delay(2000);
    console.log(lowtide(clock, 'plan', '--hours', '24'));
    await delay(Math.max(0, (end - shownNow(clock)) / speed));
  } finally {
    service.kill('SIGTERM');
    await ended;
  }
}

interface ShownBackup {
  readonly schedule: string;
  readonly createdAt: string;
}

function report(of: Trace, clock: FastClock): void {
  const backups = JSON.parse(lowtide(clock, '--json', 'backups')) as readonly ShownBackup[];
  const rows = Object.entries(windows).map(([schedule, [opens, closes]]) => {
    const from = Date.parse(`${new Date(day).toISOString().slice(0, 10)}T${opens}Z`);
    const until = Date.parse(`${new Date(day).toISOString().slice(0, 10)}T${closes}Z`);
    const made = backups.filter((backup) => backup.schedule === schedule);
    const start = Date.parse(made.at(-1)?.createdAt ?? '');
    const starts = Array.from({ length: (until - from) / stepMs + 1 }, (_, step) => from + step * stepMs);
    const loads = starts.map((at) => loadMet(of, at, comparedMs)).filter((load) => !Number.isNaN(load));
    return {
      schedule,
      window: `${opens}-${closes}`,
      backups: made.length,
      start: Number.isNaN(start) ? 'never' : new Date(start).toISOString().slice(11, 16),
      chosen: loadMet(of, start, comparedMs),
      fixed: loadMet(of, fixedStart({ from, until, timezone: 'UTC' }), comparedMs),
      random: loads.reduce((sum, load) => sum + load, 0) / loads.length,
      best: Math.min(...loads),
    };
  });
  const mean = (figure: 'chosen' | 'fixed' | 'random' | 'best'): number =>
    rows.reduce((sum, row) => sum + row[figure], 0) / rows.length;
  const figures = ['chosen', 'fixed', 'random', 'best'] as const;
  console.table(
    rows.map((row) => ({ ...row, ...Object.fromEntries(figures.map((name) => [name, percent(row[name])])) })),
  );
  console.log(figures.map((name) => `${name} ${percent(mean(name))}`).join(', '));
  const closed = (mean('random') - mean('chosen')) / (mean('random') - mean('best'));
  console.log(`of the gap between a random and the best start ${percent(closed)} is closed`);
  const isWhole = rows.every(({ backups: made }) => made === 1);
  if (!isWhole) console.log('not every schedule has exactly one backup');
  if (!isWhole || !(mean('chosen') < mean('random'))) process.exitCode = 1;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
