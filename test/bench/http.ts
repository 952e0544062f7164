import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { openKeystore } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { newManifest } from '../conformance/catalog-samples.ts';
import { freePort } from '../servers/daemon.ts';
import { writeConfig } from '../servers/installation.ts';
import { admin, tokens } from '../servers/service.ts';

/**
 * The HTTP side of a service with 500 schedules and 100,000 catalogued backups: scrapes while a backup and a rotation go on,
 * beside Debian's node_exporter on the same machine; lists; and what idle clients cost. `node test/bench/http.ts [BACKUPS]`.
 */
const backups = Number(process.argv[2] ?? 100_000);
const schedules = 500;
const scrapesPerSecond = 20;
const scrapeSeconds = 10;
const idleConnections = 10_000;
const sseClients = 200;

const main = fileURLToPath(new URL('../../exporter/src/cli/main.ts', import.meta.url));
const agent = new Agent({ keepAlive: true, maxSockets: 50 });

const at = (times: readonly number[], share: number): number =>
  times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
const print = (what: string, times: readonly number[], goal?: number): void => {
  const p99 = at(times, 0.99);
  const verdict =
    goal === undefined
      ? ''
      : p99 < goal
        ? `  (goal: p99 < ${goal} ms, met)`
        : `  (goal: p99 < ${goal} ms, MISSED)`;
  console.log(
    `${what.padEnd(52)}${at(times, 0.5).toFixed(2).padStart(8)} ms${p99.toFixed(2).padStart(10)} ms${verdict}`,
  );
};

/** Milliseconds until the answer is there, whole. */
async function timed(url: string, headers: Record<string, string> = {}): Promise<number> {
  const before = performance.now();
  const sent = request(url, { agent, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`${url} answered ${String(response.statusCode)}`);
  return performance.now() - before;
}

const sorted = (times: number[]): number[] => times.sort((a, b) => a - b);

async function inTurn(count: number, url: (index: number) => string): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    times.push(await timed(url(index), bearer));
    // One caller may ask a hundred times a second.
    await setTimeout(10);
  }
  return sorted(times);
}

/** At a fixed rate, whether or not the one before has been answered: as several Prometheus would. */
async function scrape(url: string): Promise<number[]> {
  const scrapes: Promise<number>[] = [];
  for (let index = 0; index < scrapesPerSecond * scrapeSeconds; index += 1) {
    scrapes.push(timed(url, { 'accept-encoding': 'gzip' }));
    await setTimeout(1000 / scrapesPerSecond);
  }
  return sorted(await Promise.all(scrapes));
}

/** By the process's own measure, since the start: what is left of the times above where the machine is shared with others. */
async function lag(base: string): Promise<string> {
  const page = await (await fetch(`${base}/metrics`)).text();
  const [p50, p90, p99] = ['p50', 'p90', 'p99'].map((share) => {
    const seconds = new RegExp(`^nodejs_eventloop_lag_${share}_seconds (\\S+)`, 'm').exec(page)?.[1];
    return `${share} ${(Number(seconds) * 1000).toFixed(1)} ms`;
  });
  return `${p50}, ${p90}, ${p99}`;
}

const bearer = { authorization: `Bearer ${admin}` };

/** Straight into the tables: by way of the catalog it would take minutes of fsync. Older than what is rotated. */
async function fill(state: string, keyId: string): Promise<void> {
  await openSqliteCatalog(state)[Symbol.asyncDispose]();
  using database = new DatabaseSync(join(state, 'catalog.db'));
  const first = Date.now() - 200 * 86_400_000;
  database.exec('BEGIN');
  const event = database.prepare('INSERT INTO events (at, body) VALUES (?, ?)');
  const backup = database.prepare(
    `INSERT INTO backups (id, schedule, type, status, created_at, size_bytes, stored_bytes, key_id, manifest)
     VALUES (?, ?, 'database', 'completed', ?, 9000, 7144, ?, ?)`,
  );
  const copy = database.prepare(
    `INSERT INTO copies (backup_id, store, path, status) VALUES (?, 'local', ?, 'good')`,
  );
  const run = database.prepare(
    `INSERT INTO runs (id, schedule, type, started_by, status, owner, started_at, object_prefix, stores, finished_at, finish_sequence, backup_id)
     VALUES (?, ?, 'database', 'schedule', 'completed', 'nobody', ?, 'x', '["local"]', ?, ?, ?)`,
  );
  for (let index = 0; index < backups; index += 1) {
    const [id, schedule, createdAt] = [`b${index}`, `schedule-${index % schedules}`, first + index];
    const body = {
      name: 'run:finished',
      runId: `r${index}`,
      schedule,
      type: 'database',
      status: 'completed',
      durationSeconds: 60,
    };
    const { lastInsertRowid } = event.run(createdAt, JSON.stringify(body));
    backup.run(
      id,
      schedule,
      createdAt,
      keyId,
      JSON.stringify(newManifest(id, { schedule, createdAt, keyId })),
    );
    copy.run(id, `/backups/${id}`);
    run.run(`r${index}`, schedule, createdAt, createdAt, lastInsertRowid, id);
  }
  database.exec('COMMIT');
}

