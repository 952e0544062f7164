import { colours, plain, risesToBad, says, shown } from './looks.ts';
import { columns, course, table } from './panels.ts';
import { series } from './promql.ts';

/** What the scheduler knows of the load. */

export const load = [
  ...(['cpu', 'memory', 'disk'] as const).map((resource) =>
    course({
      title: `Load and forecast: ${resource}`,
      description:
        'Share in use by others than Lowtide, and what was expected of it. There is a gap in the disk’s while Lowtide itself is at work.',
      unit: 'percentunit',
      empty: 'Not measured on these hosts',
      thresholds: risesToBad(0.75, 0.9),
      size: [8, 8],
      queries: [
        [`avg(${series('backup_load_ratio', `resource="${resource}"`)})`, 'measured'],
        [`avg(${series('backup_load_forecast_ratio', `resource="${resource}"`)})`, 'expected'],
      ],
    })
      .min(0)
      .max(1),
  ),
  course({
    title: 'Pressure',
    description: 'Share of the last minute in which some work waited for the resource, as the kernel tells.',
    unit: 'percentunit',
    empty: 'The kernel tells no pressure (no /proc/pressure), or Lowtide is at work',
    thresholds: risesToBad(0.25, 0.5),
    size: [8, 8],
    queries: [[`avg by (resource) (${series('backup_load_pressure_ratio')})`, '{{resource}}']],
  }).min(0),
  course({
    title: 'Throughput of the host',
    description:
      'Bytes that the disks read and write, and the network receives and sends, without Lowtide’s own work.',
    unit: 'Bps',
    empty: 'Not known while Lowtide is at work',
    thresholds: plain(),
    size: [8, 8],
    queries: [[`sum by (flow) (${series('backup_load_throughput_bytes_per_second')})`, '{{flow}}']],
  }),
  table({
    title: 'How good the forecasts are',
    description:
      'Over three weeks, averaged over hosts. Regret: by how much the starts a forecast would have chosen lay above the lowest. Error: mean distance from what came. Followed: by how many hosts.',
    unit: 'percentunit',
    empty: 'Too little is known yet: it takes some days',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [`avg by (resource, forecast) (${series('backup_load_forecast_regret_ratio')})`, ''],
      [`avg by (resource, forecast) (${series('backup_load_forecast_error_ratio')})`, ''],
      [`sum by (resource, forecast) (${series('backup_load_forecast_champion')})`, ''],
    ],
  })
    .decimals(1)
    .withTransformation(columns(['resource', 'forecast', 'Value #A', 'Value #B', 'Value #C'], []))
    .overrideByName('resource', [shown.as('Resource')])
    .overrideByName('forecast', [shown.as('Forecast')])
    .overrideByName('Value #A', [shown.as('Regret'), ...shown.lit(risesToBad(0.05, 0.15))])
    .overrideByName('Value #B', [shown.as('Error'), ...shown.lit(risesToBad(0.15, 0.3))])
    .overrideByName('Value #C', [
      shown.as('Followed'),
      shown.in('none'),
      shown.digits(0),
      shown.mapped(says({ 0: ['no', colours.quiet] })),
    ]),
];
