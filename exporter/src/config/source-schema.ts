import { z } from 'zod';
import { duration, path } from './scalars.ts';

/** `source` of a schedule: what is backed up. */

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

export const variablesSchema = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'cannot be the name of a variable' }),
  z.string().meta({ description: 'the value of a variable', writeOnly: true }),
);

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
  env: variablesSchema
    .default({})
    .describe('variables for the command, on top of PATH, HOME and the like: the place for its secrets'),
});

const resticSource = z.strictObject({
  type: z
    .literal('restic')
    .describe(sourceType('folders, by restic, which keeps the backups in a repository of its own')),
  repository: z
    .string()
    .min(1)
    .meta({
      description:
        'the repository, as restic -r has it; it has to be there (restic init); credentials belong into env',
      examples: ['/srv/restic', 'sftp:backup@nas:/srv/restic', 's3:https://s3.eu-west-1.amazonaws.com/acme'],
    }),
  password: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        "the repository's password, best given by ${file:} or ${env:}; either this or password_file",
      examples: ['${file:/run/secrets/restic}'],
      writeOnly: true,
    }),
  password_file: path.optional().describe("the file with the repository's password; restic reads it itself"),
  env: variablesSchema
    .default({})
    .describe('variables for restic: the place for the credentials of a repository elsewhere'),
  paths: z
    .array(path.describe('a folder or a file'))
    .min(1)
    .meta({ description: 'what is backed up', examples: [['/home', '/etc']] }),
  exclude: z
    .array(z.string().min(1).describe('a pattern'))
    .default([])
    .meta({ description: 'what is left out: patterns as restic --exclude has them', examples: [['*.tmp']] }),
  tags: z
    .array(
      z
        .string()
        .regex(/^[^,\s]+$/, { error: 'cannot be a tag: no commas, no blanks' })
        .describe('a tag'),
    )
    .default([])
    .describe('further tags for the snapshots; that of the schedule, and of Lowtide, they have in any case'),
  check: duration
    .prefault('7d')
    .describe('after a backup, restic check looks at the repository where that was not done for so long'),
  read_data: z
    .string()
    .regex(/^(none|all|(100|[1-9]?[0-9])(\.[0-9]+)?%|[1-9][0-9]*[KMGT])$/, {
      error: 'is no share of the data: write none, all, a share like 2% or a size like 10G',
    })
    .default('2%')
    .describe(
      'how much of the stored data a check reads: none, all, a share (2%) or a size (10G), at random',
    ),
  prune: duration
    .prefault('7d')
    .describe(
      'after a backup, the room of forgotten snapshots is given back (restic prune) where that was not done for so long',
    ),
});

const pgbackrestSource = z.strictObject({
  type: z
    .literal('pgbackrest')
    .describe(
      sourceType('a PostgreSQL cluster, by pgBackRest, which keeps the backups in a repository of its own'),
    ),
  stanza: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, { error: 'cannot be the name of a stanza' })
    .meta({ description: 'the stanza; it has to be there (stanza-create)', examples: ['main'] }),
  config: path.optional().describe("pgBackRest's configuration file; absent: where pgBackRest looks itself"),
  repo: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('the number of the repository; absent: the first of its configuration'),
  backup: z
    .enum(['auto', 'full', 'diff', 'incr'])
    .default('auto')
    .describe(
      'what kind of backup is made; auto: incr, and full where the last full one is as old as full_every',
    ),
  full_every: duration.prefault('7d').describe('for auto: how old the last full backup may become'),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*\$?$/, { error: 'cannot be the name of a user' })
    .optional()
    .meta({
      description: 'the user that pgBackRest runs as, where Lowtide runs as root; absent: as Lowtide itself',
      examples: ['postgres'],
    }),
  env: variablesSchema
    .default({})
    .describe('variables for pgBackRest: PGPASSWORD, or options as PGBACKREST_REPO1_CIPHER_PASS'),
  check: duration
    .prefault('7d')
    .describe('after a backup, pgbackrest verify reads the repository where that was not done for so long'),
});

export const sourceSchema = z.discriminatedUnion('type', [
  postgresSource,
  mysqlSource,
  sqliteSource,
  directorySource,
  commandSource,
  resticSource,
  pgbackrestSource,
]);
