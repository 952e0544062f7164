import { z } from 'zod';
import { loadSchema } from './load-schema.ts';
import { networkSchema, serverSchema } from './limits-schema.ts';
import {
  cron,
  cronOrInterval,
  duration,
  interval,
  name,
  path,
  ratio,
  recipient,
  stateLocation,
  timezone,
  windowOfDay,
  weekOrMore,
} from './scalars.ts';
import { sourceSchema, variablesSchema } from './source-schema.ts';
import type { RepositoryType } from '../source/repository.ts';
import { storeSchema } from './store-schema.ts';

/**
 * The shape of `lowtide.yaml`. The JSON Schema that ships with the package is generated from here (the input side:
 * durations are still text), and so are the tables of docs/configuration.md: every key has its sentence.
 * `writeOnly` is JSON Schema's mark for a secret.
 */

const kept = (which: string) => z.int().min(1).max(10_000).optional().describe(`how many ${which} stay`);

const keepRules = {
  last: kept('of the newest backups'),
  hourly: kept('hours with a backup (its newest)'),
  daily: kept('days with a backup (its newest)'),
  weekly: kept('weeks with a backup (its newest)'),
  monthly: kept('months with a backup (its newest)'),
  yearly: kept('years with a backup (its newest)'),
};

const keepSchema = z.strictObject({
  ...keepRules,
  stores: z
    .record(name, z.strictObject(keepRules).describe('how many backups stay in this store, per period'))
    .optional()
    .describe('rules for single stores, by name: in these they stand in the place of those beside'),
});

const drillChecksSchema = z.strictObject({
  rows: z
    .record(z.string().min(1), z.int().min(0).describe('how many rows it has at least'))
    .default({})
    .meta({
      description: 'how many rows tables have at least, by name (orders, or sales.orders)',
      examples: [{ orders: 1000 }],
    }),
  amcheck: z.boolean().default(true).describe('whether pg_amcheck looks at a PostgreSQL database'),
  command: z
    .array(z.string().describe('a word'))
    .min(1)
    .optional()
    .meta({
      description:
        'a program of your own and its arguments, which ends with 0 where all is well; it finds what was restored by PGHOST, PGDATABASE and the like, or by LOWTIDE_RESTORED',
      examples: [['./check-orders.sh']],
    }),
  env: variablesSchema.default({}).describe('variables for that command: the place for its secrets'),
  timeout: duration.prefault('1h').describe('how long that command may take'),
  max_restore_time: duration.optional().describe('a restore that takes longer fails the drill (RTO)'),
  max_data_age: duration.optional().describe('data that is older when the drill begins fails it (RPO)'),
});

const usualDurationMs = 30 * 60_000;

