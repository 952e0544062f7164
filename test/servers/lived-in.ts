import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { vi } from 'vitest';
import type { StoredEvent } from '../../exporter/src/events/events.ts';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { coarseStepMs } from '../../exporter/src/load/load.ts';
import { newManifest, newRun, runEnd } from '../conformance/catalog-samples.ts';
import { TestInstallation } from './installation.ts';
import {
  everyTwoSeconds,
  startPrometheusWith,
  type PrometheusOptions,
  type PrometheusServer,
} from './prometheus.ts';
import { TestService, tokens } from './service.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const waiting = { timeout: 30_000, interval: 100 };

/**
 * Memory is always above its mark: what is due waits for its deadline, and `impatient` is passed over then. All others are run
 * when the test asks for them.
 */
const schedules = `  - { id: shop, source: { type: sqlite, path: FOLDER/shop.db }, every: 1d, max_delay: 1m, stores: [local, offsite], keep: { last: 50 }, verify: { drill: 7d, full_read: 30d } }
  - { id: docs, source: { type: directory, path: FOLDER/docs }, every: 1d, window: 00:00-06:00, timezone: UTC, max_delay: 1m, stores: [local], keep: { last: 50 } }
  - { id: settings, source: { type: command, argv: [echo, settings] }, every: 1h, max_delay: 1m, stores: [local], keep: { last: 50 } }
  - { id: rotten, source: { type: command, argv: [echo, rotten] }, every: 30d, max_delay: 1m, stores: [local], keep: { last: 50 } }
  - { id: broken, source: { type: command, argv: [sh, -c, 'echo half; exit 3'] }, every: 30d, stores: [local], keep: { last: 3 } }
  - { id: endless, source: { type: command, argv: [sh, -c, 'echo begun; exec sleep 600'] }, every: 30d, estimated_duration: 1s, stores: [local], keep: { last: 3 } }
  - { id: resting, source: { type: command, argv: [echo, rested] }, every: 1h, stores: [local], keep: { last: 3 } }
  - { id: patient, source: { type: command, argv: [echo, tick] }, every: 10s, max_delay: 6s, stores: [local], keep: { last: 3 } }
  - { id: impatient, source: { type: command, argv: [echo, tick] }, every: 10s, max_delay: 6s, on_deadline: skip, stores: [local], keep: { last: 3 } }`;
const config = {
  stores: '{ local: { type: directory, path: ./backups }, offsite: { type: directory, path: OFFSITE } }',
  encryption: 'max_key_age: 300d',
  more: `${tokens}
restore_targets: { back: { to: FOLDER/back } }
drills: { folder: FOLDER/drills }
load: { sample_interval: 10s, high_water: { memory: 0.001 } }`,
};

export interface LivedIn extends AsyncDisposable {
  readonly service: TestService;
  readonly prometheus: PrometheusServer;
  /** Waits until Prometheus has scraped all that has happened up to now. */
  scraped(): Promise<void>;
}

export interface LivedInOptions {
  /** What Prometheus is given: the config with the exporter as its target, and files beside it. */
  readonly prometheus?: (target: string) => PrometheusOptions;
  /** The folder of the second store; absent: beside the first. */
  readonly offsite?: string;
}

/**
 * A real service of which a real Prometheus has seen everything happen that there is a metric for: backups of each type, one
 * that failed, one cancelled, one that goes on, deferrals, misses, passing verifications and a failing one, a restore, each kind of
 * rotation, an unusual backup, a copy to be made good, a look back, days of load, a paused schedule, a store that is down, a key that
 * is gone, and a config that cannot be read.
 */
