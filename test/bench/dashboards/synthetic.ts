import { metricFacts, type MetricName } from '../../../exporter/src/metrics/names.ts';

/** Made-up series as exporters with many schedules have them: as many, with labels as they are, and values that move. */

export interface Synthetic {
  readonly name: string;
  readonly labels: string;
  /** How far back they are as dense as they are scraped; before, there is one an hour. */
  readonly denseDays: number;
  /** At a time in seconds. */
  readonly valueAt: (time: number) => number;
}

const day = 86_400;
const reasons = [
  'capacity',
  'store',
  'cpu',
  'memory',
  'disk',
  'cpu_pressure',
  'memory_pressure',
  'disk_pressure',
];
const types = ['database', 'files', 'command'];

type Labels = Readonly<Record<string, string>>;
type Course = (time: number) => number;

const constant =
  (value: number): Course =>
  () =>
    value;
/** A counter that grows by one in so many seconds. */
const grows =
  (seconds: number, offset = 0): Course =>
  (time) =>
    Math.floor((time + offset) / seconds) - 59_000;
const wave =
  (low: number, high: number, phase = 0): Course =>
  (time) =>
    low + ((high - low) * (1 + Math.sin((2 * Math.PI * time) / day + phase))) / 2;

function one(name: string, labels: Labels, denseDays: number, valueAt: Course): Synthetic {
  const pairs = Object.entries({ job: 'backups', ...labels });
  return { name, labels: pairs.map(([label, value]) => `${label}="${value}"`).join(','), denseDays, valueAt };
}

/** What one exporter with schedules of these ids has. */
export function syntheticExporter(instance: string, schedules: readonly string[]): readonly Synthetic[] {
  return [
    ...schedules.flatMap((schedule, index) => ofSchedule({ instance, schedule }, index)),
    ...ofTypes(instance),
    ...ofKeys(instance),
    ...ofHost(instance),
    ...ofHttp(instance),
  ];
}

/** One in fifty is behind. */
function ofSchedule(labels: Labels, index: number): readonly Synthetic[] {
  const offset = index * 977;
  const behind = index % 50 === 0 ? 3 * day : 0;
  const gauges: readonly (readonly [MetricName, Course])[] = [
    [
      'backup_last_success_timestamp_seconds',
      (time) => day * Math.floor((time - offset) / day) + offset - behind,
    ],
    ['backup_next_run_timestamp_seconds', (time) => day * Math.ceil((time - offset) / day) + offset],
    ['backup_schedule_interval_seconds', constant(day)],
    ['backup_running', (time) => ((time + offset) % day < 600 ? 1 : 0)],
    ['backup_start_delay_seconds', (time) => (Math.floor((time - offset) / day) * 131) % 7200],
    ['backup_run_load_ratio', wave(0.1, 0.4, index)],
    ['backup_best_load_ratio', wave(0.05, 0.3, index)],
    ['backup_fixed_load_ratio', wave(0.2, 0.6, index)],
    ['backup_missed_total', grows(11 * day, offset)],
    ['backup_run_paused_seconds_total', grows(2 * day, offset)],
    ['backup_restore_drill_passed', constant(1)],
    ['backup_restore_drill_last_success_timestamp_seconds', (time) => 7 * day * Math.floor(time / (7 * day))],
    ['backup_restore_drill_duration_seconds', constant(300)],
    ['backup_restore_drill_data_age_seconds', constant(3600)],
    ['backup_restore_drill_interval_seconds', constant(7 * day)],
  ];
  const counters: readonly (readonly [MetricName, Labels, number])[] = [
    ...['duration', 'size'].map((figure) => ['backup_unusual_runs_total', { figure }, 9 * day] as const),
    ...['chosen', 'fixed'].map((start) => ['backup_load_peaks_total', { start }, 5 * day] as const),
    ...reasons.map((reason) => ['backup_deferred_total', { reason }, 3 * day] as const),
    // One in four is skipped at its deadline.
    ...reasons
      .filter(() => index % 4 === 0)
      .map((reason) => ['backup_skipped_total', { reason }, 20 * day] as const),
  ];
  return [
    ...gauges.map(([name, valueAt]) => one(name, labels, 1.1, valueAt)),
    ...counters.map(([name, more, seconds]) =>
      one(name, { ...labels, ...more }, 1.1, grows(seconds, offset)),
    ),
  ];
}