export const scheduleSchema = z
  .strictObject({
    id: name.describe('the name of the schedule, in backups, metrics and commands'),
    source: sourceSchema.describe('what is backed up'),
    host: name
      .optional()
      .describe(
        'the host whose load counts, a name under load.hosts: that of a remote database; absent: this one',
      ),
    every: interval.optional().describe('the time between two backups; either this or cron'),
    cron: cron
      .optional()
      .describe('when a backup is due: minute, hour, day, month, weekday; either this or every'),
    window: windowOfDay
      .optional()
      .describe('when a backup may start, local to timezone; it may cross midnight; absent: at any time'),
    timezone: timezone.optional().meta({
      description: "the zone of window and cron; absent: the host's",
      examples: ['Europe/Madrid', 'UTC'],
    }),
    priority: z
      .enum(['critical', 'high', 'medium', 'low'])
      .default('medium')
      .describe('which of several due backups goes first'),
    max_delay: duration.prefault('6h').describe('how long after its window a backup may still start'),
    on_deadline: z
      .enum(['run', 'skip'])
      .default('run')
      .describe(
        'what becomes of a backup that the load still holds up when its time is over: run starts it all the same, skip passes it over',
      ),
    run: z
      .strictObject({
        nice: z
          .int()
          .min(0)
          .max(19)
          .default(10)
          .describe(
            'how far its programs stand back for others at the processors, as in nice(1); 0: not at all',
          ),
        io_priority: z
          .enum(['normal', 'low', 'idle'])
          .default('low')
          .describe(
            'how far they stand back at the disk, where its scheduler heeds that: low is the lowest of the best-effort class, idle only what nobody else wants',
          ),
        pause: z
          .boolean()
          .default(true)
          .describe('whether it is stopped in short turns while the host is above load.slow_down'),
      })
      .prefault({})
      .describe('how a run makes way for the host'),
    estimated_duration: duration
      .optional()
      .describe(
        'how long a backup takes: a first guess, learned from runs afterwards; absent: 30m, or every where that is shorter',
      ),
    resources: z
      .strictObject({
        cpu: ratio.default(0.25).describe("share of the host's processors, above 0 up to 1"),
        memory: ratio.default(0.1).describe("share of the host's memory, above 0 up to 1"),
      })
      .prefault({})
      .describe('what a run takes of the host'),
    stores: z
      .array(z.string().describe('a name under stores'))
      .min(1)
      .default([])
      .meta({
        description:
          'where each backup is stored: names under stores; none where another tool keeps the backups (restic, pgbackrest)',
        examples: [['local']],
      }),
    network: name
      .optional()
      .describe('the network its bytes go over, a name under networks; absent: none that is counted'),
    server: name
      .optional()
      .describe('the database server that it dumps, a name under servers; absent: none that is counted'),
    pool: name
      .optional()
      .describe(
        'the pool whose schedule it is, one of pools: each run is made by one of its hosts; absent: this host makes them',
      ),
    keep: keepSchema
      .optional()
      .describe(
        'how many backups stay in each store, per period; one that no rule keeps is pruned, never the last good one; absent: all stay',
      ),
    verify: z
      .strictObject({
        after_backup: z
          .boolean()
          .default(true)
          .describe('whether each backup is read back, opened and compared right after it was stored'),
        full_read: weekOrMore
          .optional()
          .describe(
            'within what time, 7d or more, every copy in every store is read in full and compared with what was stored, some each day; absent: never by itself',
          ),
        drill: cronOrInterval
          .optional()
          .describe(
            'when the newest backup is restored for practice: a cron pattern, or the time between two drills; absent: never by itself',
          ),
        drill_into: z
          .string()
          .min(1)
          .optional()
          .meta({
            description:
              'the URL of a database server where drills make a database of their own and drop it again; absent: PostgreSQL, MariaDB and MySQL are restored into a server that the drill starts',
            examples: ['${env:SCRATCH_URL}'],
            writeOnly: true,
          }),
        drill_checks: drillChecksSchema
          .optional()
          .describe('what a drill looks at once it has restored; absent: that all can be read'),
      })
      .prefault({})
      .describe('how backups are proven'),
  })
  .meta({
    description: 'a schedule',
    // For editors alone: read.ts has the better message.
    oneOf: [{ required: ['every'] }, { required: ['cron'] }],
  });

/** What a token may be used for beyond reading, where its `grafana_logins` say so. */
const grantableActions = [
  'run',
  'pause',
  'skip',
  'cancel',
  'verify',
  'rotate',
  'restore',
  'schedules',
  'keys',
  'hosts',
] as const;

