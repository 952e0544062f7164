import { grownToday, renamed, series, unwellSince, worded } from '../promql.ts';

/**
 * What is not safe, each as a query: the overview's first table has a row for every series that one of them finds. Most are alerts
 * as well, and go by the same marks; here nothing has to hold for a while first.
 */
interface Problem {
  /** What is wrong, as the table says it. */
  readonly problem: string;
  /** What helps. */
  readonly remedy: string;
  readonly urgency: 'now' | 'today';
  /** The page of the app to begin at. */
  readonly page: 'overview' | 'schedules' | 'backups' | 'keys';
  /** The alert whose section of docs/runbooks.md tells more. */
  readonly runbook: `Lowtide${string}`;
  /** Finds it; the value is since when, in seconds, 0 where that is not known. */
  readonly found: string;
  /** The label that tells which one it is; absent where it is about the host as a whole. */
  readonly subject?: 'schedule' | 'store' | 'check_type' | 'collector' | 'key_id';
}

const known = series('lowtide_build_info');
const interval = series('backup_schedule_interval_seconds');
const lastSuccess = series('backup_last_success_timestamp_seconds');
const lastFailure = series('backup_last_failure_timestamp_seconds');
const isPaused = `${series('backup_schedule_paused')} == 1`;
const isOld = `${lastSuccess} and (time() - ${lastSuccess} > 2 * ${interval})`;
const drilled = series('backup_restore_drill_last_success_timestamp_seconds');
const runBegan = series('backup_run_started_timestamp_seconds');
const activeKey = series('backup_key_created_timestamp_seconds', 'state="active"');
const maxAge = series('backup_key_max_age_seconds');

const checks = (matcher: string): string => series('backup_health_status', `check_type${matcher}`);
/** What was only counted has no time of its own. */
const withinADay = (counter: string): string => `0 * (${grownToday(counter)} > 0)`;

