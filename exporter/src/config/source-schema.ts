import { z } from 'zod';
import { path } from './scalars.ts';

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

export const sourceSchema = z.discriminatedUnion('type', [
  postgresSource,
  mysqlSource,
  sqliteSource,
  directorySource,
  commandSource,
]);
