import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemCount, problems } from '../../dashboards/source/overview/problems.ts';

/** The rows of the overview's first table, on figures of a made-up day: promtool evaluates what Prometheus would. */

type Figures = Readonly<Record<string, string>>;

const minutes = 1440;
const all = (value: number): string => `${value}x${minutes}`;
/** It was well for 23 hours. */
const wellUntil23 = `1x1380 0x${minutes - 1381}`;
const at23 = 1380 * 60;

/** A host with one schedule, one store and one key on which all is well; the day ends at 86,400. */
const well: Figures = {
  up: all(1),
  'lowtide_build_info{version="1"}': all(1),
  'backup_schedule_interval_seconds{schedule="db"}': all(7200),
  'backup_schedule_paused{schedule="db"}': all(0),
  'backup_expected_duration_seconds{schedule="db"}': all(300),
  'backup_last_success_timestamp_seconds{schedule="db"}': all(85_000),
  'backup_last_failure_timestamp_seconds{schedule="db"}': all(50_000),
  'backup_missed_total{schedule="db"}': all(3),
  'backup_store_up{store="local", cloud_provider="local"}': all(1),
  'backup_verification_total{status="failed"}': all(1),
  'backup_restore_drill_passed{schedule="db"}': all(1),
  'backup_restore_drill_interval_seconds{schedule="db"}': all(604_800),
  'backup_restore_drill_last_success_timestamp_seconds{schedule="db"}': all(60_000),
  'backup_config_copy_current{store="local"}': all(1),
  'backup_health_status{check_type="restore_proof"}': all(1),
  'backup_health_status{check_type="disk_space"}': all(1),
  'backup_health_status{check_type="catalog"}': all(1),
  backup_disk_free_bytes: all(1e12),
  backup_disk_usage_percent: all(70),
  'backup_key_backups{key_id="k1"}': all(3),
  'backup_key_created_timestamp_seconds{key_id="k1", state="active"}': all(1000),
  'backup_key_rotation_status{status="failed"}': all(0),
  'backup_key_rotation_status{status="completed"}': all(1),
  lowtide_config_last_reload_successful: all(1),
  lowtide_config_last_reload_success_timestamp_seconds: all(70_000),
  'lowtide_collector_success{collector="disk"}': all(1),
};

interface Case {
  readonly alert: string;
  /** In place of, or beside, what is well; empty: it is not there. */
  readonly figures: Figures;
  /** Seconds; 0: not known. */
  readonly since: number;
  readonly which?: string;
}

const cases: readonly Case[] = [
  { alert: 'ExporterDown', figures: { 'lowtide_build_info{version="1"}': `1x1200` }, since: 1200 * 60 },
  { alert: 'ExporterDown', figures: { up: wellUntil23 }, since: at23 },
  {
    alert: 'BackupNeverSucceeded',
    figures: { 'backup_last_success_timestamp_seconds{schedule="db"}': '' },
    since: 50_000,
    which: 'db',
  },
  {
    alert: 'BackupNeverSucceeded',
    figures: { 'backup_schedule_interval_seconds{schedule="new"}': all(7200) },
    since: 0,
    which: 'new',
  },
  {
    alert: 'BackupTooOld',
    figures: { 'backup_last_success_timestamp_seconds{schedule="db"}': all(71_000) },
    since: 71_000,
    which: 'db',
  },
  {
    alert: 'BackupFailing',
    figures: { 'backup_last_failure_timestamp_seconds{schedule="db"}': all(86_000) },
    since: 86_000,
    which: 'db',
  },
  {
    alert: 'SchedulePaused',
    figures: {
      'backup_schedule_paused{schedule="db"}': all(1),
      'backup_last_success_timestamp_seconds{schedule="db"}': all(71_000),
    },
    since: 71_000,
    which: 'db',
  },
  {
    alert: 'BackupRunningLong',
    figures: { 'backup_run_started_timestamp_seconds{schedule="db"}': all(85_000) },
    since: 85_000,
    which: 'db',
  },
  {
    alert: 'BackupMissed',
    figures: { 'backup_missed_total{schedule="db"}': `3x1380 4x59` },
    since: 0,
    which: 'db',
  },
  {
    alert: 'StoreDown',
    figures: { 'backup_store_up{store="local", cloud_provider="local"}': wellUntil23 },
    since: at23,
    which: 'local',
  },
  {
    alert: 'VerificationFailed',
    figures: { 'backup_verification_total{status="failed"}': '1x1380 2x59' },
    since: 0,
  },
  {
    alert: 'RestoreUnproven',
    figures: { 'backup_health_status{check_type="restore_proof"}': wellUntil23 },
    since: at23,
  },
  {
    alert: 'DrillFailed',
    figures: { 'backup_restore_drill_passed{schedule="db"}': wellUntil23 },
    since: 0,
    which: 'db',
  },
  {
    alert: 'DrillOverdue',
    figures: {
      'backup_restore_drill_interval_seconds{schedule="db"}': all(7200),
      'backup_restore_drill_last_success_timestamp_seconds{schedule="db"}': all(71_000),
    },
    since: 71_000,
    which: 'db',
  },
  {
    alert: 'ConfigCopyOutdated',
    figures: { 'backup_config_copy_current{store="local"}': wellUntil23 },
    since: at23,
    which: 'local',
  },
  {
    alert: 'DiskFull',
    figures: { 'backup_health_status{check_type="disk_space"}': wellUntil23 },
    since: at23,
  },
  {
    alert: 'DiskFilling',
    figures: { backup_disk_free_bytes: `1000000000000-600000000x${minutes}` },
    since: 0,
  },
  {
    alert: 'KeyMissing',
    figures: { 'backup_key_backups{key_id="k0"}': all(2) },
    since: 0,
    which: 'k0',
  },
  { alert: 'KeyTooOld', figures: { backup_key_max_age_seconds: all(80_000) }, since: 81_000, which: 'k1' },
  {
    alert: 'RotationFailed',
    figures: { 'backup_key_rotation_status{status="failed"}': all(1) },
    since: 0,
  },
  {
    alert: 'HealthCheckFailing',
    figures: { 'backup_health_status{check_type="catalog"}': all(0) },
    since: 0,
    which: 'catalog',
  },
  {
    alert: 'ConfigNotReloaded',
    figures: { lowtide_config_last_reload_successful: wellUntil23 },
    since: 70_000,
  },
  {
    alert: 'MetricsIncomplete',
    figures: { 'lowtide_collector_success{collector="disk"}': wellUntil23 },
    since: at23,
    which: 'disk',
  },
];

