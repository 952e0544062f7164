import { DatabaseSync } from 'node:sqlite';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadRecord } from '../../exporter/src/load/load.ts';
import { storeBackups } from '../servers/stored-backups.ts';
import { TestInstallation } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';
import { newRun, runEnd } from '../conformance/catalog-samples.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const schedules = `  - id: orders-db
    source: { type: sqlite, path: FOLDER/data/orders.db }
    every: 1d
    window: 01:00-06:00
    timezone: Europe/Madrid
    priority: critical
    max_delay: 6h
    estimated_duration: 40m
    stores: [local, mirror]
    keep: { daily: 7, weekly: 4 }
  - id: web-files
    source: { type: directory, path: FOLDER/data/web }
    every: 1d
    window: 21:00-05:00
    timezone: Europe/Madrid
    priority: high
    max_delay: 4h
    estimated_duration: 25m
    stores: [local]
    keep: { daily: 7 }
  - id: mail
    source: { type: directory, path: FOLDER/data/mail }
    every: 12h
    priority: medium
    max_delay: 3h
    estimated_duration: 15m
    stores: [local]
    keep: { last: 20 }
  - id: metrics-export
    source: { type: command, argv: [seq, '20000'] }
    cron: '20 */6 * * *'
    priority: low
    max_delay: 2h
    estimated_duration: 5m
    stores: [local]
    keep: { last: 20 }`;

/** Large enough that a run of it can be watched, and slow enough that one can stop it. */
const slow = `
  - id: archive
    source: { type: command, argv: [bash, -c, 'for i in $(seq 600); do head -c 1M /dev/urandom; sleep 0.1; done'] }
    cron: '0 0 1 1 *'
    priority: low
    estimated_duration: 1m
    stores: [local]
    keep: { last: 2 }`;

/**
 * An exporter as it is found in a company: four schedules, two weeks of load with a tide, backups that were made by it, and
 * a past of runs. It is a process of its own, and can be killed and started again.
 */
export class Site implements AsyncDisposable {
  readonly installation: TestInstallation;
  #process: ServeProcess | undefined;

  private constructor(installation: TestInstallation) {
    this.installation = installation;
  }

  static async make(): Promise<Site> {
    const installation = await TestInstallation.make(schedules + slow, {
      stores: '{ local: { type: directory, path: ./backups }, mirror: { type: directory, path: ./mirror } }',
      more: `${tokens}\nrestore_targets: { scratch: { to: FOLDER/restored } }`,
    });
    const site = new Site(installation);
    site.#makeData();
    await site.#rememberLoad();
    await site.#rememberRuns();
    for (const schedule of ['orders-db', 'web-files', 'mail', 'metrics-export']) {
      await installation.completed(schedule);
    }
    await site.start();
    return site;
  }

  get url(): string {
    if (this.#process === undefined) throw new Error('the exporter does not run');
    return `http://${this.#process.address}`;
  }

  /** At the address it had before, once it had one. */
  async start(address?: string): Promise<void> {
    const args = address === undefined ? [] : ['--web.listen-address', address];
    this.#process = await ServeProcess.start(this.installation.folder, ...args);
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.installation[Symbol.asyncDispose]();
  }

  #makeData(): void {
    const data = join(this.installation.folder, 'data');
    for (const [folder, files] of [
      ['web', 40],
      ['mail', 25],
    ] as const) {
      mkdirSync(join(data, folder), { recursive: true });
      for (let index = 0; index < files; index += 1) {
        writeFileSync(join(data, folder, `${index}.txt`), `${folder} ${index}\n`.repeat(4000));
      }
    }
    cpSync(this.installation.configFile, join(data, 'web', 'example.yaml'));
    const database = new DatabaseSync(join(data, 'orders.db'));
    database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)');
    const insert = database.prepare('INSERT INTO orders (item) VALUES (?)');
    database.exec('BEGIN');
    for (let index = 0; index < 20_000; index += 1) insert.run(`item ${index % 97}`);
    database.exec('COMMIT');
    database.close();
  }

  /** Busy by day, quiet by night, and a peak when the nightly reports are made. */
  async #rememberLoad(): Promise<void> {
    const { load } = this.installation.opened.catalog;
    const until = Math.floor(Date.now() / (5 * minuteMs)) * 5 * minuteMs;
    await load.record(recordsOf(until - 14 * dayMs, until, 5 * minuteMs), 'coarse');
    await load.record(recordsOf(until - 2 * dayMs, until, minuteMs), 'fine');
  }

  /** Of the last nights: the backups are sealed, and lie where the catalog says. */
  async #rememberRuns(): Promise<void> {
    const { catalog, keystore } = this.installation.opened;
    const key = await keystore.active();
    const now = Date.now();
    const past = [
      ...nightsOf('orders-db', 'database', 1.6, now),
      ...nightsOf('web-files', 'files', 3.1, now),
      ...nightsOf('mail', 'files', 14.5, now),
    ].sort((a, b) => a.startedAt - b.startedAt);
    const stored = await storeBackups(past.length, {
      folder: join(this.installation.folder, 'backups'),
      key,
      bytes: 40_000,
      sample: (index) => {
        const { schedule, type, startedAt } = past[index]!;
        const source = { type: 'command', label: schedule } as const;
        return { schedule, type, source, format: 'raw', createdAt: startedAt + 20 * minuteMs };
      },
    });
    for (const [index, { manifest }] of stored.entries()) {
      const { schedule, type, startedAt, minutes, failed } = past[index]!;
      const run = newRun(manifest.runId, { schedule, type, startedAt, dueAt: startedAt, stores: ['local'] });
      await catalog.startRun(run);
      const finishedAt = startedAt + minutes * minuteMs;
      const path = join(this.installation.folder, 'backups', manifest.parts[0].name);
      const end = failed
        ? runEnd(run, {
            status: 'failed',
            finishedAt,
            error: {
              code: 'source_unreachable',
              message: 'cannot read /srv/mail: input/output error',
              hint: 'Look at the mount and the disk.',
            },
          })
        : runEnd(run, { finishedAt, manifest });
      const copies = [{ store: 'local', path, status: 'good' as const }];
      await catalog.finishRun(run.id, failed ? end : { ...end, backup: { manifest, copies } });
    }
  }
}

