import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from './catalog/catalog.ts';
import type { MovableState } from './catalog/migrate-state.ts';
import { openPostgresCatalog } from './catalog/postgres.ts';
import { PostgresDatabase } from './catalog/postgres/database.ts';
import { MovableSchema } from './catalog/postgres/movable.ts';
import { homeOf } from './catalog/postgres/home.ts';
import { schemaOf } from './catalog/postgres/schema-name.ts';
import { openSqliteCatalog } from './catalog/sqlite.ts';
import { MovableFolder } from './catalog/sqlite/movable.ts';
import { openStandIn, type StandIn } from './catalog/stand-in.ts';
import type { Clock } from './clock/clock.ts';
import { systemClock } from './clock/system.ts';
import { withAdded } from './config/added-schedules.ts';
import { isPostgresUrl } from './config/location.ts';
import type { LoadedConfig } from './config/read.ts';
import type { Config, StoreConfig } from './config/schema.ts';
import type { LowtideError } from './errors/lowtide-error.ts';
import { FleetAccess } from './fleet/access.ts';
import { refuseTaken } from './fleet/hosts.ts';
import { Drills } from './drill/drills.ts';
import { Healer } from './heal/heal.ts';
import { importEnvironmentKey, withEnvironmentKey } from './keys/environment.ts';
import { fileKeystore } from './keys/file.ts';
import type { Keystore } from './keys/keystore.ts';
import { hostGauge } from './load/gauge.ts';
import { findLauncher, type Launcher } from './process/courtesy.ts';
import { findCompression, type Compression } from './run/compression.ts';
import { Jobs } from './run/jobs.ts';
import type { ProtectedPlace } from './run/restore/protected.ts';
import { Pacer, turnMs } from './run/pacer.ts';
import { Runner } from './run/runner.ts';
import { Rotator, type PlanKeystore } from './rotation/rotator.ts';
import { ConfigKeeper } from './recovery/config-keeper.ts';
import { openPostgres } from './postgres/postgres.ts';
import { createSealPool, type SealPool } from './seal/pool.ts';
import { AzureStore } from './store/azure.ts';
import type { AzureOptions } from './store/azure/options.ts';
import { DirectoryStore } from './store/directory.ts';
import { FencedStore } from './store/fenced.ts';
import { Line } from './store/line.ts';
import { RemoteStore } from './store/objects/store.ts';
import type { RetryPolicy } from './store/retrying.ts';
import { S3Store } from './store/s3.ts';
import type { S3Options } from './store/s3/options.ts';
import type { Store } from './store/store.ts';
import { version } from './version.ts';

/**
 * All that one process needs to work on one installation. This is the only file that knows adapters and core alike:
 * what kind of catalog, store and keystore there is, is decided here.
 */
export interface Installation extends AsyncDisposable {
  readonly loaded: LoadedConfig;
  readonly config: Config;
  readonly clock: Clock;
  readonly catalog: Catalog;
  /** Tells whether the catalog is away, and what it does then; undefined where it never is: in a folder, and for a command. */
  readonly standIn: StandIn | undefined;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly scratchRoot: string;
  readonly jobs: Jobs;
  readonly rotator: Rotator;
  readonly drills: Drills;
  readonly healer: Healer;
  /** Holds up what is done in the background while the host is busy. */
  readonly pacer: Pacer;
  readonly configKeeper: ConfigKeeper;
  /** Why schedules that were added through the API do not run. */
  readonly problems: readonly LowtideError[];
  /** The hosts that share the PostgreSQL of the state with this one; undefined where the state is a folder. */
  readonly fleet: FleetAccess | undefined;
  /** The same state under another config; what goes on under this one goes on. Only the first one is disposed. */
  reconfigured(loaded: LoadedConfig): Promise<Installation>;
  /** Takes over the key in the environment, where there is one; commands that seal or open call it first. */
  takeEnvironmentKey(): Promise<void>;
  /** The keystore as it would be after that, for what changes nothing. */
  keystoreWithEnvironmentKey(): PlanKeystore;
}

export interface OpenOptions {
  /** For a service: it goes on while PostgreSQL is away. One process of a host at a time. */
  readonly standsIn?: boolean;
}

/** Opens the state; disposing closes it. Throws what the catalog throws. */
export async function openInstallation(
  loaded: LoadedConfig,
  env: Environment,
  { standsIn = false }: OpenOptions = {},
): Promise<Installation> {
  const state = await openState(loaded.config, env, standsIn);
  const pool = createSealPool({ threads: Math.min(2, availableParallelism()) });
  return await assemble(loaded, env, {
    ...state,
    pool,
    compression: foundOnce(findCompression),
    launcher: foundOnce(findLauncher),
    pacer: pacerOf(loaded.config),
    running: new Set(),
    rotating: new Set(),
    drilling: new Set(),
    healing: new Set(),
  });
}