const filledIn = (expression: string): string => expression.replace(/"\$\w+"/g, '".+"');

interface Expected {
  readonly expression: string;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-problems-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What promtool has against the expectations; empty where they hold. */
function promtool(figures: Figures, expected: readonly Expected[]): string {
  const series = Object.entries({ ...well, ...figures }).filter(([, values]) => values !== '');
  const test = {
    interval: '1m',
    input_series: series.map(([name, values]) => ({
      series: name.includes('{')
        ? name.replace('{', '{job="backups", instance="h:1", ')
        : `${name}{job="backups", instance="h:1"}`,
      values,
    })),
    promql_expr_test: expected.map(({ expression, samples }) => ({
      expr: filledIn(expression),
      eval_time: '1d',
      exp_samples: samples,
    })),
  };
  const file = join(folder, 'problems.yml');
  // JSON is YAML as well.
  writeFileSync(file, JSON.stringify({ evaluation_interval: '1m', tests: [test] }));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  return status === 0 ? '' : stdout + stderr;
}

const count = (value: number): Expected => ({ expression: problemCount, samples: [{ labels: '{}', value }] });

describe('what is not safe', () => {
  it('is nothing where all is well, and that is said', () => {
    const none = problems.map(({ found }) => ({ expression: found, samples: [] }));
    expect(promtool({}, [count(0), ...none])).toBe('');
  });

  it('is not known where there are no figures: no count, not 0', () => {
    const gone = Object.fromEntries(Object.keys(well).map((name) => [name, '']));
    expect(promtool(gone, [{ expression: problemCount, samples: [] }])).toBe('');
  });

  it.each(cases)('is found by what $alert goes by: since $since, which: $which', ({ alert, ...made }) => {
    const { figures, since, which } = made;
    const problem = problems.find(({ runbook }) => runbook === `Lowtide${alert}`)!;
    const labels = `max by (${problem.subject ?? 'instance'}) (${problem.found})`;
    const label = problem.subject === undefined ? 'instance="h:1"' : `${problem.subject}="${which ?? ''}"`;
    const found = { expression: labels, samples: [{ labels: `{${label}}`, value: since }] };
    const others = problems
      .filter((each) => each !== problem)
      .map((each) => ({ expression: each.found, samples: [] }));
    expect(promtool(figures, [found, count(1), ...others])).toBe('');
  });

  it('has a case for each', () => {
    const alerts = new Set(cases.map(({ alert }) => `Lowtide${alert}`));
    expect(alerts).toEqual(new Set(problems.map(({ runbook }) => runbook)));
  });
});