export const problems: readonly Problem[] = [
  {
    problem: 'No figures come from this host',
    remedy:
      'Is Lowtide running there, and can Prometheus reach it? Nothing else is known of it until then. A host that was taken away leaves this list after a day.',
    urgency: 'now',
    page: 'overview',
    runbook: 'LowtideExporterDown',
    found: `max by (job, instance) (${unwellSince(series('up'))} or max_over_time(timestamp(${known})[1d:5m]) unless on (job, instance) ${known})`,
  },
  {
    problem: 'No backup at all',
    remedy: 'Run it now and see whether it succeeds: lowtide backup SCHEDULE, or Run in the app.',
    urgency: 'now',
    page: 'schedules',
    runbook: 'LowtideBackupNeverSucceeded',
    found: `(${lastFailure} or 0 * ${interval}) unless ${lastSuccess} unless ${isPaused}`,
    subject: 'schedule',
  },
  {
    problem: 'The last backup is older than two intervals',
    remedy: 'See why its last runs failed or did not come, put that right, and run it again.',
    urgency: 'now',
    page: 'schedules',
    runbook: 'LowtideBackupTooOld',
    found: `${isOld} unless ${isPaused}`,
    subject: 'schedule',
  },
  {
    problem: 'The last run failed',
    remedy: 'Its error, in the app and the log, says what helps. Earlier backups are there.',
    urgency: 'today',
    page: 'schedules',
    runbook: 'LowtideBackupFailing',
    found: `${lastFailure} > ${lastSuccess}`,
    subject: 'schedule',
  },
  {
    problem: 'Paused, without a backup that is fresh',
    remedy: 'Resume it, or run it by hand: no backup comes by itself.',
    urgency: 'today',
    page: 'schedules',
    runbook: 'LowtideSchedulePaused',
    found: `(${isOld} or 0 * ${interval} unless ${lastSuccess}) and (${isPaused})`,
    subject: 'schedule',
  },
  {
    problem: 'A run takes three times as long as expected',
    remedy:
      'Does it wait for a lock, a slow store, or a busy host? The app shows how far it is, and can cancel it.',
    urgency: 'today',
    page: 'schedules',
    runbook: 'LowtideBackupRunningLong',
    found: `${runBegan} and (time() - ${runBegan} > clamp_min(3 * ${series('backup_expected_duration_seconds')}, 600))`,
    subject: 'schedule',
  },
  {
    problem: 'Due times were missed within a day',
    remedy: 'Was the host off, or too busy up to the deadline? A wider window or a longer max_delay helps.',
    urgency: 'today',
    page: 'schedules',
    runbook: 'LowtideBackupMissed',
    found: withinADay(series('backup_missed_total')),
    subject: 'schedule',
  },
  {
    problem: 'A store cannot be used',
    remedy: 'Mount it, free space, or renew its credentials: no copies get there until then.',
    urgency: 'now',
    page: 'overview',
    runbook: 'LowtideStoreDown',
    found: unwellSince(series('backup_store_up')),
    subject: 'store',
  },
  {
    problem: 'A copy did not pass its verification within a day',
    remedy: 'See which one. If the backup has no other good copy, make a new one now.',
    urgency: 'now',
    page: 'backups',
    runbook: 'LowtideVerificationFailed',
    found: withinADay(series('backup_verification_total', 'status="failed"')),
  },
  {
    problem: 'It is not proven that backups can be restored',
    remedy: 'Verify or restore one: the app, and /-/ready of the exporter, name the schedule.',
    urgency: 'today',
    page: 'backups',
    runbook: 'LowtideRestoreUnproven',
    found: unwellSince(checks('="restore_proof"')),
  },
  {
    problem: 'The last restore drill failed',
    remedy: 'lowtide drills says what was found. Keep earlier backups until one has passed.',
    urgency: 'now',
    page: 'backups',
    runbook: 'LowtideDrillFailed',
    found: `0 * (${series('backup_restore_drill_passed')} == 0)`,
    subject: 'schedule',
  },
  {
    problem: 'No restore drill has passed in time',
    remedy: 'lowtide drill SCHEDULE makes one now, and says what is in its way.',
    urgency: 'today',
    page: 'backups',
    runbook: 'LowtideDrillOverdue',
    found: `${drilled} and (time() - ${drilled} > 2 * ${series('backup_restore_drill_interval_seconds')})`,
    subject: 'schedule',
  },
  {
    problem: 'No room for another backup',
    remedy: 'Keep fewer backups and run lowtide backups prune, or make the disk larger.',
    urgency: 'now',
    page: 'overview',
    runbook: 'LowtideDiskFull',
    found: unwellSince(checks('="disk_space"')),
  },
  {
    problem: 'The disk will be full within four days',
    remedy: 'Keep fewer backups, or make it larger. This goes by the last six hours.',
    urgency: 'today',
    page: 'overview',
    runbook: 'LowtideDiskFilling',
    found: `0 * (predict_linear(${series('backup_disk_free_bytes')}[6h], 4 * 86400) < 0) and ${series('backup_disk_usage_percent')} > 60`,
  },
  {
    problem: 'A store has an older copy of the config',
    remedy: 'The log says why. A reload, or the next backup there, writes it anew.',
    urgency: 'today',
    page: 'overview',
    runbook: 'LowtideConfigCopyOutdated',
    found: unwellSince(series('backup_config_copy_current')),
    subject: 'store',
  },
  {
    problem: 'The key of some backups is gone',
    remedy: 'They cannot be opened. Bring it back from your copy: lowtide keys import.',
    urgency: 'now',
    page: 'keys',
    runbook: 'LowtideKeyMissing',
    found: `0 * (${series('backup_key_backups')} > 0) unless on (job, instance, key_id) ${series('backup_key_created_timestamp_seconds')}`,
    subject: 'key_id',
  },
  {
    problem: 'The active key is older than it may be',
    remedy: 'lowtide rotate, or the app: it gives stored backups to a new key as well.',
    urgency: 'today',
    page: 'keys',
    runbook: 'LowtideKeyTooOld',
    found: `${activeKey} + on (job, instance) group_left () ${maxAge} < time()`,
    subject: 'key_id',
  },
  {
    problem: 'The latest rotation of keys did not end well',
    remedy: 'Resume it: lowtide rotate --resume. Until then some backups stay with the old key.',
    urgency: 'today',
    page: 'keys',
    runbook: 'LowtideRotationFailed',
    found: `0 * (${series('backup_key_rotation_status', 'status=~"failed|interrupted"')} == 1)`,
  },
  {
    problem: 'A health check fails',
    remedy: 'The app, and /-/ready of the exporter, say what was found and what helps.',
    urgency: 'now',
    page: 'overview',
    runbook: 'LowtideHealthCheckFailing',
    found: unwellSince(checks('!~"disk_space|restore_proof|stores"')),
    subject: 'check_type',
  },
  {
    problem: 'A changed config was not taken up',
    remedy: 'lowtide check-config names the mistake. The config from before is in force.',
    urgency: 'today',
    page: 'overview',
    runbook: 'LowtideConfigNotReloaded',
    found: `${series('lowtide_config_last_reload_success_timestamp_seconds')} and ${series('lowtide_config_last_reload_successful')} == 0`,
  },
  {
    problem: 'A part of the figures is missing',
    remedy: 'The log of the exporter says why. What this part tells is not known meanwhile.',
    urgency: 'today',
    page: 'overview',
    runbook: 'LowtideMetricsIncomplete',
    found: unwellSince(series('lowtide_collector_success')),
    subject: 'collector',
  },
];

/** One problem's rows, with the words of the table as labels. */
function rowsOf({ problem, remedy, urgency, page, runbook, found, subject }: Problem): string {
  const named = subject === undefined ? `(${found})` : renamed(found, subject, 'which');
  return worded(named, { problem, remedy, urgency, page, runbook: runbook.toLowerCase() });
}

const words = 'instance, which, problem, remedy, urgency, page, runbook';

/** All rows there are; the value is since when, in milliseconds. */
export const allProblems = `1000 * max by (${words}) (\n  ${problems.map(rowsOf).join('\n  or\n  ')}\n)`;

/** How many rows; 0 only where something is known, for silence is no good sign. */
export const problemCount = `count(\n${allProblems}\n) or 0 * count(${known})`;