function histogram(
  name: MetricName,
  labels: Labels,
  denseDays: number,
  seconds: number,
): readonly Synthetic[] {
  const { buckets } = metricFacts[name] as { readonly buckets: readonly number[] };
  const count = grows(seconds);
  const series = [...buckets.map(String), '+Inf'].map((le, index, all) =>
    one(`${name}_bucket`, { ...labels, le }, denseDays, (time) =>
      Math.floor((count(time) * (index + 1)) / all.length),
    ),
  );
  const middle = buckets[buckets.length >> 1] ?? 1;
  return [
    ...series,
    one(`${name}_count`, labels, denseDays, count),
    one(`${name}_sum`, labels, denseDays, (time) => count(time) * middle),
  ];
}

function ofTypes(instance: string): readonly Synthetic[] {
  const perType = types.flatMap((type) => [
    ...['completed', 'failed', 'cancelled'].flatMap((status) => [
      one('backup_total', { instance, type, status }, 7, grows(status === 'completed' ? 2600 : 3 * day)),
      ...histogram(
        'backup_duration_seconds',
        { instance, type, status },
        7,
        status === 'completed' ? 2600 : 3 * day,
      ),
    ]),
    ...histogram('backup_size_bytes', { instance, type }, 7, 2600),
    one('backup_success_rate', { instance, type }, 7, wave(0.95, 1)),
    one('backup_total_size_bytes', { instance, type }, 7, wave(1e12, 2e12)),
  ]);
  const errorTypes = [
    'config',
    'source',
    'store',
    'encryption',
    'catalog',
    'verification',
    'restore',
    'internal',
  ];
  return [
    ...perType,
    ...errorTypes.map((error_type) =>
      one('backup_errors_total', { instance, error_type }, 7, grows(2 * day)),
    ),
    ...['passed', 'failed'].map((status) =>
      one('backup_verification_total', { instance, status }, 7, grows(2600)),
    ),
    ...['completed', 'failed'].map((status) =>
      one('backup_restore_total', { instance, status }, 7, grows(6 * day)),
    ),
    ...histogram('backup_encryption_time_seconds', { instance }, 7, 900),
    ...['local', 'aws'].flatMap((cloud_provider) =>
      histogram('backup_upload_time_seconds', { instance, cloud_provider }, 7, 900),
    ),
  ];
}

/** Six keys, five of them retired, as after half a year of monthly rotations. */
function ofKeys(instance: string): readonly Synthetic[] {
  const keys = Array.from({ length: 6 }, (_, index) => `key-${index}-of-${instance.split(':')[0] ?? ''}`);
  return [
    ...keys.flatMap((key_id, index) => [
      one(
        'backup_key_created_timestamp_seconds',
        { instance, key_id, state: index === 5 ? 'active' : 'retired' },
        30,
        constant(1_795_000_000 - (5 - index) * 30 * day),
      ),
      one('backup_key_backups', { instance, key_id }, 30, index === 5 ? wave(3000, 3500) : constant(0)),
      one('backup_key_copies', { instance, key_id }, 30, index === 5 ? wave(6000, 7000) : constant(0)),
      one('backup_key_bytes', { instance, key_id }, 30, index === 5 ? wave(1e12, 2e12) : constant(0)),
    ]),
    ...['rotate', 'rewrap', 'reencrypt'].flatMap((mode) =>
      ['completed', 'failed', 'cancelled', 'interrupted'].map((status) =>
        one('backup_key_rotations_total', { instance, mode, status }, 30, grows(30 * day)),
      ),
    ),
    ...['rewrap', 'reencrypt'].flatMap((mode) => [
      ...['completed', 'skipped', 'failed'].map((status) =>
        one('backup_key_rotation_backups_total', { instance, mode, status }, 30, grows(day)),
      ),
      one('backup_key_rotation_bytes_total', { instance, mode }, 30, grows(3600)),
    ]),
    one('backup_key_rotation_progress_ratio', { instance }, 30, constant(1)),
  ];
}

