import type { CatalogTotals } from '../catalog/catalog.ts';
import type { LatestDrills } from '../catalog/drills.ts';
import type { LatestLoad } from '../catalog/reviews.ts';
import { usedRatio } from '../health/disk.ts';
import type { WaitingCopies, WatchedSchedule, WatchedStore } from '../health/facts.ts';
import type { HealthCheck } from '../health/health.ts';
import type { Key } from '../keys/keystore.ts';
import { bounded } from '../probe/bounded.ts';
import { recent } from '../probe/recent.ts';
import type { StoreSpace } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Collector } from './collector.ts';
import { drillGauges, showDrills } from './drills.ts';
import { emptyGauges, type GaugeName, type Metrics } from './registry.ts';

/**
 * Where gauges come from at each scrape: never from memory, so that they are right after a restart, and never from a
 * store, since a scrape has to end within seconds whatever the network does.
 */
export interface StateSources {
  readonly totals: () => CatalogTotals | Promise<CatalogTotals>;
  readonly isStateThere: () => boolean;
  readonly keys: () => Promise<readonly Key[]>;
  /** The age that the active key may reach; undefined where there is no limit. */
  readonly maxKeyAgeSeconds: () => number | undefined;
  readonly schedules: () => readonly ShownSchedule[];
  readonly stores: () => readonly WatchedStore[];
  /** The local file systems alone. */
  readonly disk: () => Promise<StoreSpace>;
  readonly load: () => LoadFacts | Promise<LoadFacts>;
  /** What the last reviewed run of each schedule met. */
  readonly runLoads: () => BySchedule<LatestLoad> | Promise<BySchedule<LatestLoad>>;
  readonly drills: () => BySchedule<LatestDrills> | Promise<BySchedule<LatestDrills>>;
  /** Whether each store has the config as it is now. */
  /** Whether this process plans for all hosts that share its state; where it has it alone, it does. */
  readonly isPlanner: () => boolean;
  readonly configCopies: () => Readonly<Record<string, boolean>>;
  readonly copies: () => CopyFacts;
  readonly health: () => Promise<readonly HealthCheck[]>;
  readonly now: () => EpochMs;
}

type BySchedule<T> = Readonly<Record<string, T>>;

/** A configured schedule with all that metrics tell of it. */
export interface ShownSchedule extends WatchedSchedule {
  readonly isPaused: boolean;
  /** How long a run is expected to take. */
  readonly expectedSeconds: number;
}

/** By store. */
export interface CopyFacts {
  /** Copies that are to be made good from others; empty before that is known. */
  readonly waiting: Readonly<Record<string, WaitingCopies>>;
  readonly reads: FullReadFacts;
}

/** Of the copies that are read in full in their turn, by store: since when the one that has waited longest, and how many too long. */
export type FullReadFacts = Readonly<
  Record<string, { readonly oldestAt: EpochMs; readonly overdue: number }>
>;

/** By resource, 0 to 1; what is not known is absent, or NaN. */
export interface LoadFacts {
  readonly measured?: Readonly<Record<string, number>>;
  /** Share of the last minute in which some work waited. */
  readonly pressure?: Readonly<Record<string, number>>;
  /** Bytes per second, by flow. */
  readonly throughput?: Readonly<Record<string, number>>;
  readonly expected?: Readonly<Record<string, number>>;
  /** How well each forecast has done of late; none for a resource of which too little is known. */
  readonly forecasts?: readonly ForecastFacts[];
}

export interface ForecastFacts {
  readonly resource: string;
  readonly forecast: string;
  readonly isFollowed: boolean;
  readonly regret: number;
  readonly error: number;
}

/** Keys change by hand; their folder need not be read at every scrape. */
const keysMaxAgeMs = 10_000;

