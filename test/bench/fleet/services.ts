import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '../../../exporter/src/catalog/postgres/schema-name.ts';
import type { Clock } from '../../../exporter/src/clock/clock.ts';
import { openInstallation, openKeystore } from '../../../exporter/src/compose.ts';
import { readConfig } from '../../../exporter/src/config/read.ts';
import type { Logger } from '../../../exporter/src/service/log.ts';
import { serve } from '../../../exporter/src/service/service.ts';
import { writeConfig } from '../../servers/installation.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { forgetStatements, serverUse, since } from './server-use.ts';
import { dayMs } from './world.ts';

export interface ServicesOptions {
  readonly server: PostgresServer;
  readonly services: number;
  readonly schedules: number;
  /** How long is measured; the clocks of the services go `speed` times as fast. */
  readonly seconds: number;
  readonly speed: number;
  readonly log: Logger;
}

export interface ServicesUse {
  /** Of one core of the server, for each of them. */
  readonly cores: number;
  readonly walBytesPerDay: number;
  readonly transactionsPerSecond: number;
  /** Of each, at the end. */
  readonly connections: number;
}

/**
 * What `lowtide serve` asks of the PostgreSQL while it waits for the next backup: real services, each with a catalog that knows 92
 * days of load, and clocks that go faster.
 */
export async function measureServices(options: ServicesOptions): Promise<ServicesUse> {
  const { server, services, seconds, speed } = options;
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-services-'));
  const stop = new AbortController();
  const clock = fasterClock(speed);
  const over: Promise<void>[] = [];
  try {
    for (let index = 0; index < services; index += 1) {
      const name = `service-${index}`;
      over.push((await start(options, join(folder, name), name, { clock, signal: stop.signal })).over);
    }
    // What is done once, as they begin, is over then.
    await sleep(5000);
    server.query('VACUUM ANALYZE; CHECKPOINT');
    forgetStatements(server);
    const before = serverUse(server);
    const transactions = transactionsOf(server);
    const began = performance.now();
    await sleep(seconds * 1000);
    const elapsed = ((performance.now() - began) / 1000) * speed * services;
    const { cpuSeconds, walBytes } = since(before, server);
    const transactionsMade = transactionsOf(server) - transactions;
    // Only now: to ask takes a connection, which costs more than a service does in a minute.
    const connections = connectionsTo(server);
    return {
      cores: cpuSeconds / elapsed,
      walBytesPerDay: (walBytes / elapsed) * 86_400,
      transactionsPerSecond: transactionsMade / elapsed,
      connections: connections / services,
    };
  } finally {
    stop.abort();
    await Promise.all(over);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Running {
  readonly over: Promise<void>;
}

async function start(
  { server, schedules, log }: ServicesOptions,
  folder: string,
  instance: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Running> {
  const configFile = writeConfig(folder, schedulesFrom(clock.now(), schedules), {
    instance,
    state: server.url(),
    more: 'local: ./local',
  });
  const loaded = await readConfig(configFile, {});
  await openKeystore(loaded.config).create({ kind: 'x25519', now: Date.now() });
  const opened = await openInstallation(loaded, {});
  fillLoads(server, schemaOf(instance), clock.now());
  const ready = Promise.withResolvers<string>();
  const over = serve({
    ...{ installation: { ...opened, clock }, log, signal, listen: ['127.0.0.1:0'], graceMs: 5000 },
    onReady: ready.resolve,
  }).finally(() => opened[Symbol.asyncDispose]());
  over.catch(ready.reject);
  await ready.promise;
  return { over };
}

/** Daily ones of which none opens within the next hours. */
function schedulesFrom(now: number, count: number): string {
  const source = 'source: { type: command, argv: [echo, hello] }, every: 1d, timezone: UTC, stores: [local]';
  const hour = (ahead: number): string =>
    `${String(Math.floor((now % dayMs) / 3_600_000 + ahead) % 24).padStart(2, '0')}:00`;
  return Array.from(
    { length: count },
    (_, index) => `  - { id: s${index}, ${source}, window: '${hour(8 + (index % 6))}-${hour(18)}' }`,
  ).join('\n');
}

function fillLoads(server: PostgresServer, schema: string, now: number): void {
  const load = (phase: number): string => `0.3 + 0.2 * sin(at::float8 / 13750987 + ${phase})`;
  server.query(`INSERT INTO ${schema}.load_records (step, at, cpu, memory, disk)
    SELECT 'coarse', at, ${load(0)}, ${load(1)}, ${load(2)}
    FROM generate_series(${Math.floor(now / 300_000) * 300_000 - 92 * dayMs}, ${now}, 300000) AS at
    ON CONFLICT DO NOTHING`);
}

function fasterClock(speed: number): Clock {
  const began = Date.now();
  const now = (): number => began + (Date.now() - began) * speed;
  return {
    now,
    async wakeAt(at, signal) {
      for (let left = at - now(); left > 0; left = at - now()) {
        await sleep(Math.min(left, 30_000) / speed, undefined, { signal });
      }
      signal.throwIfAborted();
    },
  };
}

function transactionsOf(server: PostgresServer): number {
  return Number(server.query('SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database'));
}

function connectionsTo(server: PostgresServer): number {
  return Number(
    server.query("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'lowtide service-%'"),
  );
}
