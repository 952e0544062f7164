import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import { appRoot, board } from '../board.ts';
import { ageInIntervals } from '../figures.ts';
import { colours, fallsToBad, plain, risesToBad, says, shown, wellOrNot } from '../looks.ts';
import { bars, columns, course, states, table } from '../panels.ts';
import { series } from '../promql.ts';
import { errorsByPlace, runsByEnd } from '../runs.ts';
import { firstScreen } from './first-screen.ts';

const lastSuccess = series('backup_last_success_timestamp_seconds');
const interval = series('backup_schedule_interval_seconds');
const nextRun = series('backup_next_run_timestamp_seconds');

const schedules = [
  bars({
    title: 'Longest without a backup',
    description:
      'Age of the last backup in intervals of its schedule: around 1 is as it should be, from 2 on one was lost. Schedules without any backup are in the table at the top.',
    unit: 'suffix:intervals',
    empty: 'No schedule has a backup yet',
    thresholds: risesToBad(1.5, 2),
    size: [8, 10],
    queries: [[`topk(12, ${ageInIntervals})`, '{{schedule}} ({{instance}})']],
  })
    .min(0)
    .decimals(1),
  table({
    title: 'Schedules',
    description:
      'Every schedule, with its last backup and its next. A column can be sorted and filtered by its head.',
    unit: 'none',
    empty: 'No schedule is known',
    thresholds: plain(),
    size: [16, 10],
    queries: [
      [`1000 * ${lastSuccess}`, ''],
      [ageInIntervals, ''],
      [interval, ''],
      [`1000 * ${nextRun}`, ''],
      [series('backup_running'), ''],
    ],
  })
    .withTransformation(
      columns(['schedule', 'instance', 'Value #A', 'Value #B', 'Value #C', 'Value #D', 'Value #E'], []),
    )
    .sortBy([new TableSortByFieldStateBuilder().displayName('Age in intervals').desc(true)])
    .overrideByName('schedule', [
      shown.as('Schedule'),
      shown.linked('Open in the app', `${appRoot}/schedules`),
    ])
    .overrideByName('instance', [shown.as('Host')])
    .overrideByName('Value #A', [shown.as('Last backup'), shown.in('dateTimeFromNow')])
    .overrideByName('Value #B', [
      shown.as('Age in intervals'),
      shown.digits(2),
      ...shown.lit(risesToBad(1.5, 2)),
    ])
    .overrideByName('Value #C', [shown.as('Interval'), shown.in('dtdurations')])
    .overrideByName('Value #D', [shown.as('Next backup'), shown.in('dateTimeFromNow')])
    .overrideByName('Value #E', [
      shown.as('Runs now'),
      shown.mapped(says({ 0: ['no', colours.quiet], 1: ['yes', colours.neutral] })),
    ]),
];

const lately = [
  runsByEnd({
    description:
      'A failed run is tried again at the next due time; one that was cancelled, somebody stopped.',
    empty: 'No run ended in this time',
    size: [8, 8],
  }),
  errorsByPlace({
    description:
      'source: the database or folder; store: where backups go; encryption: keys; verification: a copy that is not what was written. Each run in the app has its own error with a hint.',
    empty: 'No error in this time',
    size: [8, 8],
  }),
  states({
    title: 'Health checks',
    description: 'When each check passed on every host. What a check is about: operations, Health.',
    unit: 'none',
    empty: 'Not known',
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('passes', 'fails')],
    size: [8, 8],
    queries: [[`min by (check_type) (${series('backup_health_status')})`, '{{check_type}}']],
  }),
  course({
    title: 'Success rate',
    description: 'Share of the last 100 finished runs that completed, of the worst host.',
    unit: 'percentunit',
    empty: 'No run has ended yet',
    thresholds: fallsToBad(0.9, 0.99),
    size: [8, 8],
    queries: [[`min by (type) (${series('backup_success_rate')})`, '{{type}}']],
  })
    .min(0)
    .max(1),
  course({
    title: 'Stored',
    description: 'Bytes of the backups that have a good copy. It falls when old ones are pruned.',
    unit: 'bytes',
    empty: 'No schedule is known',
    thresholds: plain(),
    size: [8, 8],
    queries: [[`sum by (type) (${series('backup_total_size_bytes')})`, '{{type}}']],
  }),
  course({
    title: 'Disk use',
    description: 'Of the fullest local file system that holds state or backups, by host.',
    unit: 'percent',
    empty: 'No local file system is in use',
    thresholds: risesToBad(80, 95),
    size: [8, 8],
    queries: [[`max by (instance) (${series('backup_disk_usage_percent')})`, '{{instance}}']],
  })
    .min(0)
    .max(100),
];

export const overview = board({
  uid: 'lowtide-overview',
  title: 'Lowtide / Overview',
  description: 'Is everything safe, what is not, since when, and what to do?',
  range: '7d',
  variables: ['schedule', 'type'],
  page: 'overview',
  rows: [
    { panels: firstScreen },
    { title: 'Schedules', panels: schedules },
    { title: 'Lately', panels: lately },
  ],
});
