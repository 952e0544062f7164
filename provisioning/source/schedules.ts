import type { AlertGroup } from './rules.ts';

/** Two intervals: a window and a busy host may move a backup by most of one. */
const isFresh = 'time() - backup_last_success_timestamp_seconds <= 2 * backup_schedule_interval_seconds';
/** How many due times there are in a day. */
const duePerDay = '86400 / backup_schedule_interval_seconds';

/** Whether backups are made, when they should be, and look as usual. */
export const schedules: AlertGroup = {
  name: 'lowtide-schedules',
  alerts: [
    {
      name: 'LowtideBackupNeverSucceeded',
      expr: `(
  backup_last_failure_timestamp_seconds
  or backup_missed_total > 0
  or backup_next_run_timestamp_seconds < time() - 3600
)
unless backup_last_success_timestamp_seconds
unless backup_schedule_paused == 1`,
      for: '5m',
      severity: 'critical',
      summary: '{{ $labels.schedule }} on {{ $labels.instance }} has never made a backup',
      description:
        'Its time has come at least once, and no run has completed: there is nothing to restore. lowtide backup {{ $labels.schedule }} shows why.',
    },
    {
      name: 'LowtideBackupTooOld',
      expr: `time() - backup_last_success_timestamp_seconds > 2 * backup_schedule_interval_seconds
unless backup_schedule_paused == 1`,
      for: '5m',
      severity: 'critical',
      summary:
        'The last backup of {{ $labels.schedule }} on {{ $labels.instance }} is {{ $value | humanizeDuration }} old',
      description:
        'That is more than two of its intervals: a restore would lose all that has changed since. Look at its last runs, whether they failed, were missed, or still go on.',
    },
    {
      name: 'LowtideBackupFailing',
      expr: `time() - backup_last_failure_timestamp_seconds
and backup_last_failure_timestamp_seconds > backup_last_success_timestamp_seconds`,
      for: '1m',
      severity: 'warning',
      summary:
        'The last run of {{ $labels.schedule }} on {{ $labels.instance }} failed {{ $value | humanizeDuration }} ago',
      description:
        'Earlier backups are there, and the next run may succeed by itself. The error of the run names what helps.',
    },
    {
      name: 'LowtideBackupRunningLong',
      expr: `time() - backup_run_started_timestamp_seconds
> clamp_min(3 * backup_expected_duration_seconds, 600)`,
      for: '1m',
      severity: 'warning',
      summary:
        'A backup of {{ $labels.schedule }} on {{ $labels.instance }} has been running for {{ $value | humanizeDuration }}',
      description:
        'That is three times as long as its runs are expected to take. It may wait for a lock, a slow store, or be stopped while the host is busy.',
    },
    {
      name: 'LowtideBackupSizeUnusual',
      expr: 'increase(backup_unusual_runs_total{figure="size"}[1d]) > 0',
      for: '0s',
      severity: 'warning',
      summary: 'A backup of {{ $labels.schedule }} on {{ $labels.instance }} has an unusual size',
      description:
        'It lies outside of what earlier backups of this schedule lead to expect. A small one may lack data; a large one may fill the store, or hold what a ransom program has rewritten.',
    },
    {
      name: 'LowtideBackupMissed',
      expr: `increase(backup_missed_total[1d]) > clamp_min(0.2 * ${duePerDay}, 0.5)`,
      for: '0s',
      severity: 'warning',
      summary:
        '{{ $labels.schedule }} on {{ $labels.instance }} missed {{ $value | printf "%.0f" }} of its times within a day',
      description:
        'No run was begun at these times: the host was off, the run before went on for too long, or the load held it up to its deadline.',
    },
    {
      name: 'LowtideBackupDeferredOften',
      expr: `sum without (reason) (increase(backup_deferred_total[7d])) > clamp_min(0.8 * 7 * ${duePerDay}, 3)`,
      for: '0s',
      severity: 'info',
      summary:
        'Backups of {{ $labels.schedule }} on {{ $labels.instance }} were put off {{ $value | printf "%.0f" }} times within a week',
      description:
        'They nearly always wait for the host. They are made in the end, and there may be a better window: lowtide plan shows the load there.',
    },
    {
      name: 'LowtideSchedulePaused',
      expr: `backup_schedule_paused == 1 unless ${isFresh}`,
      for: '1d',
      severity: 'warning',
      summary: '{{ $labels.schedule }} on {{ $labels.instance }} is paused, and its backups are too old',
      description:
        'Somebody has paused it, and for a day there has been no backup that is younger than two of its intervals. The audit log says who; POST schedules/{{ $labels.schedule }}/resume goes on.',
    },
  ],
};
