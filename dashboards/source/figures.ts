import { grownBy, series, share } from './promql.ts';

/** Expressions that several dashboards show. */

const completed = 'status="completed"';

export const averageDuration = share(
  `sum by (type) (${grownBy(series('backup_duration_seconds_sum', completed))})`,
  `sum by (type) (${grownBy(series('backup_duration_seconds_count', completed))})`,
);

/** How old the last backup of each schedule is, in its own intervals. */
export const ageInIntervals = `(time() - ${series('backup_last_success_timestamp_seconds')}) / ${series('backup_schedule_interval_seconds')}`;

export const activeKeyAge = `time() - min(${series('backup_key_created_timestamp_seconds', 'state="active"')})`;
