/**
 * Who may import whom in exporter/src, from the words up to the roots. A folder that is not listed may import all but the
 * roots. Each row names the folders (or files) it may use, those of which it may use the types alone, and the better way.
 * Below stands what the plugin may import.
 *
 * @typedef {{ folders: string[], may: string[], types?: string[], way: string }} Layer
 */

const words = ['errors/', 'units/'];
const roots = ['cli/', 'library/', 'quickstart/', 'service/', 'compose.ts', 'compose/', 'index.ts'];
const contracts = [
  'catalog/catalog.ts',
  'catalog/run-logs.ts',
  'clock/clock.ts',
  'config/schema.ts',
  'keys/keystore.ts',
  'load/load.ts',
  'store/store.ts',
];

/** @type {Layer[]} */
const layers = [
  {
    folders: ['errors', 'units'],
    may: words,
    way: 'errors/ and units/ are the words everything else is made of: they import nothing of ours.',
  },
  {
    folders: ['clock', 'events', 'probe', 'process'],
    may: words,
    way: 'These are used by everything: let the caller hand in what they need.',
  },
  {
    folders: ['schedule'],
    may: words,
    types: ['config/schema.ts'],
    way: 'Due times and windows are worked out from arguments alone: let the caller hand in what it has read.',
  },
  {
    folders: ['seal'],
    may: words,
    way: 'Sealing knows the age format and nothing else: it takes keys as text and bytes as streams.',
  },
  {
    folders: ['source'],
    may: [...words, 'process/'],
    types: ['config/schema.ts'],
    way: 'A source turns data into bytes: where they go is the business of run/.',
  },
  {
    folders: ['store'],
    may: words,
    way: 'A store keeps named bytes: what they mean is the business of run/ and catalog/.',
  },
  {
    folders: ['postgres'],
    // A state is reached as a source is: by a URL of libpq.
    may: [...words, 'source/database-url.ts', 'source/postgres/connection.ts'],
    way: 'The driver knows connections and transactions: what is kept is the business of catalog/, fleet/ and queue/.',
  },
  {
    folders: ['fleet'],
    may: [...words, 'postgres/', 'queue/'],
    types: ['schedule/limits.ts', 'schedule/planner.ts', 'schedule/slot-grid.ts'],
    way: 'Hosts, leases and plans are kept as they are told: deciding is the business of schedule/ and service/.',
  },
  {
    folders: ['queue'],
    may: [...words, 'postgres/', 'probe/', 'catalog/sqlite/refusal.ts'],
    way: 'The queue hands out what it was told: planning is the business of schedule/, the work that of run/.',
  },
  {
    folders: ['config'],
    // How an address and a database URL are written, and what keeps backups itself, is known where they are used.
    may: [
      ...words,
      'schedule/',
      'http/listen-address.ts',
      'source/mysql/connection.ts',
      'source/postgres/connection.ts',
      'source/repository.ts',
    ],
    way: 'The configuration is read before anything is built from it: compose.ts does that.',
  },
  {
    folders: ['keys'],
    // The keystore is files: they are locked and made durable as the catalog and the store do it.
    may: [...words, 'seal/', 'catalog/file-lock.ts', 'store/durable-file.ts'],
    types: ['events/'],
    way: 'The keystore knows keys, not what is sealed with them: count backups in the caller.',
  },
  {
    folders: ['catalog'],
    may: [...words, 'postgres/', 'probe/', 'store/manifest.ts'],
    types: ['events/', 'load/load.ts', 'source/source.ts', 'store/store.ts'],
    way: 'The catalog writes down what it is told: work belongs in run/ or retention/.',
  },
  {
    folders: ['retention'],
    may: [...words, 'config/keep.ts', 'store/manifest.ts'],
    types: contracts,
    way: 'Pruning takes the catalog and the store as contracts: compose.ts chooses the adapters.',
  },
  {
    folders: ['run'],
    // Restoring speaks to the same servers, in the same words, as dumping.
    may: [
      ...words,
      'process/',
      'retention/',
      'schedule/',
      'seal/',
      'source/',
      'config/keep.ts',
      'keys/opening-key.ts',
      'store/durable-file.ts',
      'store/manifest.ts',
      'store/name.ts',
      'catalog/file-lock.ts',
    ],
    types: [...contracts, 'events/'],
    way: 'Runs take contracts (catalog.ts, store.ts, keystore.ts): compose.ts chooses the adapters, metrics/ hear events.',
  },
  {
    folders: ['recovery'],
    may: [
      ...words,
      'catalog/newest-object.ts',
      'config/secrets.ts',
      'config/store-schema.ts',
      'seal/',
      'store/durable-file.ts',
    ],
    types: [...contracts, 'config/read.ts'],
    way: 'Copies of the config go into stores, as contracts: compose.ts chooses the adapters.',
  },
  {
    folders: ['drill'],
    // A drill is a restore, into a place of its own.
    may: [...words, 'process/', 'run/', 'schedule/', 'source/', 'store/manifest.ts'],
    types: [...contracts, 'catalog/drills.ts', 'seal/'],
    way: 'A drill takes contracts (catalog.ts, store.ts, keystore.ts): compose.ts chooses the adapters.',
  },
  {
    folders: ['heal'],
    may: [
      ...words,
      'catalog/newest-object.ts',
      'config/keep.ts',
      'retention/retention.ts',
      'run/judge.ts',
      'run/sealed.ts',
      'run/sealing.ts',
      'store/manifest.ts',
    ],
    types: [...contracts, 'catalog/copies.ts'],
    way: 'Healing takes contracts (catalog.ts, store.ts): compose.ts chooses the adapters.',
  },
  {
    folders: ['rotation'],
    // What the file system says while a payload is written anew is the store's to judge.
    may: [
      ...words,
      'seal/',
      'catalog/rebuild.ts',
      'keys/key.ts',
      'keys/opening-key.ts',
      'store/manifest.ts',
      'store/directory/refusal.ts',
    ],
    types: [...contracts, 'catalog/rotations.ts', 'store/resealing.ts'],
    way: 'A rotation takes contracts (catalog.ts, store.ts, keystore.ts): compose.ts chooses the adapters.',
  },
  {
    folders: ['run/restore'],
    // A target is a source turned round: how a database is reached, and what its programs say, is known there.
    may: [...words, 'process/', 'source/', 'store/manifest.ts', 'store/durable-file.ts'],
    way: 'A target takes content: which copy it comes from is the business of run/restore.ts.',
  },
  {
    folders: ['health'],
    may: [...words, 'probe/'],
    types: [...contracts, 'catalog/drills.ts', 'source/source.ts'],
    way: 'Health is judged from what the contracts say: let the service hand in the rest.',
  },
  {
    folders: ['metrics'],
    may: [...words, 'events/', 'health/', 'probe/'],
    types: [...contracts, 'catalog/drills.ts', 'catalog/reviews.ts', 'source/source.ts'],
    way: 'Metrics hear events and read the catalog: nothing is done, opened or asked for their sake.',
  },
  {
    folders: ['api'],
    may: [...words, 'http/address.ts', 'http/guard.ts', 'http/problem.ts'],
    types: [
      ...contracts,
      'catalog/access.ts',
      'catalog/background.ts',
      'catalog/drills.ts',
      'catalog/reviews.ts',
      'catalog/rotations.ts',
      'events/',
      'fleet/campaign.ts',
      'fleet/fleet.ts',
      'catalog/snapshots.ts',
      'health/',
      'rotation/census.ts',
      'store/manifest.ts',
    ],
    way: 'The API asks for everything through Commands (api/commands.ts): the service hands it in.',
  },
  {
    folders: ['http'],
    may: words,
    types: ['health/', 'metrics/'],
    way: 'HTTP serves what the service hands it: add it to the argument of startHttp.',
  },
];

