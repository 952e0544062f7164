import { appRoot, board } from './board.ts';
import { activeKeyAge } from './figures.ts';
import { colours, noneIsGood, plain, risesToBad, says, shown, steps } from './looks.ts';
import { columns, counts, course, ofTheApp, stat, table } from './panels.ts';
import { grownBy, series } from './promql.ts';

const created = series('backup_key_created_timestamp_seconds');
const active = series('backup_key_created_timestamp_seconds', 'state="active"');
const backups = series('backup_key_backups');
const copies = series('backup_key_copies');
const bytes = series('backup_key_bytes');
const key = 'on (job, instance, key_id)';
const none = 'No key is known';

const control = ofTheApp('lowtide-rotation-panel', {
  title: 'Rotation of keys',
  description:
    'Keys, what depends on them, and the rotation that goes on: begin, watch, stop and resume one here, as far as your role allows. It asks the exporter that the Lowtide app is connected to.',
  size: [24, 11],
  options: { isCensusShown: true },
});

const figures = [
  stat({
    title: 'Age of the active key',
    description:
      'Of the oldest key that new backups are sealed to. lowtide rotate changes it, and a policy can (encryption.rotation).',
    unit: 'dtdurations',
    empty: none,
    thresholds: risesToBad(180 * 86_400, 400 * 86_400),
    size: [5, 4],
    queries: [[activeKeyAge, '']],
  }).decimals(0),
  stat({
    title: 'Backups with an older key',
    description:
      'They can be opened as long as that key is kept. A rotation (rewrap) gives them to the active one.',
    unit: 'none',
    empty: none,
    thresholds: steps(colours.good, [1, colours.doubtful]),
    size: [5, 4],
    queries: [[`sum(${backups} unless ${key} ${active}) or 0 * sum(${backups})`, '']],
  }),
  stat({
    title: 'Backups without their key',
    description:
      'They are sealed to a key that is not in the keystore, and cannot be opened: put it back from your copy (lowtide keys import).',
    unit: 'none',
    empty: none,
    thresholds: noneIsGood(),
    size: [5, 4],
    queries: [[`sum((${backups} > 0) unless ${key} ${created}) or 0 * sum(${backups})`, '']],
  }),
  stat({
    title: 'Latest rotation',
    description:
      'How far it has come, on the host where it has come the least. 100 % stays until the next one begins.',
    unit: 'percentunit',
    empty: 'There was none yet',
    thresholds: steps(colours.neutral, [1, colours.good]),
    size: [4, 4],
    queries: [[`min(${series('backup_key_rotation_progress_ratio')})`, '']],
  }),
  stat({
    title: 'Rotations that failed',
    description:
      'In the time that is looked at, those that were interrupted among them. lowtide rotate --resume goes on where one stopped.',
    unit: 'none',
    empty: none,
    thresholds: noneIsGood(),
    size: [5, 4],
    queries: [
      [`round(sum(${grownBy(series('backup_key_rotations_total', 'status=~"failed|interrupted"'))}))`, ''],
    ],
  }),
];

const census = [
  table({
    title: 'Keys',
    description:
      'Every key of the keystore, and what is sealed to it. A retiring key is kept for its backups alone; one that is not in the keystore has no state here.',
    unit: 'none',
    empty: none,
    thresholds: plain(),
    size: [16, 9],
    queries: [
      [`1000 * ${created}`, ''],
      [backups, ''],
      [copies, ''],
      [bytes, ''],
    ],
  })
    .withTransformation(
      columns(['key_id', 'instance', 'state', 'Value #A', 'Value #B', 'Value #C', 'Value #D'], []),
    )
    .overrideByName('key_id', [shown.as('Key'), shown.linked('Open in the app', `${appRoot}/keys`)])
    .overrideByName('instance', [shown.as('Host')])
    .overrideByName('state', [
      shown.as('State'),
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
      shown.mapped(
        says({
          active: ['active', colours.good],
          retiring: ['retiring', colours.doubtful],
          retired: ['retired', colours.quiet],
          destroyed: ['destroyed', colours.quiet],
        }),
      ),
    ])
    .overrideByName('Value #A', [shown.as('Made'), shown.in('dateTimeFromNow')])
    .overrideByName('Value #B', [shown.as('Backups')])
    .overrideByName('Value #C', [shown.as('Copies')])
    .overrideByName('Value #D', [shown.as('Bytes'), shown.in('bytes')]),
  course({
    title: 'Backups by key',
    description: 'A rotation moves them from the old key to the new one; pruning takes them away.',
    unit: 'none',
    empty: none,
    thresholds: plain(),
    size: [8, 9],
    queries: [[`sum by (key_id) (${backups})`, '{{key_id}}']],
  })
    .min(0)
    .fillOpacity(30),
];

const history = [
  course({
    title: 'Progress',
    description: 'Share of its backups that the latest rotation has dealt with, by host.',
    unit: 'percentunit',
    empty: 'There was none yet',
    thresholds: plain(),
    size: [12, 8],
    queries: [[`max by (instance) (${series('backup_key_rotation_progress_ratio')})`, '{{instance}}']],
  })
    .min(0)
    .max(1),
  counts({
    title: 'Rotations by how they ended',
    description:
      'rotate: a new key for new backups; rewrap: new headers for stored ones; reencrypt: all written anew.',
    unit: 'none',
    empty: none,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [
        `round(sum by (mode, status) (${grownBy(series('backup_key_rotations_total'), '$__interval')})) > 0`,
        '{{mode}}: {{status}}',
      ],
    ],
  }),
  counts({
    title: 'Backups that rotations have dealt with',
    description:
      'skipped: there was nothing to do for them; failed: they stay with their key, and the rotation says why.',
    unit: 'none',
    empty: none,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [
        `round(sum by (status) (${grownBy(series('backup_key_rotation_backups_total'), '$__interval')}))`,
        '{{status}}',
      ],
    ],
  })
    .overrideByName('completed', [shown.coloured(colours.good)])
    .overrideByName('failed', [shown.coloured(colours.bad)])
    .overrideByName('skipped', [shown.coloured(colours.neutral)]),
  counts({
    title: 'Bytes sealed anew',
    description: 'Of all copies. A rewrap writes headers alone, and counts what they belong to.',
    unit: 'bytes',
    empty: none,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [`sum by (mode) (${grownBy(series('backup_key_rotation_bytes_total'), '$__interval')})`, '{{mode}}'],
    ],
  }),
];

export const keys = board({
  uid: 'lowtide-keys',
  title: 'Lowtide / Keys',
  description: 'Which key opens what, how old are they, and how do rotations go?',
  range: '30d',
  variables: [],
  page: 'keys',
  rows: [
    { panels: [...figures, control] },
    { title: 'What depends on which key', panels: census },
    { title: 'Rotations', panels: history },
  ],
});
