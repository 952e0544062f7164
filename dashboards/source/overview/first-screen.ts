import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import { appRoot } from '../board.ts';
import {
  colours,
  fallsToBad,
  noneIsGood,
  plain,
  risesToBad,
  says,
  shown,
  steps,
  wellOrNot,
} from '../looks.ts';
import { activeKeyAge, ageInIntervals, averageDuration } from '../figures.ts';
import { columns, stat, table, verdict } from '../panels.ts';
import { allProblems, problemCount } from './problems.ts';
import { grownBy, series } from '../promql.ts';

const interval = series('backup_schedule_interval_seconds');
const nextRun = series('backup_next_run_timestamp_seconds');

const isSafe = verdict({
  title: 'Is everything safe?',
  description:
    'Counts the rows of the table beside it: backups that are missing or too old, stores and health checks that fail, copies that are damaged, hosts that are silent. Green says that there are none, and that figures do come in.',
  unit: 'suffix:to see to',
  empty: 'Nothing is known: Prometheus has no figures of Lowtide',
  thresholds: noneIsGood(),
  mappings: [says({ 0: ['Everything is safe', colours.good] })],
  size: [6, 9],
  queries: [[problemCount, '']],
});

const notSafe = table({
  title: 'What is not safe, since when, and what to do',
  description:
    'One row for everything that needs a person, the most urgent first. "Since" is when it was last well; what was only counted within the last day has no time. The link leads to the page of the app to begin at.',
  unit: 'dateTimeFromNow',
  empty: 'Nothing: all is safe',
  thresholds: plain(),
  size: [18, 9],
  queries: [[allProblems, '']],
})
  .withTransformation(
    columns(['urgency', 'problem', 'which', 'Value', 'remedy', 'instance', 'page', 'runbook'], []),
  )
  .sortBy([new TableSortByFieldStateBuilder().displayName('When')])
  .overrideByName('urgency', [
    shown.as('When'),
    shown.wide(80),
    shown.onBackground(),
    shown.mapped(says({ now: ['now', colours.bad], today: ['today', colours.doubtful] })),
  ])
  .overrideByName('problem', [
    shown.as('What is wrong'),
    shown.wide(250),
    shown.wrapped(),
    shown.linked('Open in the app', `${appRoot}/\${__data.fields.page}`),
  ])
  .overrideByName('which', [shown.as('Which'), shown.wide(130)])
  .overrideByName('Value', [
    shown.as('Since'),
    shown.wide(130),
    shown.mapped(says({ 0: ['not known', colours.quiet] })),
  ])
  .overrideByName('remedy', [
    shown.as('What to do'),
    shown.wrapped(),
    shown.linked('Runbook', 'http://${__data.fields.instance}/docs/runbooks.md#${__data.fields.runbook}'),
  ])
  .overrideByName('instance', [shown.as('Host'), shown.wide(150)])
  .overrideByName('page', [shown.hidden()])
  .overrideByName('runbook', [shown.hidden()]);

/** What the system that Lowtide re-creates looked at. */
const classics = [
  stat({
    title: 'Success rate',
    description:
      'Share of the last 100 finished runs that completed, of the worst host. The reasons are under "Errors" below, and with each run in the app.',
    unit: 'percentunit',
    empty: 'No run has ended yet',
    thresholds: fallsToBad(0.9, 0.99),
    size: [6, 4],
    queries: [[`min by (type) (${series('backup_success_rate')})`, '{{type}}']],
  }),
  stat({
    title: 'Average duration',
    description:
      'Of the backups that completed in the time that is looked at. How it spreads: dashboard Backups.',
    unit: 's',
    empty: 'No backup completed in this time',
    thresholds: plain(),
    size: [6, 4],
    queries: [[averageDuration, '{{type}}']],
  }),
  stat({
    title: 'Stored',
    description: 'Bytes of all backups that have a good copy, compressed and encrypted, of one copy each.',
    unit: 'bytes',
    empty: 'No schedule is known',
    thresholds: plain(),
    size: [4, 4],
    queries: [[`sum(${series('backup_total_size_bytes')})`, '']],
  }),
  stat({
    title: 'Disk use',
    description:
      'Of the fullest local file system that holds state or backups, on the fullest host. At 95 % backups are called at risk.',
    unit: 'percent',
    empty: 'No local file system is in use',
    thresholds: risesToBad(80, 95),
    size: [4, 4],
    queries: [[`max(${series('backup_disk_usage_percent')})`, '']],
  }),
  stat({
    title: 'Health',
    description: 'Whether every health check of every host passes. Which one does not: the table above.',
    unit: 'none',
    empty: 'Not known',
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('Good', 'Bad')],
    size: [4, 4],
    queries: [[`min(${series('backup_health_status')})`, '']],
  }),
];

const operating = [
  stat({
    title: 'Backups in time',
    description: 'Share of the schedules whose last backup is younger than two of their intervals.',
    unit: 'percentunit',
    empty: 'No schedule is known',
    thresholds: steps(colours.bad, [1, colours.good]),
    size: [4, 4],
    queries: [[`(count(${ageInIntervals} <= 2) or 0 * count(${interval})) / count(${interval})`, '']],
  }),
  stat({
    title: 'Next backup',
    description: 'When the next one of any schedule is to begin. Paused schedules have none.',
    unit: 'dateTimeFromNow',
    empty: 'None is to come: all paused?',
    thresholds: plain(),
    size: [4, 4],
    queries: [[`1000 * min(${nextRun})`, '']],
  }),
  stat({
    title: 'Running now',
    description: 'Backup runs that are going on. The app shows how far each has come.',
    unit: 'none',
    empty: 'No schedule is known',
    thresholds: plain(),
    size: [4, 4],
    queries: [[`sum(${series('backup_running')})`, '']],
  }),
  stat({
    title: 'Failed in 24 hours',
    description: 'Runs that failed, the ones that were tried again with success among them.',
    unit: 'none',
    empty: 'No run is known',
    thresholds: noneIsGood(),
    size: [4, 4],
    queries: [[`round(sum(${grownBy(series('backup_total', 'status="failed"'), '1d')}))`, '']],
  }),
  stat({
    title: 'Missed in 24 hours',
    description: 'Due times at which no run was begun: the host was off, or too busy up to the deadline.',
    unit: 'none',
    empty: 'No schedule is known',
    thresholds: noneIsGood(),
    size: [4, 4],
    queries: [[`round(sum(${grownBy(series('backup_missed_total'), '1d')}))`, '']],
  }),
  stat({
    title: 'Age of the active key',
    description:
      'Of the oldest key that new backups are sealed to. lowtide rotate changes it: dashboard Keys.',
    unit: 'dtdurations',
    empty: 'No key is known',
    thresholds: risesToBad(180 * 86_400, 400 * 86_400),
    size: [4, 4],
    queries: [[activeKeyAge, '']],
  }).decimals(0),
];

/** Needs no scrolling: the verdict, its reasons, and the figures to know. */
export const firstScreen = [isSafe, notSafe, ...classics, ...operating];