const pure = [
  '{errors,events,schedule,units}/*.ts',
  'config/{exclusion,keep,nearest,scalars,schema,shape,warnings}.ts',
  'keys/{key,key-age}.ts',
  'fleet/series.ts',
  'heal/{backoff,worth}.ts',
  'load/{champion,expected-load,forecast,forecaster,hindsight,learned-course,past-load,repeated-day,score,use-ledger}.ts',
  'load/replay/*.ts',
  'retention/{orphan-verdict,retention,stored-name,version-verdict}.ts',
  'rotation/{candidates,plan,speed}.ts',
  'run/{admission,due-reads}.ts',
  'seal/{header,hybrid,stanza,stream,x25519}.ts',
  'source/verdict.ts',
];

const ignores = ['**/*.test.{ts,tsx}'];

/** @param {Layer} layer @returns {import('eslint').Linter.Config[]} one for each depth, since imports are relative */
function rulesOf({ folders, ...layer }) {
  return folders.flatMap((folder) => [1, 2, 3].map((below) => rulesAt(folder, below, layer)));
}

function rulesAt(folder, below, { may, types = [], way }) {
  const depth = folder.split('/').length + below - 1;
  return {
    files: [`exporter/src/${folder}/${'*/'.repeat(below - 1)}*.ts`],
    ignores,
    rules: restrict([
      { regex: `^${up(depth)}(?!${oneOf([...may, ...types])})`, message: way },
      ...(types.length === 0
        ? []
        : [
            {
              regex: `^${up(depth)}${oneOf(types.filter((path) => !may.includes(path)))}`,
              allowTypeImports: true,
              message: `Only its types are for this folder. ${way}`,
            },
          ]),
    ]),
  };
}

const up = (depth) => '\\.\\./'.repeat(depth);
const oneOf = (paths) => `(?:${paths.map((path) => path.replace(/\.ts$/, '\\.ts$')).join('|')})`;
const restrict = (patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { patterns }] });

/** @type {import('eslint').Linter.Config[]} */
export const layerRules = [
  {
    files: ['exporter/src/*/**/*.ts'],
    ignores: [...ignores, ...roots.map((path) => `exporter/src/${path}**`)],
    rules: restrict([
      {
        regex: `^(?:\\.\\./)+${oneOf(roots)}`,
        message:
          'The roots put everything together: take what is needed as an argument, and let them hand it in.',
      },
    ]),
  },
  ...layers.flatMap(rulesOf),
  {
    files: ['grafana-plugin/src/**/*.{ts,tsx}'],
    ignores,
    rules: restrict([
      {
        regex: '^lowtide/api$',
        allowTypeImports: true,
        message: 'The plugin takes only types from the exporter: it speaks to it over HTTP.',
      },
      {
        regex: '^lowtide(?!/api$)|(?:^|/)exporter/|^node:',
        message: 'The plugin runs in browsers. Of the exporter it knows the types of lowtide/api alone.',
      },
    ]),
  },
  {
    files: pure.map((path) => `exporter/src/${path}`),
    ignores,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^node:(?!crypto$|util$|assert$|path$)',
              message:
                'This decides from its arguments alone: let the caller read, and hand in what it found.',
            },
          ],
        },
      ],
    },
  },
];
