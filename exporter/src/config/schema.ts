import { z } from 'zod';
import {
  cron,
  duration,
  interval,
  name,
  path,
  ratio,
  recipient,
  stateFolder,
  timezone,
  windowOfDay,
} from './scalars.ts';

/**
 * The shape of `lowtide.yaml`. The JSON Schema that ships with the package is generated from here (the input side:
 * durations are still text), and so are the tables of docs/configuration.md: every key has its sentence.
 * `writeOnly` is JSON Schema's mark for a secret.
 */

const sourceType = (is: string) => `what is backed up: ${is}`;

const postgresSource = z.strictObject({
  type: z.literal('postgres').describe(sourceType('a PostgreSQL database, by pg_dump')),
  url: z.string().min(1).meta({
    description:
      'the database, postgres://user:password@host:port/database; the password is best given by ${env:} or ${file:}',
    writeOnly: true,
  }),
  globals: z
    .enum(['auto', 'none'])
    .default('auto')
    .describe(
      'auto: roles and tablespaces are stored beside the dump (with password hashes where the user may read them)',
    ),
});

const mysqlSource = z.strictObject({
  type: z.literal('mysql').describe(sourceType('a MySQL or MariaDB database, by mysqldump or mariadb-dump')),
  url: z.string().min(1).meta({
    description: 'the database, mysql://user:password@host:port/database, also for MariaDB',
    writeOnly: true,
  }),
});

const sqliteSource = z.strictObject({
  type: z.literal('sqlite').describe(sourceType('a SQLite database file, by its online backup')),
  path: path.describe('the database file; it may be in use'),
});

const directorySource = z.strictObject({
  type: z.literal('directory').describe(sourceType('a folder, by GNU tar')),
  path: path.describe('the folder, or a single file'),
  exclude: z
    .array(z.string().min(1).describe('a pattern'))
    .default([])
    .meta({
      description:
        'what is left out: a pattern with a slash counts from the folder on (var/cache), one without at any depth (*.tmp)',
      examples: [['*.tmp', 'var/cache']],
    }),
  unreadable: z
    .enum(['fail', 'skip'])
    .default('fail')
    .describe('fail: a file that cannot be read fails the run; skip: it is left out and named in a warning'),
});

const commandSource = z.strictObject({
  type: z.literal('command').describe(sourceType('what a command writes')),
  argv: z
    .array(z.string().describe('a word'))
    .min(1)
    .refine((argv) => argv[0] !== '', { error: 'has no program as its first word' })
    .meta({
      description: 'program and arguments; its standard output is the backup; no shell is involved',
      examples: [['redis-cli', '--rdb', '-']],
    }),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'cannot be the name of a variable' }),
      z.string().meta({ description: 'the value of a variable', writeOnly: true }),
    )
    .default({})
    .describe('variables for the command, on top of PATH, HOME and the like: the place for its secrets'),
});

const sourceSchema = z.discriminatedUnion('type', [
  postgresSource,
  mysqlSource,
  sqliteSource,
  directorySource,
  commandSource,
]);

const kept = (which: string) => z.int().min(1).max(10_000).optional().describe(`how many ${which} stay`);

const keepSchema = z.strictObject({
  last: kept('of the newest backups'),
  hourly: kept('hours with a backup (its newest)'),
  daily: kept('days with a backup (its newest)'),
  weekly: kept('weeks with a backup (its newest)'),
  monthly: kept('months with a backup (its newest)'),
  yearly: kept('years with a backup (its newest)'),
});

const scheduleSchema = z
  .strictObject({
    id: name.describe('the name of the schedule, in backups, metrics and commands'),
    source: sourceSchema.describe('what is backed up'),
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
    estimated_duration: duration
      .prefault('30m')
      .describe('how long a backup takes: a first guess, learned from runs afterwards'),
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
      .meta({ description: 'where each backup is stored: names under stores', examples: [['local']] }),
    keep: keepSchema
      .optional()
      .describe(
        'how many backups stay, per period; one that no rule keeps is pruned, never the last good one; absent: all stay',
      ),
    verify: z
      .strictObject({
        after_backup: z
          .boolean()
          .default(true)
          .describe('whether each backup is read back, opened and compared right after it was stored'),
      })
      .prefault({})
      .describe('how backups are proven'),
  })
  .meta({
    description: 'a schedule',
    // For editors alone: read.ts has the better message.
    oneOf: [{ required: ['every'] }, { required: ['cron'] }],
  });

const directoryStore = z.strictObject({
  type: z.literal('directory').describe('the kind of store: a folder'),
  path: path.describe('the folder, made where it is missing; not inside of what is backed up'),
});

export const configSchema = z.strictObject({
  instance: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe("the name of this host in manifests and metrics; absent: the host's name"),
  state: stateFolder.default('./data/state').describe('the folder of the catalog: runs, backups, events'),
  server: z
    .strictObject({
      listen: z.string().default('127.0.0.1:10210').describe('host:port of the metrics and the API'),
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
    })
    .prefault({})
    .describe('how backups are sealed'),
  stores: z
    .record(name, z.discriminatedUnion('type', [directoryStore]).describe('a place for backups'))
    .describe('places for backups, by name'),
  schedules: z.array(scheduleSchema).describe('what is backed up, when and where to'),
});

type Written = z.output<typeof configSchema>;
type WrittenSchedule = Written['schedules'][number];

/** One schedule, with what the file leaves to the host filled in. Durations are milliseconds. */
export type ScheduleConfig = WrittenSchedule & { readonly timezone: string };
/** What the program works with: after defaults, secrets and paths, and frozen by read.ts. */
export type Config = Omit<Written, 'instance' | 'schedules'> & {
  readonly instance: string;
  readonly schedules: readonly ScheduleConfig[];
};
/** As the schema leaves it: read.ts adds what depends on the host and on where the file lies. */
export type WrittenConfig = Written;
export type SourceConfig = ScheduleConfig['source'];
export type StoreConfig = Config['stores'][string];
export type KeepConfig = NonNullable<ScheduleConfig['keep']>;
/** Minutes after local midnight. Equal ends mean the whole day. */
export type Window = NonNullable<ScheduleConfig['window']>;
