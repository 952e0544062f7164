import type { RecordingRule } from './rules.ts';

const age = 'time() - backup_last_success_timestamp_seconds';

/** Figures that are asked for over months, cheap to keep for longer than what they are made of. No alert needs them. */
export const recordings: readonly RecordingRule[] = [
  {
    record: 'schedule:backup_age_intervals:ratio',
    expr: `(${age}) / backup_schedule_interval_seconds`,
  },
  {
    record: 'instance:backup_fresh_schedules:ratio',
    expr: `count by (job, instance) (${age} <= 2 * backup_schedule_interval_seconds)
/ count by (job, instance) (backup_schedule_interval_seconds)`,
  },
  {
    record: 'type:backup_success:ratio_increase1d',
    expr: `sum without (status) (increase(backup_total{status="completed"}[1d]))
/ (sum without (status) (increase(backup_total{status=~"completed|failed"}[1d])) > 0)`,
  },
  {
    record: 'schedule:backup_missed:increase1d',
    expr: 'increase(backup_missed_total[1d])',
  },
  {
    record: 'store:backup_bytes:deriv7d',
    expr: 'deriv(backup_store_bytes[7d])',
  },
];