export async function livedIn(options: LivedInOptions = {}): Promise<LivedIn> {
  await using stack = new AsyncDisposableStack();
  const { prometheus: configured = plainly, offsite = './offsite' } = options;
  const stores = config.stores.replace('OFFSITE', offsite);
  const installation = await TestInstallation.make(schedules, { ...config, stores });
  await prepare(installation);
  const service = stack.use(await TestService.over(installation, { health: { maxAgeMs: 500 } }));
  const prometheus = stack.use(await startPrometheusWith(configured(service.address)));
  // Counters move only where their first value was seen.
  await prometheus.query('backup_total');
  await live(service, resolve(installation.folder, offsite));
  const life: LivedIn = {
    service,
    prometheus,
    async scraped() {
      const now = Date.now() / 1000;
      await vi.waitUntil(
        async () => (await prometheus.ask(`timestamp(lowtide_build_info) > ${now}`)).length > 0,
        waiting,
      );
    },
    [Symbol.asyncDispose]: () => rest[Symbol.asyncDispose](),
  };
  await life.scraped();
  // The keystore is looked at every ten seconds.
  await prometheus.query('backup_key_created_timestamp_seconds{state="retiring"}');
  const rest = stack.move();
  return life;
}

function plainly(target: string): PrometheusOptions {
  const scrape = { job_name: 'backups', static_configs: [{ targets: [target] }] };
  return { config: { global: everyTwoSeconds, scrape_configs: [scrape] } };
}

/** What there is to back up, and ten days of load. */
async function prepare({ folder, opened }: TestInstallation): Promise<void> {
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'docs', 'a.txt'), 'hello');
  const shop = new DatabaseSync(join(folder, 'shop.db'));
  shop.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT); INSERT INTO orders (what) VALUES (1)');
  shop.close();
  const now = Math.floor(Date.now() / coarseStepMs) * coarseStepMs;
  const records = Array.from({ length: (10 * dayMs) / coarseStepMs }, (_, index) => {
    const at = now - (index + 1) * coarseStepMs;
    const busy = 0.4 + 0.3 * Math.sin((2 * Math.PI * (at % dayMs)) / dayMs);
    return { at, cpu: busy, memory: 0.5, disk: busy / 2 };
  });
  await opened.catalog.load.record(records.toReversed(), 'coarse');
}

async function live(service: TestService, offsite: string): Promise<void> {
  await Promise.all([
    keepBackingUp(service),
    run(service, 'shop'),
    run(service, 'settings'),
    run(service, 'rotten'),
    run(service, 'broken', 'failed'),
    cancelled(service),
    service.post('/schedules/resting/pause'),
  ]);
  await proofs(service);
  await rotations(service);
  await pastNight(service.catalog);
  await run(service, 'shop');
  await service.post('/schedules/endless/run');
  await troubles(service, offsite);
  await happened(service, 'run:missed', ({ reason }) => reason !== undefined);
  await happened(service, 'run:started', ({ dueAt }) => dueAt !== undefined);
  await happened(service, 'run:reviewed');
}

async function run(service: TestService, id: string, status = 'completed'): Promise<string> {
  const { body } = await service.post(`/schedules/${id}/run?wait=true`);
  if (body['status'] !== status) throw new Error(`the run of ${id}: ${JSON.stringify(body)}`);
  return String(body['backupId']);
}

/** Five small backups make a usual size; the sixth is a hundred times as large. */
async function keepBackingUp(service: TestService): Promise<void> {
  for (let index = 0; index < 5; index += 1) await run(service, 'docs');
  writeFileSync(join(service.installation.folder, 'docs', 'b.bin'), Buffer.alloc(20_000_000, 7));
  await run(service, 'docs');
  await happened(service, 'run:unusual');
}

/** A backup of a night that was measured, days ago, with a key that is gone: it is looked back at when a run has ended. */
async function pastNight(catalog: Catalog): Promise<void> {
  const startedAt = Math.floor(Date.now() / dayMs) * dayMs - 4 * dayMs + hourMs;
  const night = newRun('night', { schedule: 'docs', type: 'files', startedAt, dueAt: startedAt - hourMs });
  await catalog.startRun(night);
  const manifest = newManifest('b-night', { schedule: 'docs', type: 'files', createdAt: startedAt });
  const backup = { manifest: { ...manifest, runId: 'night' }, copies: [] };
  await catalog.finishRun('night', { ...runEnd(night, { finishedAt: startedAt + hourMs / 2 }), backup });
  // The nights since then are nobody's business.
  await catalog.settle('docs', Date.now());
}