const tokenSchema = z.strictObject({
  name: name.describe('the name of the token in the audit log'),
  role: z
    .enum(['viewer', 'operator', 'admin'])
    .describe(
      'viewer reads; operator also runs, pauses, verifies, rotates and cancels; admin also restores, changes schedules, retires keys and forgets hosts',
    ),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, {
      error: 'is no token: at least 16 characters, without blanks; openssl rand -hex 32 makes one',
    })
    .meta({
      description:
        'the secret itself, at least 16 characters, best given by ${file:}; openssl rand -hex 32 makes one',
      examples: ['${file:/run/secrets/grafana-token}'],
      writeOnly: true,
    }),
  grafana_logins: z
    .record(
      // What HTTP leaves of a header has no space around it.
      z.string().regex(/^(?! )[^\p{C}]{1,190}(?<! )$/u, { error: 'cannot be a login' }),
      z
        .array(z.enum(['all', ...grantableActions]).describe('an action'))
        .describe('what this login may do beyond reading, within the role'),
    )
    .optional()
    .meta({
      description:
        'for a Grafana without fine-grained roles: who of its logins may do what, by X-Grafana-User; others, and requests without a login, read only; absent: the role alone decides',
      examples: [{ alice: ['all'], bob: ['run', 'pause'] }],
    }),
});

const restoreTargetSchema = z.strictObject({
  to: z
    .string()
    .min(1)
    .meta({
      description:
        'a folder, a file, or the URL of a database; a password is best given by ${env:} or ${file:}',
      examples: ['/srv/restored', 'postgres://restore@localhost/scratch'],
      writeOnly: true,
    }),
  overwrite: z
    .boolean()
    .default(false)
    .describe('whether a restore that asks for it (force) may replace what is there'),
});

export const configSchema = z.strictObject({
  instance: z
    .string()
    .min(1)
    .max(128)
    .regex(/^(?!\*$)[^\p{Cc}\p{Cs}]+$/u, {
      error: 'cannot be a name: `*` means all hosts, and there may be no control characters in it',
    })
    .optional()
    .describe("the name of this host in manifests and metrics; absent: the host's name"),
  state: stateLocation.default('./data/state').meta({
    description:
      'where runs, backups and events are kept: a folder of this host, or the URL of a PostgreSQL (from 14 on) that several hosts share, postgres://user:password@host:5432/database; a password is best given by ${env:} or ${file:}',
    examples: ['./data/state', '${env:LOWTIDE_STATE_URL}'],
    writeOnly: true,
  }),
  local: path
    .optional()
    .describe(
      'the folder for what this host needs for itself: scratch files, and what a restore replaces; absent: the folder of state, or ./data/local where that is a PostgreSQL',
    ),
  server: z
    .strictObject({
      listen: z.string().default('127.0.0.1:10210').describe('host:port of the metrics and the API'),
      web_config_file: path
        .optional()
        .describe(
          "TLS and basic auth, in the format of Prometheus' exporter-toolkit; read again when it changes",
        ),
      tokens: z
        .array(tokenSchema.describe('a token'))
        .default([])
        .describe(
          'who may use the API, beside the tokens of lowtide token create; without any token: reading from this host only',
        ),
      cors_origins: z
        .array(
          z
            .string()
            .regex(/^https?:\/\/[a-z0-9.-]+(:[0-9]{1,5})?$/, {
              error: 'is no origin: write scheme and host, as in https://grafana.example.org',
            })
            .describe('an origin'),
        )
        .default([])
        .describe('web pages of these origins may call the API from a browser'),
    })
    .prefault({})
    .describe('the HTTP side'),
  encryption: z
    .strictObject({
      keystore: path.default('./data/keys').describe('the folder of the keys'),
      passphrase: z
        .string()
        .min(1)
        .optional()
        .meta({
          description: 'protects the keys at rest; without it no key can be made or used',
          examples: ['${file:/run/secrets/keystore}'],
          writeOnly: true,
        }),
      recovery_recipients: z
        .array(recipient.describe('an age recipient, age1… or age1pq1…'))
        .default([])
        .describe('every backup is also sealed to these, whose keys lie elsewhere'),
      rotation: z
        .strictObject({
          every: cronOrInterval.describe(
            'when the key is changed: a cron pattern, or the age at which a key is followed by another',
          ),
          mode: z
            .enum(['rotate', 'rewrap', 'reencrypt'])
            .default('rewrap')
            .describe(
              'what becomes of stored backups: rotate leaves them, rewrap gives them new headers, reencrypt writes them anew',
            ),
          days_back: z
            .int()
            .min(1)
            .optional()
            .describe('older backups are left as they are, in days; absent: all are given to the new key'),
          at_low_tide: z
            .boolean()
            .default(false)
            .describe(
              'whether it waits while the host is busier than load.high_water, for a day at most; then it goes on whatever the load',
            ),
          limit_rate: z
            .int()
            .min(1)
            .optional()
            .describe('at most so many MiB a second are encrypted anew; absent: as quickly as it goes'),
        })
        .optional()
        .describe(
          'lets lowtide serve change the key by itself, and retire old keys that no backup needs any more; absent: only by hand',
        ),
      config_copy: z
        .enum(['full', 'as_written', 'none'])
        .default('full')
        .describe(
          'the copy of this file that each store keeps, sealed to recovery_recipients (without any: to the active key): full has what ${env:} and ${file:} stand for as well, as_written has the file alone',
        ),
      max_key_age: duration
        .optional()
        .describe('an older active key is a failing health check; absent: keys may have any age'),
    })
    .prefault({})
    .describe('how backups are sealed'),
  load: loadSchema,
  stores: z
    .record(name, storeSchema)
    .default({})
    .describe('places for backups, by name; none are needed where other tools keep all of them'),
  networks: z
    .record(name, networkSchema)
    .default({})
    .describe('networks that backups share, by name: schedules say which they go over'),
  servers: z
    .record(name, serverSchema)
    .default({})
    .describe('database servers that several schedules dump, by name'),
  pools: z
    .array(name.describe('the label of a pool'))
    .default([])
    .meta({
      description:
        'the pools this host belongs to: it may run what belongs to them, as may all others that share its PostgreSQL and name them',
      examples: [['workers']],
    }),
  restore_targets: z
    .record(name, restoreTargetSchema.describe('a place to restore to'))
    .default({})
    .describe('where the API may restore to, by name'),
  drills: z
    .strictObject({
      folder: path
        .default('/var/tmp')
        .describe(
          'where drills put what they restore, in a folder of their own that is removed again: there has to be room for the largest backup',
        ),
    })
    .prefault({})
    .describe('restores for practice (verify.drill of a schedule)'),
  schedules: z.array(scheduleSchema).describe('what is backed up, when and where to'),
});