/** In groups: the keys come before what is counted for each of them. */
export function collectState(
  metrics: Metrics,
  sources: StateSources,
  deadlineMs: number,
): readonly (readonly Collector[])[] {
  const collector = <T>(
    name: string,
    gauges: readonly GaugeName[],
    ask: () => T | Promise<T>,
    show: (answer: T) => void,
  ): Collector => {
    const clear = (): void => emptyGauges(metrics, gauges);
    const askBounded = bounded(`the collector ${name}`, ask, deadlineMs);
    return {
      name,
      clear,
      async collect() {
        const answer = await askBounded();
        // Nothing is awaited between the two: no page shows the gap.
        clear();
        show(answer);
      },
    };
  };

  /** So that a new key shows its 0 backups; of the last time the keystore could be read. */
  let keyIds: readonly string[] = [];

  const keys = collector(
    'keys',
    ['backup_key_created_timestamp_seconds', 'backup_key_max_age_seconds'],
    recent(sources.keys, keysMaxAgeMs, sources.now).soon,
    (keys) => {
      const maxAge = sources.maxKeyAgeSeconds();
      if (maxAge !== undefined) metrics.backup_key_max_age_seconds.set(maxAge);
      keyIds = keys.map((key) => key.id);
      for (const { id, state, createdAt } of keys) {
        metrics.backup_key_created_timestamp_seconds.set({ key_id: id, state }, createdAt / 1000);
      }
    },
  );

  const others = [
    collector(
      'catalog',
      [
        'backup_success_rate',
        'backup_total_size_bytes',
        'backup_last_success_timestamp_seconds',
        'backup_running',
        'backup_store_bytes',
        'backup_key_backups',
        'backup_key_copies',
        'backup_key_bytes',
        'backup_key_rotation_progress_ratio',
      ],
      sources.totals,
      (totals) => {
        const schedules = sources.schedules();
        const scheduleIds = schedules.map((schedule) => schedule.id);
        for (const [type, rate] of Object.entries(totals.successRateByType)) {
          metrics.backup_success_rate.set({ type }, rate);
        }
        const types = schedules.map((schedule) => schedule.type);
        for (const [type, bytes] of withZeros(totals.bytesByType, types)) {
          metrics.backup_total_size_bytes.set({ type }, bytes);
        }
        // Schedules that were taken out of the configuration are left out: their last success would age for ever.
        const running = withZeros(totals.runningBySchedule, scheduleIds);
        const lastSuccess = new Map(Object.entries(totals.lastSuccessBySchedule));
        for (const { id: schedule, completedInPoolAt = -Infinity } of schedules) {
          metrics.backup_running.set({ schedule }, running.get(schedule) ?? 0);
          const at = Math.max(lastSuccess.get(schedule) ?? -Infinity, completedInPoolAt);
          if (at > -Infinity) metrics.backup_last_success_timestamp_seconds.set({ schedule }, at / 1000);
        }
        const storeIds = sources.stores().map((store) => store.id);
        for (const [store, bytes] of withZeros(totals.bytesByStore, storeIds)) {
          metrics.backup_store_bytes.set({ store }, bytes);
        }
        if (totals.rotationProgress !== undefined) {
          metrics.backup_key_rotation_progress_ratio.set(totals.rotationProgress);
        }
        for (const [gauge, byKey] of [
          [metrics.backup_key_backups, totals.backupsByKey],
          [metrics.backup_key_copies, totals.copiesByKey],
          [metrics.backup_key_bytes, totals.bytesByKey],
        ] as const) {
          for (const [key_id, count] of withZeros(byKey, keyIds)) gauge.set({ key_id }, count);
        }
      },
    ),
    collector('state', ['lowtide_state_available'], sources.isStateThere, (isThere) => {
      metrics.lowtide_state_available.set(isThere ? 1 : 0);
    }),
    collector('schedules', scheduleGauges, sources.schedules, (schedules) => {
      for (const schedule of schedules) showSchedule(metrics, schedule);
    }),
    collector('stores', ['backup_store_up'], sources.stores, (stores) => {
      for (const { id, provider, lastCheck } of stores) {
        if (lastCheck === undefined) continue;
        metrics.backup_store_up.set({ store: id, cloud_provider: provider }, lastCheck.up ? 1 : 0);
      }
    }),
    collector('config_copies', ['backup_config_copy_current'], sources.configCopies, (current) => {
      for (const [store, isCurrent] of Object.entries(current)) {
        metrics.backup_config_copy_current.set({ store }, isCurrent ? 1 : 0);
      }
    }),
    collector('fleet', ['lowtide_planner_leader'], sources.isPlanner, (isPlanner) => {
      metrics.lowtide_planner_leader.set({}, isPlanner ? 1 : 0);
    }),
    collector('copies', copyGauges, sources.copies, ({ waiting, reads }) => {
      for (const [store, { copies }] of Object.entries(waiting)) {
        metrics.backup_copies_waiting.set({ store }, copies);
      }
      for (const [store, { oldestAt, overdue }] of Object.entries(reads)) {
        metrics.backup_full_read_oldest_timestamp_seconds.set({ store }, oldestAt / 1000);
        metrics.backup_full_read_overdue.set({ store }, overdue);
      }
    }),
    collector('reviews', reviewGauges, sources.runLoads, (loads) => {
      const bySchedule = new Map(Object.entries(loads));
      for (const { id } of sources.schedules()) showRunLoad(metrics, id, bySchedule.get(id));
    }),
    collector('drills', drillGauges, sources.drills, (latest) =>
      showDrills(metrics, sources.schedules(), latest),
    ),
    collector('load', loadGauges, sources.load, (load) => showLoad(metrics, load)),
    collector('disk', ['backup_disk_usage_percent', 'backup_disk_free_bytes'], sources.disk, (space) => {
      metrics.backup_disk_usage_percent.set(100 * usedRatio(space));
      metrics.backup_disk_free_bytes.set(space.freeBytes);
    }),
    collector('health', ['backup_health_status'], sources.health, (checks) => {
      for (const { type, ok } of checks) metrics.backup_health_status.set({ check_type: type }, ok ? 1 : 0);
    }),
  ];
  return [[keys], others];
}

