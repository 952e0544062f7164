import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from './catalog/catalog.ts';
import type { StandIn } from './catalog/stand-in.ts';
import type { Clock } from './clock/clock.ts';
import { elapsed, type Environment } from './compose/process.ts';
import { openState, type OpenState } from './compose/state.ts';
import { openStores } from './compose/stores.ts';
import { systemClock } from './clock/system.ts';
import { withAdded } from './config/added-schedules.ts';
import { isPostgresUrl } from './config/location.ts';
import type { LoadedConfig } from './config/read.ts';
import type { Config } from './config/schema.ts';
import type { LowtideError } from './errors/lowtide-error.ts';
import type { FleetAccess } from './fleet/access.ts';
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
import { createSealPool, type SealPool } from './seal/pool.ts';
import type { Store } from './store/store.ts';
import { version } from './version.ts';

/**
 * All that one process needs to work on one installation. Only this file, and the folder beside it, knows adapters and core
 * alike: what kind of catalog, store and keystore there is, is decided here.
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

/** What outlives a change of the config. */
interface Lasting extends OpenState {
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

/** Where runs keep what is gone afterwards; sqlite sources need room for a copy of the database there. */
function scratchFolder(config: Config): string {
  return join(config.local, 'scratch');
}

/** Looked for when the first backup is made. */
function foundOnce<T>(find: (signal: AbortSignal) => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => (found ??= find(AbortSignal.timeout(10_000)));
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