function residentMiB({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

async function post(base: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${base}/api/v1${path}`, {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** Goes on rotating until it is told to stop; how many were done. */
async function keepRotating(base: string, stop: AbortSignal): Promise<number> {
  let count = 0;
  while (!stop.aborted) {
    const { status } = await post(base, '/rotations?wait=true', { mode: 'reencrypt', daysBack: 1 });
    if (status !== 'completed') throw new Error(`the rotation ended as ${String(status)}`);
    count += 1;
  }
  return count;
}

async function startNodeExporter(): Promise<
  { readonly url: string; readonly child: ChildProcess } | undefined
> {
  const port = await freePort();
  const child = spawn('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'ignore',
  });
  const isMissing = await Promise.race([once(child, 'error').then(() => true), setTimeout(1500, false)]);
  return isMissing ? undefined : { url: `http://127.0.0.1:${port}/metrics`, child };
}

async function openIdle(port: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < idleConnections) {
    const batch = Array.from({ length: 500 }, async () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      return socket;
    });
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-http-'));
const children: ChildProcess[] = [];
try {
  const yearly = 'cron: "0 0 1 1 *", stores: [local], keep: { last: 3 }, verify: { after_backup: false }';
  const endless = 'while :; do head -c 8M /dev/urandom; sleep 0.1; done';
  const listed = Array.from(
    { length: schedules - 2 },
    (_, index) => `  - { id: schedule-${index}, source: { type: command, argv: [echo, x] }, ${yearly} }`,
  );
  const file = writeConfig(
    folder,
    [
      ...listed,
      `  - { id: endless, source: { type: command, argv: [bash, -c, '${endless}'] }, ${yearly} }`,
      `  - { id: archive, source: { type: command, argv: [head, -c, 256M, /dev/urandom] }, ${yearly} }`,
    ].join('\n'),
    { more: tokens },
  );
  const keystore = openKeystore((await readConfig(file, {})).config);
  const key = await keystore.create({ kind: 'x25519', now: Date.now() });
  await fill(join(folder, 'state'), key.id);
  const child = spawn(
    process.execPath,
    [main, 'serve', '--web.listen-address', '127.0.0.1:0', '--log.format', 'json'],
    {
      cwd: folder,
    },
  );
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  while (!log.includes('lowtide is up')) await setTimeout(100);
  const address = /"address":"([^"]+)"/.exec(log)?.[1] ?? '';
  const base = `http://${address}`;

  console.log(`${schedules} schedules, ${backups} backups${''.padEnd(22)}      median        p99`);
  print('GET /metrics, nothing going on', await inTurn(200, () => `${base}/metrics`));
  await post(base, '/schedules/archive/run?wait=true');
  const run = await post(base, '/schedules/endless/run');
  const stop = new AbortController();
  const rotating = keepRotating(base, stop.signal);
  const busy = await scrape(`${base}/metrics`);
  stop.abort();
  print(`GET /metrics, ${scrapesPerSecond}/s, during a backup and ${await rotating} rotations`, busy, 50);
  console.log(`  the event loop was held up for ${await lag(base)} meanwhile`);
  await post(base, `/runs/${String(run['id'])}/cancel`);
  const quiet = await scrape(`${base}/metrics`);
  print(`GET /metrics, ${scrapesPerSecond}/s`, quiet, 50);
  const nodeExporter = await startNodeExporter();
  if (nodeExporter === undefined)
    console.log('node_exporter is not installed: apt-get install prometheus-node-exporter');
  else {
    children.push(nodeExporter.child);
    const peer = await scrape(nodeExporter.url);
    print(`peer: node_exporter, ${scrapesPerSecond}/s`, peer);
    console.log(
      `  lowtide takes ${(at(quiet, 0.5) / at(peer, 0.5)).toFixed(2)}x of node_exporter (median), ${(at(quiet, 0.99) / at(peer, 0.99)).toFixed(2)}x (p99)`,
    );
  }

  const first = (await (await fetch(`${base}/api/v1/backups?limit=200`, { headers: bearer })).json()) as {
    nextCursor: string;
  };
  const lists: readonly (readonly [what: string, path: (index: number) => string])[] = [
    ['GET backups', () => '/backups'],
    ['GET backups, 200 a page', () => `/backups?limit=200&cursor=${first.nextCursor}`],
    ['GET backups of a schedule', (index) => `/backups?schedule=schedule-${index % schedules}`],
    ['GET backups, pruned', () => '/backups?status=pruned'],
    ['GET runs', () => '/runs'],
    ['GET runs, failed', () => '/runs?status=failed'],
    ['GET schedules, 50 a page', () => '/schedules'],
    ['GET backups of a key', () => `/backups?key=${key.id}`],
    ['GET audit', () => '/audit'],
    ['GET keys', () => '/keys'],
    ['GET rotations', () => '/rotations'],
    ['GET status', () => '/status'],
    ['GET plan', () => '/plan'],
  ];
  for (const [what, path] of lists)
    print(what, await inTurn(200, (index) => `${base}/api/v1${path(index)}`), 50);

  await setTimeout(2000);
  const before = residentMiB(child);
  const idle = await openIdle(Number(address.split(':')[1]));
  const streams = Array.from({ length: sseClients }, () => {
    const sent = request(`${base}/api/v1/events`, { headers: bearer }).end();
    sent
      .on('response', (response) => response.on('error', () => undefined).resume())
      .on('error', () => undefined);
    return sent;
  });
  await setTimeout(2000);
  const cost = residentMiB(child) - before;
  const verdict = cost < 150 ? 'met' : 'MISSED';
  console.log(
    `${idleConnections} idle connections and ${sseClients} streams cost ${cost.toFixed(0)} MiB  (goal: < 150 MiB, ${verdict})`,
  );
  print('GET /metrics beside them', await inTurn(50, () => `${base}/metrics`));
  for (const socket of idle) socket.destroy();
  for (const sent of streams) sent.destroy();
} finally {
  agent.destroy();
  await Promise.all(
    children.map(async (child) => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGTERM');
      await ended;
    }),
  );
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
