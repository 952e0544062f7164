import type { Installation } from '../compose.ts';
import { fullestDisk } from '../health/disk.ts';
import { watchHealth, type HealthCheck } from '../health/health.ts';
import type { LoadFacts } from '../metrics/from-state.ts';
import { serviceMetrics, type ServiceMetrics } from '../metrics/metrics.ts';
import { version } from '../version.ts';
import { keyAgeFindings } from '../keys/key-age.ts';
import { usabilityFindings } from '../keys/usable.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StoreWatch } from './store-watch.ts';
import type { WatchedSchedules } from './watched-schedules.ts';

export interface WatchOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly stores: StoreWatch;
  readonly sources: SourceWatch;
  readonly schedules: WatchedSchedules;
  readonly load: () => LoadFacts;
  readonly log: Logger;
}

/** Metrics and health checks of a service. */
export function watch({
  installation,
  stores,
  sources,
  schedules,
  load,
  log,
}: WatchOptions): ServiceMetrics & { readonly health: () => Promise<readonly HealthCheck[]> } {
  const { catalog, clock } = installation();
  const facts = {
    disk: () => {
      const { config } = installation();
      return fullestDisk([config.state, ...Object.values(config.stores).map((store) => store.path)]);
    },
    schedules: () => schedules.list(),
    stores: () => stores.watched(),
    now: () => clock.now(),
  };
  const health = watchHealth({
    ...facts,
    sources: () => sources.watched(),
    largestBackupBytes: () =>
      Math.max(
        0,
        ...catalog.backups({ status: 'completed', limit: 100 }).map((backup) => backup.storedBytes),
      ),
    keystoreFindings: () => keystoreFindings(installation()),
    catalogFindings: () => catalog.check(),
  });
  const metrics = serviceMetrics({
    ...facts,
    catalog,
    keys: () => installation().keystore.list(),
    load,
    health,
    version,
    nodeVersion: process.version,
    process: true,
    onFailure: (what, error) => log.warn({ err: describe(error) }, `the metrics of ${what} are missing`),
  });
  return { ...metrics, health };
}

async function keystoreFindings({
  keystore,
  catalog,
  config,
  clock,
}: Installation): Promise<readonly string[]> {
  const found = await keystore.findings();
  const usability = await usabilityFindings(keystore, catalog.totals().backupsByKey);
  const { max_key_age: maxAge } = config.encryption;
  const age = maxAge === undefined ? [] : keyAgeFindings(await keystore.list(), maxAge, clock.now());
  return [...found, ...usability.filter((finding) => !found.includes(finding)), ...age];
}