async function cancelled(service: TestService): Promise<void> {
  const { body } = await service.post('/schedules/endless/run');
  await service.post(`/runs/${String(body['id'])}/cancel`);
  await vi.waitUntil(
    async () => (await service.catalog.run(String(body['id'])))?.status === 'cancelled',
    waiting,
  );
}

/** A restore drill, a verification that passes, a restore, and a verification that does not, of what is not run again. */
async function proofs(service: TestService): Promise<void> {
  await service.post('/schedules/shop/drill?wait=true');
  const [backup] = await service.catalog.backups({ schedule: 'rotten', limit: 1 });
  if (backup === undefined) throw new Error('there is no backup of rotten');
  await service.post(`/backups/${backup.id}/verify?wait=true`);
  await service.post(`/backups/${backup.id}/restore?wait=true`, { body: { target: 'back' } });
  const path = backup.copies[0]?.path ?? '';
  spoil(path, -1);
  await service.post(`/backups/${backup.id}/verify?wait=true`);
}

/** One of each mode; then one that cannot read a backup, and so leaves that with a key that retires. */
async function rotations(service: TestService): Promise<void> {
  for (const mode of ['reencrypt', 'rotate', 'rewrap']) await rotate(service, mode, 'completed');
  const oldest = (await service.catalog.backups({ schedule: 'docs', limit: 50 })).at(-1);
  // Within the header, which a rotation has to open.
  spoil(oldest?.copies[0]?.path ?? '', 100);
  await rotate(service, 'rewrap', 'failed');
}

function spoil(path: string, position: number): void {
  const bytes = readFileSync(path);
  const at = position < 0 ? bytes.length + position : position;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function rotate(service: TestService, mode: string, status: string): Promise<void> {
  const { body } = await service.post('/rotations?wait=true', { body: { mode } });
  if (body['status'] !== status) throw new Error(`the rotation: ${JSON.stringify(body)}`);
}

/** What was there is gone, and for some hours nobody has looked at the time. */
async function troubles(service: TestService, offsite: string): Promise<void> {
  const { folder, configFile } = service.installation;
  // One of two copies is damaged: it would be made good, were the host ever quiet.
  const [newest] = await service.catalog.backups({ schedule: 'shop', limit: 1 });
  spoil(newest?.copies[0]?.path ?? '', -1);
  await service.post(`/backups/${newest?.id ?? ''}/verify?wait=true`);
  rmSync(join(folder, 'shop.db'));
  await run(service, 'shop', 'failed');
  for (const name of readdirSync(offsite)) rmSync(join(offsite, name), { recursive: true });
  await service.catalog.settle('settings', Date.now() - 8 * hourMs);
  // A reload tries the stores and looks at the schedules at once; the store that is gone cannot be given what it changes.
  appendFileSync(configFile, '# As it is now.\n');
  await service.reload();
  await happened(service, 'run:missed', ({ schedule }) => schedule === 'settings');
  appendFileSync(configFile, 'unknown: key\n');
  await service.reload();
}

type Body<N extends string> = Extract<StoredEvent['body'], { name: N }>;
type EventName = StoredEvent['body']['name'];

async function happened<N extends EventName>(
  { catalog }: TestService,
  name: N,
  is: (body: Body<N>) => boolean = () => true,
): Promise<void> {
  await vi.waitUntil(
    async () =>
      (await catalog.eventsAfter(0, 10_000)).some(({ body }) => body.name === name && is(body as Body<N>)),
    waiting,
  );
}
