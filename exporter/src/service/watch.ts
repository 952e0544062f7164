import type { Catalog, CatalogTotals } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import { unlessAway } from '../errors/away.ts';
import { fullestDisk } from '../health/disk.ts';
import type { WatchedClock } from '../health/facts.ts';
import type { EncryptionFindings } from '../health/checks.ts';
import { watchHealth, type HealthCheck, type HealthOptions } from '../health/health.ts';
import type { CopyFacts, LoadFacts } from '../metrics/from-state.ts';
import { serviceMetrics, type ServiceMetrics } from '../metrics/metrics.ts';
import { lastKnown } from '../probe/last-known.ts';
import { recent } from '../probe/recent.ts';
import { version } from '../version.ts';
import { keyAgeFindings } from '../keys/key-age.ts';
import { usabilityFindings } from '../keys/usable.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Logger } from './log.ts';
import { report } from './report.ts';
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
  const drills = lastKnown(() => catalog.drills.latest());
  const largestBackupBytes = lastKnown(async () =>
    Math.max(
      0,
      ...(await catalog.backups({ status: 'completed', limit: 100 })).map(({ storedBytes }) => storedBytes),
    ),
  );
  const totals = lastKnown(
    () => catalog.totals(),
    (last) => {
      const completed = Object.fromEntries(installation().standIn?.completed ?? []);
      return { ...last, lastSuccessBySchedule: { ...last.lastSuccessBySchedule, ...completed } };
    },
  );
  const lastEvent = lastKnown(() => lastEventOf(catalog));
  const health = watchHealth(
    {
      ...facts,
      sources: () => sources.watched(),
      largestBackupBytes,
      encryptionFindings: () => encryptionFindings(installation(), totals),
      catalogFindings: () => catalog.check(),
      waitingCopies: () => copies().waiting,
      proofs: lastKnown(() => catalog.proofs()),
      drills,
      clock: async () => ({ ...clockWatch.jump(), ...(await lastEvent()) }),
    },
    healthOptions,
  );
  const metrics = serviceMetrics({
    ...facts,
    catalog: { totals, eventsAfter: whileThere(catalog) },
    isStateThere: () => installation().standIn?.isAway() !== true,
    keys: () => installation().keystore.list(),
    maxKeyAgeSeconds: () => {
      const { max_key_age: maxAge } = installation().config.encryption;
      return maxAge === undefined ? undefined : maxAge / 1000;
    },
    load,
    runLoads: lastKnown(() => catalog.reviews.latest()),
    isPlanner,
    configCopies,
    copies,
    drills,
    // Scrapes do not wait for a check, nor for threads that are busy with flushing.
    health: health.soon,
    disk: recent(facts.disk, diskMaxAgeMs, facts.now).soon,
    version,
    nodeVersion: process.version,
    process: true,
    onFailure: (what, error) => report(log, error, `the metrics of ${what} are missing`, { level: 'warn' }),
  });
  return { ...metrics, health };
}

/** What has happened while the state is away follows when it is back; before it was read once, nobody knows how much that is. */
function whileThere(catalog: Catalog): Catalog['eventsAfter'] {
  let wasRead = false;
  return async (sequence, limit) => {
    const asked = catalog.eventsAfter(sequence, limit);
    const events = wasRead ? ((await unlessAway(asked)) ?? []) : await asked;
    wasRead = true;
    return events;
  };
}

async function encryptionFindings(
  { keystore, config, stores, clock }: Installation,
  totals: () => Promise<CatalogTotals>,
): Promise<EncryptionFindings> {
  if (stores.size === 0) return { keystore: [], age: [], isUnused: true };
  const found = await keystore.findings();
  const usability = await usabilityFindings(keystore, (await totals()).backupsByKey);
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
