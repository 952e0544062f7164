import { board } from './board.ts';
import { colours, fallsToBad, noneIsGood, plain, risesToBad, shown, steps, wellOrNot } from './looks.ts';
import { columns, course, stat, states, table } from './panels.ts';
import { series, share, type SeriesName } from './promql.ts';

const known = series('lowtide_build_info');
const requests = 'lowtide_http_request_duration_seconds';
const silent = 'No exporter answers';
const noRequest = 'Nobody has asked in this time';

/** What every process has: only of those that are Lowtide's. */
const here = (expression: string): string => `${expression} and on (job, instance) ${known}`;
const ofLowtide = (name: SeriesName): string => here(series(name));
const rate = (name: SeriesName, ...matchers: string[]): string =>
  `rate(${series(name, ...matchers)}[$__rate_interval])`;

const figures = [
  stat({
    title: 'Exporters that answer',
    description:
      'How many Lowtide exporters Prometheus has figures of. Silent ones are in the table of the overview.',
    unit: 'none',
    empty: silent,
    thresholds: steps(colours.bad, [1, colours.good]),
    size: [3, 5],
    queries: [[`count(${known})`, '']],
  }),
  stat({
    title: 'Config',
    description:
      'Whether the config was taken up when it was last read. If not, the one before is in force, and the log says why.',
    unit: 'none',
    empty: silent,
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('taken up', 'not taken up')],
    size: [3, 5],
    queries: [[`min(${series('lowtide_config_last_reload_successful')})`, '']],
  }),
  stat({
    title: 'Web config',
    description: 'The same for TLS and basic auth.',
    unit: 'none',
    empty: 'No web config is in use',
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('taken up', 'not taken up')],
    size: [3, 5],
    queries: [[`min(${series('lowtide_web_config_last_reload_successful')})`, '']],
  }),
  stat({
    title: 'State',
    description:
      'Whether the PostgreSQL that keeps the state can be reached from all. While it is away, a host runs its critical schedules alone, and keeps what it did for later.',
    unit: 'none',
    empty: silent,
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('there', 'away')],
    size: [3, 5],
    queries: [[`min(${series('lowtide_state_available')})`, '']],
  }),
  table({
    title: 'Versions',
    description:
      'What runs where, since when, whether it plans (for itself, or for all that share its state), and when its configs were last taken up.',
    unit: 'dateTimeFromNow',
    empty: silent,
    thresholds: plain(),
    size: [12, 5],
    queries: [
      [known, ''],
      [`1000 * (${ofLowtide('process_start_time_seconds')})`, ''],
      [`1000 * ${series('lowtide_config_last_reload_success_timestamp_seconds')}`, ''],
      [`1000 * ${series('lowtide_web_config_last_reload_success_timestamp_seconds')}`, ''],
      [series('lowtide_planner_leader'), ''],
    ],
  })
    .withTransformation(
      columns(
        ['instance', 'version', 'node_version', 'Value #B', 'Value #E', 'Value #C', 'Value #D'],
        ['Value #A'],
      ),
    )
    .overrideByName('instance', [shown.as('Host')])
    .overrideByName('version', [shown.as('Lowtide')])
    .overrideByName('node_version', [shown.as('Node.js')])
    .overrideByName('Value #B', [shown.as('Up since')])
    .overrideByName('Value #E', [shown.as('Plans'), shown.in('none')])
    .overrideByName('Value #C', [shown.as('Config of')])
    .overrideByName('Value #D', [shown.as('Web config of')]),
];

