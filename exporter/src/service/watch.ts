import type { Catalog } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import { fullestDisk } from '../health/disk.ts';
import type { WatchedClock } from '../health/facts.ts';
import type { EncryptionFindings } from '../health/checks.ts';
import { watchHealth, type HealthCheck, type HealthOptions } from '../health/health.ts';
import type { CopyFacts, LoadFacts } from '../metrics/from-state.ts';
import { serviceMetrics, type ServiceMetrics } from '../metrics/metrics.ts';
import { recent } from '../probe/recent.ts';
import { version } from '../version.ts';
import { keyAgeFindings } from '../keys/key-age.ts';
import { usabilityFindings } from '../keys/usable.ts';
import type { ClockWatch } from './clock-watch.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StoreWatch } from './store-watch.ts';
import type { WatchedSchedules } from './watched-schedules.ts';

const diskMaxAgeMs = 5000;

export interface WatchOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly stores: StoreWatch;
  readonly sources: SourceWatch;
  readonly schedules: WatchedSchedules;
  readonly load: () => Promise<LoadFacts>;
  readonly clock: ClockWatch;
  readonly isPlanner: () => boolean;
  readonly configCopies: () => Readonly<Record<string, boolean>>;
  readonly copies: () => CopyFacts;
  readonly health: HealthOptions;
  readonly log: Logger;
}

/** Metrics and health checks of a service. */
export function watch({
  installation,
  stores,
  sources,
  schedules,
  load,
  clock: clockWatch,
  isPlanner,
  configCopies,
  copies,
  health: healthOptions,
  log,
}: WatchOptions): ServiceMetrics & { readonly health: () => Promise<readonly HealthCheck[]> } {
  const { catalog, clock } = installation();
  const facts = {
    disk: () => {
      const { config } = installation();
      const folders = Object.values(config.stores).flatMap((store) => ('path' in store ? [store.path] : []));
      return fullestDisk([config.local, ...folders]);
    },
    schedules: () => schedules.list(),
    stores: () => stores.watched(),
    now: () => clock.now(),
  };
  const health = watchHealth(
    {
      ...facts,
      sources: () => sources.watched(),
      largestBackupBytes: async () =>
        Math.max(
          0,
          ...(await catalog.backups({ status: 'completed', limit: 100 })).map((backup) => backup.storedBytes),
        ),
      encryptionFindings: () => encryptionFindings(installation()),
      catalogFindings: () => catalog.check(),
      waitingCopies: () => copies().waiting,
      proofs: () => catalog.proofs(),
      drills: () => catalog.drills.latest(),
      clock: async () => ({ ...clockWatch.jump(), ...(await lastEventOf(catalog)) }),
    },
    healthOptions,
  );
  const metrics = serviceMetrics({
    ...facts,
    catalog,
    keys: () => installation().keystore.list(),
    maxKeyAgeSeconds: () => {
      const { max_key_age: maxAge } = installation().config.encryption;
      return maxAge === undefined ? undefined : maxAge / 1000;
    },
    load,
    runLoads: () => catalog.reviews.latest(),
    isPlanner,
    configCopies,
    copies,
    drills: () => catalog.drills.latest(),
    // Scrapes do not wait for a check, nor for threads that are busy with flushing.
    health: health.soon,
    disk: recent(facts.disk, diskMaxAgeMs, facts.now).soon,
    version,
    nodeVersion: process.version,
    process: true,
    onFailure: (what, error) => log.warn({ err: describe(error) }, `the metrics of ${what} are missing`),
  });
  return { ...metrics, health };
}

async function encryptionFindings({
  keystore,
  catalog,
  config,
  stores,
  clock,
}: Installation): Promise<EncryptionFindings> {
  if (stores.size === 0) return { keystore: [], age: [], isUnused: true };
  const found = await keystore.findings();
  const usability = await usabilityFindings(keystore, (await catalog.totals()).backupsByKey);
  const { max_key_age: maxAge } = config.encryption;
  return {
    keystore: [...found, ...usability.filter((finding) => !found.includes(finding))],
    age: maxAge === undefined ? [] : keyAgeFindings(await keystore.list(), maxAge, clock.now()),
  };
}

async function lastEventOf(catalog: Catalog): Promise<Pick<WatchedClock, 'lastEventAt'>> {
  const [last] = await catalog.eventsAfter((await catalog.latestSequence()) - 1, 1);
  return last === undefined ? {} : { lastEventAt: last.at };
}
