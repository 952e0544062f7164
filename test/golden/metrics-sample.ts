import type { CatalogTotals } from '../../exporter/src/catalog/catalog.ts';
import type { Drill } from '../../exporter/src/catalog/drills.ts';
import type { EventBody, StoredEvent } from '../../exporter/src/events/events.ts';
import type { WatchedStore } from '../../exporter/src/health/facts.ts';
import type { Key } from '../../exporter/src/keys/keystore.ts';
import type { ShownSchedule } from '../../exporter/src/metrics/from-state.ts';
import type { PageFormat } from '../../exporter/src/metrics/exposition.ts';
import {
  serviceMetrics,
  type ServiceMetrics,
  type ServiceMetricsOptions,
} from '../../exporter/src/metrics/metrics.ts';

/** A Tuesday; every time of the sample counts from here. */
export const noon = Date.UTC(2026, 2, 3, 12);
const hourMs = 3_600_000;

const schedules: readonly ShownSchedule[] = [
  {
    id: 'db-prod',
    type: 'database',
    intervalSeconds: 86_400,
    nextRunAt: noon + 14 * hourMs,
    maxDelayMs: 6 * hourMs,
    drillIntervalSeconds: 604_800,
    isPaused: false,
    expectedSeconds: 2700,
  },
  {
    id: 'etc',
    type: 'files',
    intervalSeconds: 3600,
    maxDelayMs: hourMs,
    isPaused: true,
    expectedSeconds: 1800.5,
  },
];

const stores: readonly WatchedStore[] = [
  { id: 'local', provider: 'local', lastCheck: { up: true, at: noon } },
  { id: 'offsite', provider: 'aws', lastCheck: { up: false, at: noon, error: 'no route to host' } },
  { id: 'new', provider: 'azure' },
];

const keys: readonly Key[] = [
  {
    id: 'key-0000000000aa',
    recipient: 'age1old',
    state: 'retiring',
    createdAt: noon - 90 * 24 * hourMs,
    origin: 'generated',
    purpose: 'backup',
  },
  {
    id: 'key-0000000000bb',
    recipient: 'age1new',
    state: 'active',
    createdAt: noon - 1500,
    origin: 'imported',
    purpose: 'backup',
    parentId: 'key-0000000000aa',
  },
];

export const totals: CatalogTotals = {
  bytesByStore: { local: 7144, offsite: 0 },
  bytesByType: { database: 7144 },
  successRateByType: { database: 0.5, files: 0 },
  lastSuccessBySchedule: { 'db-prod': noon - hourMs, 'taken-out': noon - 1000 * hourMs },
  runningBySchedule: { etc: 1 },
  backupsByKey: { 'key-0000000000aa': 1 },
  bytesByKey: { 'key-0000000000aa': 7144 },
  copiesByKey: { 'key-0000000000aa': 2 },
  rotationProgress: 0.75,
};

export const eventBodies: readonly EventBody[] = [
  { name: 'run:started', runId: 'r1', schedule: 'db-prod', dueAt: noon - 90_000 },
  {
    name: 'run:finished',
    runId: 'r1',
    schedule: 'db-prod',
    type: 'database',
    status: 'completed',
    durationSeconds: 45.25,
    pausedSeconds: 12.5,
    sizeBytes: 100 * 2 ** 20,
    encryptionSeconds: 2.125,
    uploads: [
      { provider: 'local', seconds: 0.25 },
      { provider: 'aws', seconds: 12.5 },
    ],
  },
  { name: 'backup:verified', backupId: 'b1', status: 'passed' },
  { name: 'run:started', runId: 'r2', schedule: 'db-prod' },
  {
    name: 'run:finished',
    runId: 'r2',
    schedule: 'db-prod',
    type: 'database',
    status: 'interrupted',
    durationSeconds: 3,
    errorType: 'internal',
  },
  { name: 'run:missed', schedule: 'etc', dueAt: noon, occurrences: 1 },
  { name: 'run:missed', schedule: 'etc', dueAt: noon + hourMs, occurrences: 1, reason: 'disk_pressure' },
  { name: 'run:deferred', schedule: 'db-prod', reason: 'high_load' },
  { name: 'run:deferred', schedule: 'db-prod', reason: 'high_load' },
  { name: 'run:unusual', runId: 'r1', schedule: 'db-prod', figure: 'duration', value: 45.25, low: 9, high: 20 },
  { name: 'run:reviewed', runId: 'r1', schedule: 'db-prod', load: 0.125, metPeak: false, fixedMetPeak: true },
  { name: 'run:reviewed', runId: 'r0', schedule: 'db-prod', load: 0.875, metPeak: true },
  { name: 'backup:restored', backupId: 'b1', status: 'completed' },
  { name: 'backup:read', backupId: 'b1', store: 'offsite', bytes: 7144 },
  { name: 'backup:healed', backupId: 'b1', store: 'offsite', status: 'completed', bytes: 7144 },
  { name: 'backup:healed', backupId: 'b2', store: 'offsite', status: 'failed', errorType: 'store' },
  { name: 'drill:started', drillId: 'd1', schedule: 'db-prod', backupId: 'b1' },
  {
    name: 'drill:finished',
    drillId: 'd1',
    schedule: 'db-prod',
    backupId: 'b1',
    status: 'failed',
    dataAgeSeconds: 7200,
    restoreSeconds: 61.5,
    errorType: 'restore',
  },
  { name: 'backup:pruned', backupId: 'b0', reason: 'too old' },
  { name: 'error', errorType: 'store' },
  { name: 'rotation:started', rotationId: 'o1', mode: 'rewrap', trigger: 'manual', by: 'ann' },
  { name: 'key:changed', keyId: 'key-0000000000bb', change: 'created', rotationId: 'o1' },
  { name: 'rotation:backups', rotationId: 'o1', mode: 'rewrap', done: 60, skipped: 3, failed: 1, bytes: 7144 },
  { name: 'rotation:finished', rotationId: 'o1', mode: 'rewrap', status: 'failed', done: 60, skipped: 3, failed: 1 },
];

