/**
 * Every metric of Lowtide's own: its name, what it says, its labels, its buckets. Names are public and stay; docs/metrics.md
 * has the same list (a test compares them). Base units, `_total` for counters, and label values that stay few: ids of
 * configured things and words from fixed lists, never messages. The process metrics come from the client library.
 */
export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, of histograms alone. */
  readonly buckets?: readonly number[];
}

const hour = 3600;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

/** A backup takes from a second to half a day. */
const backupSeconds = [1, 5, 15, 30, 60, 120, 300, 600, 1800, hour, 2 * hour, 4 * hour, 8 * hour, 12 * hour];
/** Its parts may be over in no time as well. */
const partSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 2 * hour, 12 * hour];
const backupBytes = [
  ...[MiB, 4 * MiB, 16 * MiB, 64 * MiB, 256 * MiB],
  ...[GiB, 4 * GiB, 16 * GiB, 64 * GiB, 256 * GiB],
  ...[TiB, 4 * TiB, 10 * TiB],
];
const requestSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export const metricFacts = {
  backup_total: {
    type: 'counter',
    help: 'Finished backup runs.',
    labels: ['type', 'status'],
  },
  backup_errors_total: {
    type: 'counter',
    help: 'Errors, by where they arose.',
    labels: ['error_type'],
  },
  backup_verification_total: {
    type: 'counter',
    help: 'Verifications of stored copies.',
    labels: ['status'],
  },
  backup_restore_total: {
    type: 'counter',
    help: 'Restores.',
    labels: ['status'],
  },
  backup_duration_seconds: {
    type: 'histogram',
    help: 'Time from the start of a backup run to its end.',
    labels: ['type', 'status'],
    buckets: backupSeconds,
  },
  backup_size_bytes: {
    type: 'histogram',
    help: 'Size of completed backups as the source gave them, before compression.',
    labels: ['type'],
    buckets: backupBytes,
  },
  backup_encryption_time_seconds: {
    type: 'histogram',
    help: 'Time spent on encrypting one backup.',
    labels: [],
    buckets: partSeconds,
  },
  backup_upload_time_seconds: {
    type: 'histogram',
    help: 'Time spent on writing one backup to one store.',
    labels: ['cloud_provider'],
    buckets: partSeconds,
  },
  backup_success_rate: {
    type: 'gauge',
    help: 'Share of the last 100 finished runs that completed, 0 to 1; cancelled ones do not count.',
    labels: ['type'],
  },
  backup_total_size_bytes: {
    type: 'gauge',
    help: 'Stored bytes of the backups that have a good copy.',
    labels: ['type'],
  },
  backup_health_status: {
    type: 'gauge',
    help: 'Whether a health check passes (1) or not (0).',
    labels: ['check_type'],
  },
  backup_disk_usage_percent: {
    type: 'gauge',
    help: 'Space in use on the fullest local file system that holds state or backups, 0 to 100.',
    labels: [],
  },
  backup_disk_free_bytes: {
    type: 'gauge',
    help: 'Space left on the fullest local file system that holds state or backups.',
    labels: [],
  },

  backup_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When the schedule last completed a backup, on whichever host of its pool; absent before the first.',
    labels: ['schedule'],
  },
  backup_last_failure_timestamp_seconds: {
    type: 'gauge',
    help: 'When a run of the schedule last failed; absent where none has.',
    labels: ['schedule'],
  },
  backup_next_run_timestamp_seconds: {
    type: 'gauge',
    help: 'When this host is to run the schedule next; absent while it is paused.',
    labels: ['schedule'],
  },
  backup_schedule_interval_seconds: {
    type: 'gauge',
    help: 'Time between two due times of the schedule.',
    labels: ['schedule'],
  },
  backup_schedule_paused: {
    type: 'gauge',
    help: 'Whether the schedule is paused (1) or not (0).',
    labels: ['schedule'],
  },
  backup_expected_duration_seconds: {
    type: 'gauge',
    help: 'How long a run of the schedule is expected to take, learned from earlier ones.',
    labels: ['schedule'],
  },
  backup_running: {
    type: 'gauge',
    help: 'Runs of the schedule that are going on.',
    labels: ['schedule'],
  },
  backup_run_started_timestamp_seconds: {
    type: 'gauge',
    help: 'When the run that goes on began; absent while none does.',
    labels: ['schedule'],
  },
  backup_missed_total: {
    type: 'counter',
    help: 'Due times at which no run was begun.',
    labels: ['schedule'],
  },
  backup_deferred_total: {
    type: 'counter',
    help: 'Runs put off, by reason.',
    labels: ['schedule', 'reason'],
  },
  backup_skipped_total: {
    type: 'counter',
    help: 'Due times passed over after the run had waited to the end, by what it waited for last.',
    labels: ['schedule', 'reason'],
  },
  backup_run_paused_seconds_total: {
    type: 'counter',
    help: 'Time for which runs were stopped while the host was busy.',
    labels: ['schedule'],
  },
  backup_start_delay_seconds: {
    type: 'gauge',
    help: 'How long after its due time the last scheduled run began.',
    labels: ['schedule'],
  },
  backup_key_created_timestamp_seconds: {
    type: 'gauge',
    help: 'When the key was made or imported.',
    labels: ['key_id', 'state'],
  },
  backup_key_max_age_seconds: {
    type: 'gauge',
    help: 'The age that the active key may reach; absent where no limit is configured.',
    labels: [],
  },
  backup_key_backups: {
    type: 'gauge',
    help: 'Backups not pruned, by the key they are sealed to.',
    labels: ['key_id'],
  },
  backup_key_copies: {
    type: 'gauge',
    help: 'Copies of backups in all stores, by the key they are sealed to.',
    labels: ['key_id'],
  },
  backup_key_bytes: {
    type: 'gauge',
    help: 'Stored bytes of one copy of each backup, by the key it is sealed to.',
    labels: ['key_id'],
  },
  backup_key_rotations_total: {
    type: 'counter',
    help: 'Rotations of keys that have ended.',
    labels: ['mode', 'status'],
  },
  backup_key_rotation_status: {
    type: 'gauge',
    help: 'How the latest rotation of keys stands: 1 for its status, 0 for the others; absent before the first.',
    labels: ['status'],
  },
  backup_key_rotation_backups_total: {
    type: 'counter',
    help: 'Stored backups that rotations have dealt with.',
    labels: ['mode', 'status'],
  },
  backup_key_rotation_bytes_total: {
    type: 'counter',
    help: 'Stored bytes of the copies that rotations have sealed anew.',
    labels: ['mode'],
  },
  backup_key_rotation_progress_ratio: {
    type: 'gauge',
    help: 'Share of its backups that the latest rotation has dealt with, 0 to 1; absent before the first.',
    labels: [],
  },
  backup_config_copy_current: {
    type: 'gauge',
    help: 'Whether the store has a copy of the config as it is now (1) or not (0).',
    labels: ['store'],
  },
  backup_copies_waiting: {
    type: 'gauge',
    help: 'Copies that failed, are damaged or are missing, and wait to be made good from others; absent before the first look.',
    labels: ['store'],
  },
  backup_copies_healed_total: {
    type: 'counter',
    help: 'Copies that were to be made good from others, by what became of it.',
    labels: ['store', 'status'],
  },
  backup_full_read_bytes_total: {
    type: 'counter',
    help: 'Stored bytes of the copies that were read in full in their turn, and found to be what was stored.',
    labels: ['store'],
  },
  backup_full_read_oldest_timestamp_seconds: {
    type: 'gauge',
    help: 'When the copy that has waited longest for its turn was last read in full, or made; absent where none is read so.',
    labels: ['store'],
  },
  backup_full_read_overdue: {
    type: 'gauge',
    help: 'Copies that were not read in full within verify.full_read; absent where none is read so.',
    labels: ['store'],
  },
  backup_restore_drill_total: {
    type: 'counter',
    help: 'Restore drills that have ended.',
    labels: ['schedule', 'status'],
  },
  backup_restore_drill_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When a restore drill of the schedule last passed; absent before the first.',
    labels: ['schedule'],
  },
  backup_restore_drill_passed: {
    type: 'gauge',
    help: 'Whether the last restore drill passed (1) or not (0); absent before the first.',
    labels: ['schedule'],
  },
  backup_restore_drill_duration_seconds: {
    type: 'gauge',
    help: 'Time that the last restore drill took from the first byte read to data that can be used.',
    labels: ['schedule'],
  },
  backup_restore_drill_data_age_seconds: {
    type: 'gauge',
    help: 'Age of the data when the last restore drill began.',
    labels: ['schedule'],
  },
  backup_restore_drill_interval_seconds: {
    type: 'gauge',
    help: 'Time between two restore drills; absent where none are made.',
    labels: ['schedule'],
  },
  backup_load_ratio: {
    type: 'gauge',
    help: "Share of the host's resource in use, Lowtide's own use of processors and memory taken out; absent where it is not known.",
    labels: ['resource'],
  },
  backup_load_pressure_ratio: {
    type: 'gauge',
    help: 'Share of the last minute in which some work waited for the resource; absent where it is not known.',
    labels: ['resource'],
  },
  backup_load_throughput_bytes_per_second: {
    type: 'gauge',
    help: "Bytes that the host's disks read and write, and its network receives and sends; absent where it is not known.",
    labels: ['flow'],
  },
  backup_load_forecast_ratio: {
    type: 'gauge',
    help: 'Share of the resource that is expected to be in use now; absent before anything is known.',
    labels: ['resource'],
  },
  backup_store_up: {
    type: 'gauge',
    help: 'Whether the last check of the store succeeded (1) or not (0); absent before the first.',
    labels: ['store', 'cloud_provider'],
  },
  backup_store_bytes: {
    type: 'gauge',
    help: 'Bytes of the good copies in the store.',
    labels: ['store'],
  },

  backup_load_forecast_regret_ratio: {
    type: 'gauge',
    help: 'By how much the load of the starts that a forecast would have chosen lay above the lowest, over the last days.',
    labels: ['resource', 'forecast'],
  },
  backup_load_forecast_error_ratio: {
    type: 'gauge',
    help: 'Mean distance between what a forecast expected and what came, over the last days.',
    labels: ['resource', 'forecast'],
  },
  backup_load_forecast_champion: {
    type: 'gauge',
    help: 'Whether this forecast of the resource is followed (1) or not (0).',
    labels: ['resource', 'forecast'],
  },

  backup_run_load_ratio: {
    type: 'gauge',
    help: "The host's own load that the last reviewed run met, processors and memory weighed.",
    labels: ['schedule'],
  },
  backup_best_load_ratio: {
    type: 'gauge',
    help: 'The lowest load that this run could have met in its window, as far as that is over.',
    labels: ['schedule'],
  },
  backup_fixed_load_ratio: {
    type: 'gauge',
    help: 'The load that this run would have met at a fixed 02:00.',
    labels: ['schedule'],
  },
  backup_load_peaks_total: {
    type: 'counter',
    help: 'Reviewed runs that met a load above a high-water mark, as their starts were chosen, and as a fixed 02:00 would have.',
    labels: ['schedule', 'start'],
  },
  backup_unusual_runs_total: {
    type: 'counter',
    help: 'Completed runs that took far longer than usual, or whose size was far from usual.',
    labels: ['schedule', 'figure'],
  },

  lowtide_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels tell what is running.',
    labels: ['version', 'node_version'],
  },
  lowtide_planner_leader: {
    type: 'gauge',
    help: 'Whether this process plans for all hosts that share its state (1) or not (0); with a folder as state it plans for itself.',
    labels: [],
  },
  lowtide_state_available: {
    type: 'gauge',
    help: 'Whether the state can be asked (1), or is a PostgreSQL that cannot be reached (0): then only critical schedules are backed up.',
    labels: [],
  },
  lowtide_config_last_reload_successful: {
    type: 'gauge',
    help: 'Whether the config was taken up when it was last read (1) or not (0): then the one before is in force.',
    labels: [],
  },
  lowtide_config_last_reload_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When the config in force was read.',
    labels: [],
  },
  lowtide_web_config_last_reload_successful: {
    type: 'gauge',
    help: 'Whether the web config was taken up when it was last read (1) or not (0).',
    labels: [],
  },
  lowtide_web_config_last_reload_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When the web config in force was read.',
    labels: [],
  },
  lowtide_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time to answer HTTP requests; code 499 where the client went away first.',
    labels: ['route', 'method', 'code'],
    buckets: requestSeconds,
  },
  lowtide_collector_success: {
    type: 'gauge',
    help: 'Whether this part of the page could be made (1) or not (0): its metrics are absent or as they were.',
    labels: ['collector'],
  },
  lowtide_collector_duration_seconds: {
    type: 'gauge',
    help: 'Time it took to make this part of the page.',
    labels: ['collector'],
  },
} as const satisfies Record<string, MetricFacts>;

export type MetricName = keyof typeof metricFacts;

/** The names that come down from the system Lowtide re-creates: what the library's `getBackupMetrics()` has. */
export const classicNames = [
  'backup_total',
  'backup_errors_total',
  'backup_verification_total',
  'backup_restore_total',
  'backup_duration_seconds',
  'backup_size_bytes',
  'backup_encryption_time_seconds',
  'backup_upload_time_seconds',
  'backup_success_rate',
  'backup_total_size_bytes',
  'backup_health_status',
  'backup_disk_usage_percent',
  'backup_disk_free_bytes',
] as const satisfies readonly MetricName[];

export const metricNames = Object.keys(metricFacts) as MetricName[];