type OpenState = Pick<Lasting, 'catalog' | 'fleet' | 'standIn'>;

async function openState(
  { state, local, instance }: Config,
  env: Environment,
  standsIn: boolean,
): Promise<OpenState> {
  if (!isPostgresUrl(state)) {
    return { catalog: openSqliteCatalog(state), fleet: undefined, standIn: undefined };
  }
  const postgres = openPostgres(state, { applicationName: `lowtide ${instance}`, environment: env });
  const fleet = new FleetAccess(postgres, local, elapsed);
  const host = { instance, folder: local, assertOurs: fleet.guard.assert };
  if (!standsIn) return { catalog: await openPostgresCatalog(postgres, host), fleet, standIn: undefined };
  try {
    const standIn = await openStandIn({
      // What was noted for one instance is not delivered as that of another.
      folder: join(local, 'stand-in', schemaOf(instance)),
      async connect() {
        // What waits to be delivered is not for whoever works under the name by now.
        await refuseTaken(postgres, instance, homeOf(local));
        return await PostgresDatabase.open(postgres, host);
      },
      now: () => systemClock.now(),
    });
    return { catalog: standIn.catalog, fleet, standIn };
  } catch (thrown) {
    await postgres[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** The state of an installation at a URL or in a folder, to be moved as a whole. Throws `config_invalid` for a URL that cannot be read. */
export function openMovableState(
  location: string,
  { instance, local }: Pick<Config, 'instance' | 'local'>,
  env: Environment,
): MovableState {
  if (!isPostgresUrl(location)) return new MovableFolder(location);
  const postgres = openPostgres(location, {
    applicationName: `lowtide state migrate ${instance}`,
    environment: env,
    // One transaction waits while the other side reads or writes much.
    timeouts: { statement: movingTimeoutMs, idleInTransaction: movingTimeoutMs },
  });
  return new MovableSchema(postgres, instance, local);
}

const movingTimeoutMs = 600_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** What outlives a change of the config. */
interface Lasting {
  readonly catalog: Catalog;
  readonly fleet: FleetAccess | undefined;
  readonly standIn: StandIn | undefined;
  readonly pool: SealPool;
  readonly compression: () => Promise<Compression>;
  readonly launcher: () => Promise<Launcher>;
  readonly pacer: Pacer;
  readonly running: Set<string>;
  readonly rotating: Set<string>;
  readonly drilling: Set<string>;
  readonly healing: Set<string>;
}

async function assemble(loaded: LoadedConfig, env: Environment, lasting: Lasting): Promise<Installation> {
  const { catalog, pool } = lasting;
  const { config, problems } = withAdded(loaded.config, await catalog.access.addedSchedules());
  const clock = systemClock;
  const keystore = openKeystore(config);
  const stores = openStores(config, env, lasting.fleet?.guard.assertNow);
  const scratchRoot = scratchFolder(config);
  const environmentKey = env['LOWTIDE_ENCRYPTION_KEY'] ?? env['BACKUP_ENCRYPTION_KEY'];
  const runner = new Runner({
    config,
    version,
    catalog,
    stores,
    keystore,
    pool,
    compression: lasting.compression,
    launcher: lasting.launcher,
    pacer: lasting.pacer,
    scratchRoot,
    clock,
    elapsed,
    running: lasting.running,
  });
  const jobs = new Jobs({
    runner,
    catalog,
    stores,
    keystore,
    pool,
    scratchRoot,
    safetyFolder: join(config.local, 'before-restore'),
    instance: config.instance,
    schedules: config.schedules,
    launcher: lasting.launcher,
    protectedPlaces: protectedPlaces(loaded),
    clock,
  });
  const rotator = new Rotator({
    catalog,
    stores,
    keystore,
    pool,
    clock,
    recoveryRecipients: config.encryption.recovery_recipients,
    running: lasting.rotating,
  });
  const drills = new Drills({
    config,
    catalog,
    stores,
    keystore,
    pool,
    launcher: lasting.launcher,
    scratchRoot,
    clock,
    elapsed,
    drilling: lasting.drilling,
  });
  return {
    loaded,
    config,
    clock,
    catalog,
    standIn: lasting.standIn,
    stores,
    keystore,
    pool,
    scratchRoot,
    jobs,
    rotator,
    drills,
    healer: new Healer({ catalog, stores, schedules: config.schedules, clock, healing: lasting.healing }),
    pacer: lasting.pacer,
    configKeeper: new ConfigKeeper({ loaded, version, catalog, stores, keystore, clock }),
    problems,
    fleet: lasting.fleet,
    reconfigured: (changed) => assemble(changed, env, lasting),
    keystoreWithEnvironmentKey: () =>
      environmentKey === undefined ? keystore : withEnvironmentKey(keystore, environmentKey, clock.now()),
    async takeEnvironmentKey() {
      if (environmentKey !== undefined) await importEnvironmentKey(keystore, environmentKey, clock.now());
    },
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await lasting.fleet?.[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
      // The catalog closes it where it was there.
      await lasting.fleet?.postgres[Symbol.asyncDispose]();
    },
  };
}

function protectedPlaces({ config, file }: LoadedConfig): readonly ProtectedPlace[] {
  return [
    ...Object.entries(config.stores).flatMap(([id, store]) =>
      store.type === 'directory' ? [{ path: store.path, what: `store ${id}` }] : [],
    ),
    { path: config.encryption.keystore, what: 'the keystore' },
    { path: config.local, what: 'what Lowtide keeps on this host' },
    ...(isPostgresUrl(config.state) ? [] : [{ path: config.state, what: 'the catalog' }]),
    ...(file === '' ? [] : [{ path: file, what: 'the config' }]),
  ];
}

export function openKeystore({ encryption: { keystore: folder, passphrase } }: Config): Keystore {
  return fileKeystore({ folder, ...(passphrase !== undefined && { passphrase }) });
}

/** `assertOurs`: asked before what others reach as well is changed. A folder they do not reach. */
function openStores(
  config: Config,
  env: Environment,
  assertOurs: (() => Promise<void>) | undefined,
): ReadonlyMap<string, Store> {
  return new Map(
    Object.entries(config.stores).map(([id, store]) => {
      const opened = openStore(id, store, env);
      const isFenced = assertOurs !== undefined && opened instanceof RemoteStore;
      return [id, isFenced ? new FencedStore(opened, assertOurs) : opened];
    }),
  );
}

export function openStore(id: string, store: StoreConfig, env: Environment): Store {
  switch (store.type) {
    case 'directory':
      return new DirectoryStore(id, store.path, undefined, lineOf(store));
    case 's3':
      return new S3Store(s3Options(id, store));
    case 'azure':
      return new AzureStore(azureOptions(id, store, env));
  }
}

function s3Options(id: string, store: Extract<StoreConfig, { type: 's3' }>): S3Options {
  const { provider, bucket, region, prefix, endpoint, checksums } = store;
  const {
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
  } = store;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return {
    ...{ id, provider, bucket, region, prefix, endpoint, checksums, credentials },
    pathStyle: store.path_style,
    storageClass: store.storage_class,
    now: () => systemClock.now(),
    retry: remoteRetry,
    line: lineOf(store),
  };
}

function lineOf({ bandwidth }: StoreConfig): Line | undefined {
  return bandwidth === undefined ? undefined : new Line({ bytesPerSecond: bandwidth, elapsed, sleep: wait });
}

function azureOptions(
  id: string,
  store: Extract<StoreConfig, { type: 'azure' }>,
  env: Environment,
): AzureOptions {
  const { provider, container, prefix, account, endpoint } = store;
  return {
    ...{ id, provider, container, prefix, account, endpoint },
    accessTier: store.access_tier,
    credentials: azureCredentials(store, env),
    retry: remoteRetry,
    line: lineOf(store),
    now: () => systemClock.now(),
  };
}

/** The SDK's own chain knows no connection strings; other tools take it from this variable. */
function azureCredentials(
  { connection_string: text, account_key: key, sas_token: token }: Extract<StoreConfig, { type: 'azure' }>,
  env: Environment,
): AzureOptions['credentials'] {
  if (key !== undefined) return { kind: 'account_key', key };
  if (token !== undefined) return { kind: 'sas_token', token };
  const connection = text ?? env['AZURE_STORAGE_CONNECTION_STRING'];
  return connection === undefined ? undefined : { kind: 'connection_string', text: connection };
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((thrown: unknown) => {
    signal.throwIfAborted();
    throw thrown;
  });
}

const remoteRetry: RetryPolicy = {
  attempts: 8,
  firstDelayMs: 200,
  longestDelayMs: 20_000,
  random: () => randomInt(2 ** 32) / 2 ** 32,
  wait,
};

/** Where runs keep what is gone afterwards; sqlite sources need room for a copy of the database there. */
function scratchFolder(config: Config): string {
  return join(config.local, 'scratch');
}

/** Looked for when the first backup is made. */
function foundOnce<T>(find: (signal: AbortSignal) => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => (found ??= find(AbortSignal.timeout(10_000)));
}

/** Milliseconds of a clock that is never set. */
function elapsed(): number {
  return performance.now();
}

function pacerOf({ load }: Config): Pacer {
  return new Pacer({
    gauge: hostGauge({ proc: '/proc', pid: process.pid, elapsed }),
    marks: load.slow_down,
    turnMs,
    elapsed,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
  });
}
