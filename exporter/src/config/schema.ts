import { z } from 'zod';
import { loadSchema } from './load-schema.ts';
import { networkSchema, serverSchema } from './limits-schema.ts';
import { cronOrInterval, duration, name, path, recipient, stateLocation } from './scalars.ts';
import { scheduleSchema } from './schedule-schema.ts';
import type { RepositoryType } from '../source/repository.ts';
import { storeSchema } from './store-schema.ts';

/**
 * The shape of `lowtide.yaml`. The JSON Schema that ships with the package is generated from here (the input side:
 * durations are still text), and so are the tables of docs/configuration.md: every key has its sentence.
 * `writeOnly` is JSON Schema's mark for a secret.
 */

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

/** A folder. */
export const usualState = './data/state';

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
  state: stateLocation.default(usualState).meta({
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
