import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import { appRoot, board } from './board.ts';
import { colours, noneIsGood, plain, risesToBad, shown, steps } from './looks.ts';
import { bars, columns, counts, course, ofTheApp, stat, table } from './panels.ts';
import { grownBy, grownToday, series } from './promql.ts';
import { load } from './tide.ts';

const met = series('backup_run_load_ratio');
const best = series('backup_best_load_ratio');
const fixed = series('backup_fixed_load_ratio');
const delay = series('backup_start_delay_seconds');
const today = (counter: string): string => `round(${grownToday(counter)})`;
const noneYet = 'No run was reviewed yet: that takes until its window is over';

const tide = ofTheApp('lowtide-schedule-panel', {
  title: 'The tide',
  description:
    'Load of the host, what is expected of it, and the backups in its low tides: windows, planned starts, runs. Each slot says why it is there. It asks the exporter that the Lowtide app is connected to.',
  size: [24, 12],
  options: {
    schedules: '$schedule',
    resource: 'all',
    view: 'chart',
    laneSize: 'normal',
    isLegendShown: true,
    comingHours: 24,
  },
});

const starts = [
  table({
    title: 'Put off, passed over, stopped',
    description:
      'What kept backups from their time, within 24 hours. Deferred: put off for a while. Missed: no run was begun. Stopped: runs that were held while the host was busy. Unusual: a duration or size far from those before.',
    unit: 'none',
    empty: 'No schedule is known',
    thresholds: plain(),
    size: [16, 10],
    queries: [
      [delay, ''],
      [`sum by (instance, schedule) (${today(series('backup_deferred_total'))})`, ''],
      [`sum by (instance, schedule) (${today(series('backup_missed_total'))})`, ''],
      [`sum by (instance, schedule) (${grownToday(series('backup_run_paused_seconds_total'))})`, ''],
      [`sum by (instance, schedule) (${today(series('backup_unusual_runs_total'))})`, ''],
    ],
  })
    .withTransformation(
      columns(['schedule', 'instance', 'Value #A', 'Value #B', 'Value #C', 'Value #D', 'Value #E'], []),
    )
    .sortBy([new TableSortByFieldStateBuilder().displayName('Missed').desc(true)])
    .overrideByName('schedule', [
      shown.as('Schedule'),
      shown.linked('Open in the app', `${appRoot}/schedules`),
    ])
    .overrideByName('instance', [shown.as('Host')])
    .overrideByName('Value #A', [
      shown.as('Start delay'),
      shown.in('s'),
      ...shown.lit(risesToBad(3600, 6 * 3600)),
    ])
    .overrideByName('Value #B', [
      shown.as('Deferred'),
      ...shown.lit(steps(colours.quiet, [1, colours.doubtful])),
    ])
    .overrideByName('Value #C', [shown.as('Missed'), ...shown.lit(steps(colours.quiet, [1, colours.bad]))])
    .overrideByName('Value #D', [shown.as('Stopped for'), shown.in('s')])
    .overrideByName('Value #E', [
      shown.as('Unusual'),
      ...shown.lit(steps(colours.quiet, [1, colours.doubtful])),
    ]),
  bars({
    title: 'Why runs were put off',
    description:
      'Within 24 hours. cpu, memory, disk: above load.high_water; ..._pressure: too much work waited; capacity: no room beside other backups; alert: an alert fired.',
    unit: 'none',
    empty: 'None was put off',
    thresholds: steps(colours.neutral),
    size: [8, 5],
    queries: [[`sum by (reason) (${today(series('backup_deferred_total'))}) > 0`, '{{reason}}']],
  }),
  bars({
    title: 'What those that were passed over waited for',
    description:
      'Within 24 hours: due times at which nothing ran because the host was too busy up to the deadline.',
    unit: 'none',
    empty: 'None was passed over',
    thresholds: noneIsGood(),
    size: [8, 5],
    queries: [[`sum by (reason) (${today(series('backup_skipped_total'))}) > 0`, '{{reason}}']],
  }),
  course({
    title: 'Start delay',
    description:
      'How long after its due time the last run of each schedule began: waiting for low tide is meant to.',
    unit: 's',
    empty: 'No scheduled run has begun yet',
    thresholds: risesToBad(3600, 6 * 3600),
    size: [12, 8],
    queries: [
      [`max(${delay})`, 'longest'],
      [`quantile(0.5, ${delay})`, 'median'],
    ],
  }).min(0),
  counts({
    title: 'Missed due times',
    description: 'No run was begun. Was the host off, or too busy for too long? See the table for which.',
    unit: 'none',
    empty: 'No schedule is known',
    thresholds: noneIsGood(),
    size: [12, 8],
    queries: [
      [`round(sum by (instance) (${grownBy(series('backup_missed_total'), '$__interval')}))`, '{{instance}}'],
    ],
  }),
];

const chosen = [
  stat({
    title: 'Load met',
    description: 'The host’s own load that the last reviewed run of each schedule met, on average.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: risesToBad(0.6, 0.8),
    size: [5, 4],
    queries: [[`avg(${met})`, '']],
  }),
  stat({
    title: 'Best possible',
    description: 'The lowest load that these runs could have met within their windows, on average.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: plain(),
    size: [5, 4],
    queries: [[`avg(${best})`, '']],
  }),
  stat({
    title: 'Lost to the best',
    description: 'By how much the load met lay above the lowest: what a perfect forecast would still gain.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: risesToBad(0.05, 0.15),
    size: [5, 4],
    queries: [[`avg(${met} - ${best})`, '']],
  }),
  stat({
    title: 'Won over a fixed 02:00',
    description:
      'By how much the load met lay below what the same runs would have met at 02:00. Below 0: a fixed time was better.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: steps(colours.doubtful, [0, colours.good]),
    size: [5, 4],
    queries: [[`avg(${fixed} - ${met})`, '']],
  }),
  stat({
    title: 'Peaks avoided',
    description:
      'Runs that met no load above a high-water mark where a start at 02:00 would have, within 24 hours.',
    unit: 'none',
    empty: noneYet,
    thresholds: steps(colours.doubtful, [0, colours.good]),
    size: [4, 4],
    queries: [[`round(${peaks('fixed')} - ${peaks('chosen')})`, '']],
  }),
  course({
    title: 'Load met against the best possible',
    description: 'Averages over all schedules. The nearer the first two, the better the scheduler is.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [`avg(${met})`, 'met'],
      [`avg(${best})`, 'best possible'],
      [`avg(${fixed})`, 'fixed 02:00'],
    ],
  }).min(0),
  bars({
    title: 'Furthest from the best',
    description:
      'Schedules whose last reviewed run met the most load above the lowest. A wider window helps.',
    unit: 'percentunit',
    empty: noneYet,
    thresholds: risesToBad(0.05, 0.15),
    size: [12, 8],
    queries: [[`topk(10, ${met} - ${best})`, '{{schedule}} ({{instance}})']],
  }).min(0),
];

function peaks(start: 'fixed' | 'chosen'): string {
  return `sum(${grownBy(series('backup_load_peaks_total', `start="${start}"`), '1d')})`;
}

export const schedules = board({
  uid: 'lowtide-schedules',
  title: 'Lowtide / Schedules',
  description: 'When do backups run, what keeps them from their time, and how well is it chosen?',
  range: '24h',
  variables: ['schedule'],
  page: 'schedules',
  rows: [
    { panels: [tide] },
    { title: 'What kept backups from their time', panels: starts },
    { title: 'How well the time is chosen', panels: chosen },
    { title: 'The load of the host', panels: load },
  ],
});