type Written = z.output<typeof configSchema>;
type WrittenSchedule = Written['schedules'][number];

/** One schedule, with what the file leaves to the host filled in. Durations are milliseconds. */
export type ScheduleConfig = WrittenSchedule & {
  readonly timezone: string;
  readonly estimated_duration: number;
};
/** What the program works with: after defaults, secrets and paths, and frozen by read.ts. */
export type Config = Omit<Written, 'instance' | 'local' | 'schedules'> & {
  readonly instance: string;
  readonly local: string;
  readonly schedules: readonly ScheduleConfig[];
};
/** As the schema leaves it: read.ts adds what depends on the host and on where the file lies. */
export type WrittenConfig = Written;
export type SourceConfig = ScheduleConfig['source'];
/** A source whose backups another tool keeps. */
export type RepositoryConfig = Extract<SourceConfig, { type: RepositoryType }>;
/** One that is dumped. */
export type DumpedConfig = Exclude<SourceConfig, RepositoryConfig>;
export type StoreConfig = Config['stores'][string];
export type KeepConfig = NonNullable<ScheduleConfig['keep']>;
/** The rules for one store. */
export type KeepRules = Omit<KeepConfig, 'stores'>;
/** Minutes after local midnight. Equal ends mean the whole day. */
export type Window = NonNullable<ScheduleConfig['window']>;

/** A schedule never runs twice at a time: no more of a plan is kept for it than there is from one run to the next. */
export function estimatedDuration(schedule: Pick<WrittenSchedule, 'every' | 'estimated_duration'>): number {
  return schedule.estimated_duration ?? Math.min(usualDurationMs, schedule.every ?? Infinity);
}