const copyGauges = [
  'backup_copies_waiting',
  'backup_full_read_oldest_timestamp_seconds',
  'backup_full_read_overdue',
] as const satisfies readonly GaugeName[];

const scheduleGauges = [
  'backup_next_run_timestamp_seconds',
  'backup_schedule_interval_seconds',
  'backup_schedule_paused',
  'backup_expected_duration_seconds',
] as const satisfies readonly GaugeName[];

function showSchedule(
  metrics: Metrics<(typeof scheduleGauges)[number]>,
  { id: schedule, intervalSeconds, nextRunAt, isPaused, expectedSeconds }: ShownSchedule,
): void {
  metrics.backup_schedule_interval_seconds.set({ schedule }, intervalSeconds);
  metrics.backup_schedule_paused.set({ schedule }, isPaused ? 1 : 0);
  metrics.backup_expected_duration_seconds.set({ schedule }, expectedSeconds);
  if (nextRunAt !== undefined) metrics.backup_next_run_timestamp_seconds.set({ schedule }, nextRunAt / 1000);
}

const loadGauges = [
  'backup_load_ratio',
  'backup_load_pressure_ratio',
  'backup_load_throughput_bytes_per_second',
  'backup_load_forecast_ratio',
  'backup_load_forecast_regret_ratio',
  'backup_load_forecast_error_ratio',
  'backup_load_forecast_champion',
] as const satisfies readonly GaugeName[];

function showLoad(
  metrics: Metrics<(typeof loadGauges)[number]>,
  { measured, pressure, throughput, expected, forecasts = [] }: LoadFacts,
): void {
  for (const [resource, ratio] of known(measured)) metrics.backup_load_ratio.set({ resource }, ratio);
  for (const [resource, ratio] of known(pressure)) {
    metrics.backup_load_pressure_ratio.set({ resource }, ratio);
  }
  for (const [flow, bytes] of known(throughput)) {
    metrics.backup_load_throughput_bytes_per_second.set({ flow }, bytes);
  }
  for (const [resource, ratio] of known(expected)) {
    metrics.backup_load_forecast_ratio.set({ resource }, ratio);
  }
  for (const { resource, forecast, isFollowed, regret, error } of forecasts) {
    metrics.backup_load_forecast_regret_ratio.set({ resource, forecast }, regret);
    metrics.backup_load_forecast_error_ratio.set({ resource, forecast }, error);
    metrics.backup_load_forecast_champion.set({ resource, forecast }, isFollowed ? 1 : 0);
  }
}

const reviewGauges = [
  'backup_run_load_ratio',
  'backup_best_load_ratio',
  'backup_fixed_load_ratio',
] as const satisfies readonly GaugeName[];

function showRunLoad(
  metrics: Metrics<(typeof reviewGauges)[number]>,
  schedule: string,
  met: LatestLoad | undefined,
): void {
  if (met === undefined) return;
  metrics.backup_run_load_ratio.set({ schedule }, met.load);
  if (met.best !== undefined) metrics.backup_best_load_ratio.set({ schedule }, met.best);
  if (met.fixed !== undefined) metrics.backup_fixed_load_ratio.set({ schedule }, met.fixed);
}

function known(figures: Readonly<Record<string, number>> = {}): readonly [string, number][] {
  return Object.entries(figures).filter(([, figure]) => !Number.isNaN(figure));
}

/** The figures on record, and 0 for each of `names` that has none yet. */
function withZeros(record: Readonly<Record<string, number>>, names: readonly string[]): Map<string, number> {
  return new Map([...names.map((name): [string, number] => [name, 0]), ...Object.entries(record)]);
}