function ofHost(instance: string): readonly Synthetic[] {
  const checks = [
    'catalog',
    'copies',
    'disk_space',
    'encryption',
    'restore_proof',
    'scheduler',
    'sources',
    'stores',
  ];
  const resources = ['cpu', 'memory', 'disk'];
  return [
    ...checks.map((check_type) => one('backup_health_status', { instance, check_type }, 7, constant(1))),
    ...[
      ['local', 'local'],
      ['offsite', 'aws'],
    ].flatMap(([store = '', cloud_provider = '']) => [
      one('backup_store_up', { instance, store, cloud_provider }, 7, constant(1)),
      one('backup_store_bytes', { instance, store }, 7, wave(1e12, 2e12)),
      one('backup_config_copy_current', { instance, store }, 7, constant(1)),
      one('backup_copies_waiting', { instance, store }, 7, constant(0)),
      one('backup_full_read_overdue', { instance, store }, 7, constant(0)),
    ]),
    one('backup_disk_usage_percent', { instance }, 7, wave(60, 70)),
    one('backup_disk_free_bytes', { instance }, 7, wave(3e11, 4e11)),
    ...resources.flatMap((resource) => [
      one('backup_load_ratio', { instance, resource }, 1.1, wave(0.1, 0.7)),
      one('backup_load_forecast_ratio', { instance, resource }, 1.1, wave(0.1, 0.7)),
      one('backup_load_pressure_ratio', { instance, resource }, 1.1, wave(0, 0.1)),
      ...['learned', 'yesterday'].flatMap((forecast, index) => [
        one('backup_load_forecast_regret_ratio', { instance, resource, forecast }, 1.1, wave(0.01, 0.02)),
        one('backup_load_forecast_error_ratio', { instance, resource, forecast }, 1.1, wave(0.03, 0.05)),
        one('backup_load_forecast_champion', { instance, resource, forecast }, 1.1, constant(1 - index)),
      ]),
    ]),
    ...['read', 'written', 'received', 'sent'].map((flow) =>
      one('backup_load_throughput_bytes_per_second', { instance, flow }, 1.1, wave(1e6, 1e8)),
    ),
  ];
}

function ofHttp(instance: string): readonly Synthetic[] {
  const routes = [
    '/metrics',
    '/-/ready',
    ...Array.from({ length: 30 }, (_, index) => `/api/v1/route-${index}`),
  ];
  const collectors = [
    'events',
    'keys',
    'catalog',
    'schedules',
    'stores',
    'reviews',
    'load',
    'disk',
    'health',
  ];
  const gauges: Readonly<Record<string, Course>> = {
    up: constant(1),
    scrape_duration_seconds: constant(0.03),
    scrape_samples_scraped: constant(3000),
    process_cpu_seconds_total: grows(30),
    process_resident_memory_bytes: wave(1e8, 2e8),
    process_start_time_seconds: constant(1_795_000_000),
    process_open_fds: constant(40),
    process_max_fds: constant(20_000),
    nodejs_eventloop_lag_p99_seconds: wave(0.01, 0.02),
    nodejs_heap_size_used_bytes: wave(5e7, 8e7),
    lowtide_config_last_reload_successful: constant(1),
    lowtide_config_last_reload_success_timestamp_seconds: constant(1_795_000_000),
    lowtide_web_config_last_reload_successful: constant(1),
    lowtide_web_config_last_reload_success_timestamp_seconds: constant(1_795_000_000),
  };
  return [
    one('lowtide_build_info', { instance, version: '0.1.0', node_version: 'v26.10.0' }, 30, constant(1)),
    ...Object.entries(gauges).map(([name, valueAt]) => one(name, { instance }, 1.1, valueAt)),
    ...['minor', 'major', 'incremental'].map((kind) =>
      one('nodejs_gc_duration_seconds_sum', { instance, kind }, 1.1, grows(600)),
    ),
    ...collectors.flatMap((collector) => [
      one('lowtide_collector_success', { instance, collector }, 1.1, constant(1)),
      one('lowtide_collector_duration_seconds', { instance, collector }, 1.1, wave(0.001, 0.003)),
    ]),
    ...routes.flatMap((route) =>
      ['200', '401'].flatMap((code) =>
        histogram('lowtide_http_request_duration_seconds', { instance, route, method: 'GET', code }, 1.1, 30),
      ),
    ),
  ];
}