const http = [
  course({
    title: 'Requests by answer',
    description:
      '401 and 403: a token is missing or may not; 429: too many; 499: the client went away; 5xx: look at the log.',
    unit: 'reqps',
    empty: noRequest,
    thresholds: plain(),
    size: [8, 8],
    queries: [[`sum by (code) (${rate(`${requests}_count`)})`, '{{code}}']],
  }),
  course({
    title: 'Slowest routes',
    description:
      'Average time to answer, of the ten slowest routes. Those that wait for a run to end take as long as it.',
    unit: 's',
    empty: noRequest,
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [
        `topk(10, ${share(`sum by (route) (${rate(`${requests}_sum`)})`, `sum by (route) (${rate(`${requests}_count`)})`)})`,
        '{{route}}',
      ],
    ],
  }),
  course({
    title: 'Time to make the metrics page',
    description:
      'Nineteen of twenty scrapes were answered within this time. Prometheus gives up after its scrape_timeout.',
    unit: 's',
    empty: 'Nobody has scraped in this time',
    thresholds: risesToBad(1, 5),
    size: [8, 8],
    queries: [
      [
        `histogram_quantile(0.95, sum by (instance, le) (${rate(`${requests}_bucket`, 'route="/metrics"')}))`,
        '{{instance}}',
      ],
    ],
  }),
];

const ofProcess = [
  course({
    title: 'Event loop lag',
    description:
      'How long what is to happen at once has to wait, the worst of a hundred times. Above a second, requests time out.',
    unit: 's',
    empty: silent,
    thresholds: risesToBad(0.2, 1),
    size: [8, 8],
    queries: [[ofLowtide('nodejs_eventloop_lag_p99_seconds'), '{{instance}}']],
  }),
  course({
    title: 'Memory',
    description: 'What the process holds. Backups stay below 200 MiB whatever their size.',
    unit: 'bytes',
    empty: silent,
    thresholds: plain(),
    size: [8, 8],
    queries: [
      [ofLowtide('process_resident_memory_bytes'), '{{instance}}: resident'],
      [ofLowtide('nodejs_heap_size_used_bytes'), '{{instance}}: heap'],
    ],
  }).min(0),
  course({
    title: 'Processor',
    description:
      'Seconds of one processor that the exporter itself takes each second; the programs that it starts not among them.',
    unit: 'percentunit',
    empty: silent,
    thresholds: plain(),
    size: [8, 8],
    queries: [[here(rate('process_cpu_seconds_total')), '{{instance}}']],
  }).min(0),
  course({
    title: 'Garbage collection',
    description: 'Share of the time that it takes.',
    unit: 'percentunit',
    empty: silent,
    thresholds: risesToBad(0.1, 0.3),
    size: [8, 8],
    queries: [[`sum by (instance) (${here(rate('nodejs_gc_duration_seconds_sum'))})`, '{{instance}}']],
  }).min(0),
  course({
    title: 'Open files',
    description: 'Share of what the process may open. At 100 % no backup can be written.',
    unit: 'percentunit',
    empty: silent,
    thresholds: risesToBad(0.5, 0.8),
    size: [8, 8],
    queries: [[here(`${series('process_open_fds')} / ${series('process_max_fds')}`), '{{instance}}']],
  }).min(0),
  course({
    title: 'Series on the page',
    description: 'Samples that Prometheus takes from each exporter at a scrape.',
    unit: 'none',
    empty: silent,
    thresholds: plain(),
    size: [8, 8],
    queries: [[ofLowtide('scrape_samples_scraped'), '{{instance}}']],
  }).min(0),
];

const collectors = [
  states({
    title: 'Parts of the page',
    description:
      'Whether each part could be made. One that fails is left out of the page, and the log says why.',
    unit: 'none',
    empty: silent,
    thresholds: fallsToBad(1, 1),
    mappings: [wellOrNot('made', 'failed')],
    size: [12, 8],
    queries: [[`min by (collector) (${series('lowtide_collector_success')})`, '{{collector}}']],
  }),
  course({
    title: 'Time for each part',
    description: 'Of the slowest host. All parts of the page are made at each scrape.',
    unit: 's',
    empty: silent,
    thresholds: noneIsGood(),
    size: [12, 8],
    queries: [[`max by (collector) (${series('lowtide_collector_duration_seconds')})`, '{{collector}}']],
  }),
];

export const exporter = board({
  uid: 'lowtide-exporter',
  title: 'Lowtide / Exporter',
  description:
    'Does the exporter itself do well: requests, process, config, and the parts of its metrics page?',
  range: '6h',
  variables: [],
  page: 'activity',
  rows: [
    { panels: figures },
    { title: 'HTTP', panels: http },
    { title: 'Process', panels: ofProcess },
    { title: 'The metrics page', panels: collectors },
  ],
});