interface PastRun {
  readonly schedule: string;
  readonly type: 'database' | 'files';
  readonly startedAt: number;
  readonly minutes: number;
  readonly failed: boolean;
}

function nightsOf(schedule: string, type: PastRun['type'], utcHour: number, now: number): PastRun[] {
  const midnight = Math.floor(now / dayMs) * dayMs;
  return [1, 2, 3, 4, 5].map((daysAgo) => ({
    schedule,
    type,
    startedAt: midnight - daysAgo * dayMs + utcHour * hourMs + ((daysAgo * 17) % 40) * minuteMs,
    minutes: 22 + ((daysAgo * 7) % 15),
    failed: schedule === 'mail' && daysAgo === 2,
  }));
}

function recordsOf(from: number, until: number, stepMs: number): LoadRecord[] {
  const records: LoadRecord[] = [];
  for (let at = from; at < until; at += stepMs) {
    const hour = (at % dayMs) / hourMs;
    const day = Math.exp(-(((hour - 14) / 4.2) ** 2));
    const reports = Math.exp(-(((hour - 23.3) / 0.5) ** 2));
    const waves = 0.03 * Math.sin(at / (7 * minuteMs)) + 0.02 * Math.sin(at / (2.3 * minuteMs));
    const bounded = (value: number): number => Math.min(0.98, Math.max(0.01, value));
    records.push({
      at,
      cpu: bounded(0.1 + 0.55 * day + 0.35 * reports + waves),
      memory: bounded(0.42 + 0.2 * day + waves / 2),
      disk: bounded(0.08 + 0.3 * day + 0.45 * reports + waves),
    });
  }
  return records;
}