const passedDrill: Drill = {
  id: 'd0',
  schedule: 'db-prod',
  backupId: 'b0',
  trigger: 'schedule',
  status: 'passed',
  startedAt: noon - 170 * hourMs,
  finishedAt: noon - 169 * hourMs,
  dataAgeSeconds: 3600,
  restoreSeconds: 60,
  scratch: { folder: '/var/tmp/lowtide-drill-d0' },
  checks: [],
  warnings: [],
};

const failedDrill: Drill = {
  ...passedDrill,
  id: 'd1',
  status: 'failed',
  startedAt: noon - 2 * hourMs,
  finishedAt: noon - hourMs,
  dataAgeSeconds: 7200,
  restoreSeconds: 61.5,
};

/** An event log in memory. `append` is what another process would do. */
export class EventLog {
  readonly #events: StoredEvent[] = [];

  constructor(bodies: readonly EventBody[] = []) {
    for (const body of bodies) this.append(body);
  }

  append(body: EventBody): void {
    this.#events.push({ sequence: this.#events.length + 1, at: noon, body });
  }

  readonly eventsAfter = (sequence: number, limit: number): Promise<readonly StoredEvent[]> =>
    Promise.resolve(this.#events.slice(sequence, sequence + limit));
}

/** One installation at one moment: everything there is to know, fixed. */
export function metricsSample(more: Partial<ServiceMetricsOptions> = {}): ServiceMetricsOptions {
  return {
    catalog: { totals: () => Promise.resolve(totals), eventsAfter: new EventLog(eventBodies).eventsAfter },
    keys: () => Promise.resolve(keys),
    maxKeyAgeSeconds: () => 180 * 86_400,
    schedules: () => schedules,
    stores: () => stores,
    disk: () => Promise.resolve({ freeBytes: 25 * 2 ** 30, totalBytes: 100 * 2 ** 30 }),
    load: () => ({
      measured: { cpu: 0.25, memory: 0.5, disk: NaN },
      pressure: { cpu: 0.125, memory: 0, disk: 0.0625 },
      throughput: { read: 1_048_576, written: 4096.5, received: NaN, sent: 0 },
      expected: { cpu: 0.125, memory: 0.5 },
      forecasts: [
        { resource: 'cpu', forecast: 'learned', isFollowed: true, regret: 0.015, error: 0.0625 },
        { resource: 'cpu', forecast: 'yesterday', isFollowed: false, regret: 0.03, error: 0.05 },
      ],
    }),
    runLoads: () => ({
      'db-prod': { load: 0.125, best: 0.0625, fixed: 0.5 },
      gone: { load: 0.25 },
    }),
    drills: () => ({ 'db-prod': { last: failedDrill, passed: passedDrill }, gone: { last: passedDrill } }),
    isPlanner: () => true,
    isStateThere: () => true,
    configCopies: () => ({ local: true, offsite: false }),
    copies: () => ({
      waiting: { local: { copies: 0 }, offsite: { copies: 2 } },
      reads: { offsite: { oldestAt: noon - 1000 * hourMs, overdue: 3 } },
    }),
    health: () =>
      Promise.resolve([
        { type: 'disk_space', ok: true, message: '25 GiB of 100 GiB are free.' },
        { type: 'stores', ok: false, message: 'offsite cannot be used: no route to host.' },
      ]),
    now: () => noon,
    elapsed: () => 0,
    version: '1.2.3',
    nodeVersion: 'v26.0.0',
    process: false,
    onFailure: (what, error) => {
      throw new Error(`${what} has failed`, { cause: error });
    },
    ...more,
  };
}

/** A schedule of which nothing is known yet. */
export function shown(id: string, type: ShownSchedule['type']): ShownSchedule {
  return { id, type, intervalSeconds: 60, maxDelayMs: 0, isPaused: false, expectedSeconds: 1800 };
}

/** The page's samples, `name{labels}` → value. */
export async function scrape(
  from: ServiceMetrics,
  format: PageFormat = 'text',
): Promise<ReadonlyMap<string, number>> {
  const page = await from.pages(format);
  const lines = page.body
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

export function service(more: Partial<ServiceMetricsOptions> = {}): ServiceMetrics {
  return serviceMetrics(metricsSample(more));
}

/** The end of a run, with nothing but what every one has. */
export const finished: EventBody & { name: 'run:finished' } = {
  name: 'run:finished',
  runId: 'r',
  schedule: 'db-prod',
  type: 'database',
  status: 'completed',
  durationSeconds: 1,
};
