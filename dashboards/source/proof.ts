import { appRoot } from './board.ts';
import { colours, plain, shown, steps, wellOrNot } from './looks.ts';
import { bars, columns, counts, course, table } from './panels.ts';
import { grownBy, series } from './promql.ts';

/** Whether what is stored can be brought back. */
export const proof = [
  counts({
    title: 'Verifications',
    description: 'Copies that were read back and compared. One that failed is damaged: the app names it.',
    unit: 'none',
    empty: 'None is known',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [
        `round(sum by (status) (${grownBy(series('backup_verification_total'), '$__interval')}))`,
        '{{status}}',
      ],
    ],
  })
    .overrideByName('passed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)]),
  counts({
    title: 'Restores',
    description: 'By hand, through the API, and as drills.',
    unit: 'none',
    empty: 'None is known',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [`round(sum by (status) (${grownBy(series('backup_restore_total'), '$__interval')}))`, '{{status}}'],
    ],
  })
    .overrideByName('completed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)]),
  bars({
    title: 'Proof that they can be restored',
    description:
      'Whether the backups of every schedule were verified or restored within 31 days, and the newest has a sound copy, by host.',
    unit: 'none',
    empty: 'Not known',
    thresholds: steps(colours.bad, [1, colours.good]),
    mappings: [wellOrNot('proven', 'not proven')],
    size: [8, 8],
    queries: [
      [`min by (instance) (${series('backup_health_status', 'check_type="restore_proof"')})`, '{{instance}}'],
    ],
  })
    .min(0)
    .max(1),
  table({
    title: 'Restore drills',
    description:
      'Restores for practice, by schedule: whether the last one passed, how long it took until there was data that can be used, and how old that data was then. What a drill checks: restoring, Drills.',
    unit: 's',
    empty: 'No drill was made yet (verify.drill)',
    thresholds: plain(),
    size: [16, 8],
    queries: [
      [series('backup_restore_drill_passed'), ''],
      [`1000 * ${series('backup_restore_drill_last_success_timestamp_seconds')}`, ''],
      [series('backup_restore_drill_duration_seconds'), ''],
      [series('backup_restore_drill_data_age_seconds'), ''],
      [series('backup_restore_drill_interval_seconds'), ''],
    ],
  })
    .withTransformation(
      columns(['schedule', 'instance', 'Value #A', 'Value #B', 'Value #C', 'Value #D', 'Value #E'], []),
    )
    .overrideByName('schedule', [
      shown.as('Schedule'),
      shown.linked('Open in the app', `${appRoot}/schedules`),
    ])
    .overrideByName('instance', [shown.as('Host')])
    .overrideByName('Value #A', [
      shown.as('Last drill'),
      shown.in('none'),
      shown.onBackground(),
      shown.mapped(wellOrNot('passed', 'failed')),
    ])
    .overrideByName('Value #B', [shown.as('Last passed'), shown.in('dateTimeFromNow')])
    .overrideByName('Value #C', [shown.as('Took')])
    .overrideByName('Value #D', [shown.as('Age of the data'), shown.in('dtdurations')])
    .overrideByName('Value #E', [shown.as('Made every'), shown.in('dtdurations')]),
  counts({
    title: 'Drills by how they ended',
    description:
      'A drill that failed says in the app what was not as it should be: a part, a table, a count of rows.',
    unit: 'none',
    empty: 'No drill was made in this time',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [
        `round(sum by (status) (${grownBy(series('backup_restore_drill_total'), '$__interval')}))`,
        '{{status}}',
      ],
    ],
  })
    .overrideByName('passed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)]),
  bars({
    title: 'Copies of the config',
    description:
      'Whether each store has the config as it is now: with a recovery key it is what a lost host begins anew from.',
    unit: 'none',
    empty: 'No copy is kept (encryption.config_copy)',
    thresholds: steps(colours.bad, [1, colours.good]),
    mappings: [wellOrNot('current', 'out of date')],
    size: [16, 8],
    queries: [
      [`min by (store, instance) (${series('backup_config_copy_current')})`, '{{store}} ({{instance}})'],
    ],
  })
    .min(0)
    .max(1),
  bars({
    title: 'Copies to be made good',
    description:
      'Copies that failed, are damaged or are missing, by store. They are made from a good copy while the host is quiet; lowtide backups heal does it now.',
    unit: 'none',
    empty: 'Not known yet',
    thresholds: steps(colours.good, [1, colours.bad]),
    size: [8, 8],
    queries: [[`sum by (store) (${series('backup_copies_waiting')})`, '{{store}}']],
  }).min(0),
  counts({
    title: 'Copies made good',
    description:
      'Attempts to make a copy good from another one, by what became of them. The log says why one failed.',
    unit: 'none',
    empty: 'None is known',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [
        `round(sum by (status) (${grownBy(series('backup_copies_healed_total'), '$__interval')}))`,
        '{{status}}',
      ],
    ],
  })
    .overrideByName('completed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)]),
  course({
    title: 'Read in full',
    description:
      'Bytes a day of the copies that were read in their turn and compared with what was stored (verify.full_read).',
    unit: 'bytes',
    empty: 'No copy is read so (verify.full_read)',
    thresholds: plain(),
    size: [8, 8],
    queries: [[`sum by (store) (${grownBy(series('backup_full_read_bytes_total'), '1d')})`, '{{store}}']],
  }).min(0),
  bars({
    title: 'Longest unread',
    description: 'The time since the copy that has waited longest for its turn was read in full, or made.',
    unit: 'dtdurations',
    empty: 'No copy is read so (verify.full_read)',
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [`max by (store) (time() - ${series('backup_full_read_oldest_timestamp_seconds')})`, '{{store}}'],
    ],
  }).min(0),
  bars({
    title: 'Not read in time',
    description:
      'Copies that were not read in full within verify.full_read: is the host never quiet, or the store down?',
    unit: 'none',
    empty: 'No copy is read so (verify.full_read)',
    thresholds: steps(colours.good, [1, colours.bad]),
    size: [8, 8],
    queries: [[`sum by (store) (${series('backup_full_read_overdue')})`, '{{store}}']],
  }).min(0),
];
