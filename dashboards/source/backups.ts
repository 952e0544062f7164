import { board } from './board.ts';
import { averageDuration } from './figures.ts';
import { fallsToBad, noneIsGood, plain, wellOrNot } from './looks.ts';
import { averages, course, stat, states } from './panels.ts';
import { proof } from './proof.ts';
import { grownBy, series, share } from './promql.ts';
import { errorsByPlace, runsByEnd } from './runs.ts';

const completed = 'status="completed"';
const noBackup = 'No backup completed in this time';
const noStore = 'No store was checked yet';

/** Of histograms: how much they grew, by a label. */
const grown = (
  name: Parameters<typeof series>[0],
  by: string,
  range: string,
  ...matchers: string[]
): string => `sum by (${by}) (${grownBy(series(name, ...matchers), range)})`;

const quantile = (share: number, buckets: string): string => `histogram_quantile(${share}, ${buckets})`;
const durations = (range: string): string =>
  grown('backup_duration_seconds_bucket', 'type, le', range, completed);
const sourceBytes = (by: string, range: string): string => grown('backup_size_bytes_sum', by, range);
const averageSource = share(
  `sum(${grownBy(series('backup_size_bytes_sum'))})`,
  `sum(${grownBy(series('backup_size_bytes_count'))})`,
);
const averageStored = share(`sum(${series('backup_key_bytes')})`, `sum(${series('backup_key_backups')})`);

const figures = [
  stat({
    title: 'Completed',
    description: 'Backups that completed in the time that is looked at.',
    unit: 'none',
    empty: 'No run is known',
    thresholds: plain(),
    size: [4, 4],
    queries: [[`round(sum(${grownBy(series('backup_total', completed))}))`, '']],
  }),
  stat({
    title: 'Failed',
    description: 'Runs that failed in the time that is looked at. "Errors" below tells where.',
    unit: 'none',
    empty: 'No run is known',
    thresholds: noneIsGood(),
    size: [4, 4],
    queries: [[`round(sum(${grownBy(series('backup_total', 'status="failed"'))}))`, '']],
  }),
  stat({
    title: 'Average duration',
    description: 'From the start of a run to its end, of those that completed.',
    unit: 's',
    empty: noBackup,
    thresholds: plain(),
    size: [8, 4],
    queries: [[averageDuration, '{{type}}']],
  }),
  stat({
    title: 'Compression',
    description:
      'Bytes of the source for each stored byte: the average backup of this time against the average stored one. Encrypted or already compressed sources stay near 1.',
    unit: 'suffix:: 1',
    empty: noBackup,
    thresholds: plain(),
    size: [4, 4],
    queries: [[`${averageSource} / ${averageStored}`, '']],
  }).decimals(1),
  stat({
    title: 'Stored',
    description: 'Bytes of all good copies, in all stores.',
    unit: 'bytes',
    empty: noStore,
    thresholds: plain(),
    size: [4, 4],
    queries: [[`sum(${series('backup_store_bytes')})`, '']],
  }),
];

const runs = [
  runsByEnd({ description: 'Of the types that are chosen above.', empty: 'No run is known', size: [12, 8] }),
  errorsByPlace({
    description:
      'Also of what is no run: pruning, checks, restores. Each has its hint in the app and in the log.',
    empty: 'No error is known',
    size: [12, 8],
  }),
  averages({
    title: 'Duration',
    description:
      'Half of the backups took less than the lower line, nineteen of twenty less than the upper one.',
    unit: 's',
    empty: noBackup,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [quantile(0.5, durations('$__interval')), '{{type}}: half'],
      [quantile(0.95, durations('$__interval')), '{{type}}: 95 %'],
    ],
  }),
  averages({
    title: 'Size at the source',
    description: 'Average, before compression. A sudden change is called unusual: dashboard Schedules.',
    unit: 'bytes',
    empty: noBackup,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [
        share(sourceBytes('type', '$__interval'), grown('backup_size_bytes_count', 'type', '$__interval')),
        '{{type}}',
      ],
    ],
  }),
  averages({
    title: 'Throughput',
    description: 'Bytes of the source for each second of a run, of those that completed.',
    unit: 'Bps',
    empty: noBackup,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [
        share(
          sourceBytes('type', '$__interval'),
          grown('backup_duration_seconds_sum', 'type', '$__interval', completed),
        ),
        '{{type}}',
      ],
    ],
  }),
  averages({
    title: 'Encryption and upload',
    description: 'Average seconds of one backup, encryption in all and writing to each kind of store.',
    unit: 's',
    empty: noBackup,
    thresholds: plain(),
    size: [12, 8],
    queries: [
      [
        share(
          grown('backup_encryption_time_seconds_sum', 'job', '$__interval'),
          grown('backup_encryption_time_seconds_count', 'job', '$__interval'),
        ),
        'encryption',
      ],
      [
        share(
          grown('backup_upload_time_seconds_sum', 'cloud_provider', '$__interval'),
          grown('backup_upload_time_seconds_count', 'cloud_provider', '$__interval'),
        ),
        'to {{cloud_provider}}',
      ],
    ],
  }),
];

const stores = [
  states({
    title: 'Stores',
    description: 'Whether each store could be used when it was last tried, every minute.',
    unit: 'none',
    empty: noStore,
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('up', 'down')],
    size: [12, 8],
    queries: [
      [`min by (store, cloud_provider) (${series('backup_store_up')})`, '{{store}} ({{cloud_provider}})'],
    ],
  }),
  course({
    title: 'Stored by store',
    description: 'Bytes of the good copies in each. A store that grows without end keeps too many: see keep.',
    unit: 'bytes',
    empty: noStore,
    thresholds: plain(),
    size: [12, 8],
    queries: [[`sum by (store) (${series('backup_store_bytes')})`, '{{store}}']],
  }).min(0),
];

export const backups = board({
  uid: 'lowtide-backups',
  title: 'Lowtide / Backups',
  description: 'How long do backups take, how large are they, where do they lie, and can they be restored?',
  range: '7d',
  variables: ['type', 'schedule'],
  page: 'backups',
  rows: [
    { panels: figures },
    { title: 'Runs', panels: runs },
    { title: 'Stores', panels: stores },
    { title: 'Proof', panels: proof },
  ],
});
