import { LowtideError } from '../../errors/lowtide-error.ts';
import { runChild, startChild } from '../../process/child.ts';
import type { ChildEnd, Command } from '../../process/command.ts';
import { postgresEnvironment, type PostgresConnection } from '../../source/postgres/connection.ts';
import { failure, firstLines, redacted, stderrLines } from '../../source/verdict.ts';
import { feedChild } from '../feed.ts';
import { postgresRestoreTroubles } from './postgres-troubles.ts';
import type { CopyReader, Restored, RestoreTarget, TargetOptions } from './target.ts';

/**
 * A PostgreSQL database, restored by `pg_restore` in one transaction: whatever ends it before its end, the server takes it
 * all back. The archive comes by a pipe and its last piece only once the content has been found whole, so a copy that
 * goes bad between the pass that verifies and the one that restores is not committed either.
 */
export function postgresTarget(connection: PostgresConnection, options: TargetOptions): RestoreTarget {
  return {
    async check() {
      await checkDatabase(connection, options);
    },
    async restore(copy) {
      return await restore(connection, copy, options);
    },
  };
}

/** What was made with the cluster has lower numbers (access/transam.h); those of large objects people may choose. */
const firstUserObject = 16_384;
const objectsNamed = 5;

/**
 * What people have put into the database: relations, functions, types, schemas and large objects, but for those that came
 * with an extension. Types that stand for a table, and what hangs on tables, go with them.
 */
const userObjects = `
  SELECT name FROM (
    SELECT 'pg_class'::regclass AS class, oid, format('%s.%s', relnamespace::regnamespace, relname) AS name
      FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT 'pg_proc'::regclass, oid, format('%s.%s()', pronamespace::regnamespace, proname) FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, format('%s.%s', typnamespace::regnamespace, typname)
      FROM pg_type WHERE typtype IN ('d', 'e', 'r')
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspname::text FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, format('large object %s', oid) FROM pg_largeobject_metadata
  ) AS objects
  WHERE (oid >= ${firstUserObject} OR class = 'pg_largeobject'::regclass) AND name !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = oid AND d.deptype = 'e')
  ORDER BY name LIMIT ${objectsNamed + 1}`;

async function checkDatabase(
  connection: PostgresConnection,
  { force, scratch, signal }: TargetOptions,
): Promise<void> {
  const env = await postgresEnvironment(connection, scratch);
  const argv: Command['argv'] = ['psql', '-XAtw', '--set=ON_ERROR_STOP=1', '--command', userObjects];
  const end = await runChild({ argv, env }, { signal });
  if (end.exitCode !== 0) throw restoreFailure(connection, end);
  const objects = end.stdout.split('\n').filter((line) => line !== '');
  if (objects.length === 0 || force) return;
  const named = objects.slice(0, objectsNamed).join(', ') + (objects.length > objectsNamed ? ', …' : '');
  throw new LowtideError('restore_target_exists', `${connection.label} is not empty: it has ${named}`, {
    hint: 'Restore into a new database (createdb), or give --force: what the backup has is then dropped and made anew.',
  });
}

async function restore(
  connection: PostgresConnection,
  copy: CopyReader,
  options: TargetOptions,
): Promise<Restored> {
  const checked = await copy.verify();
  // It may have taken hours, and somebody may have begun to use the database.
  await checkDatabase(connection, options);
  const env = await postgresEnvironment(connection, options.scratch);
  const child = startChild({ argv: restoreArgv(options), env }, { stdin: 'pipe', signal: options.signal });
  let end: ChildEnd;
  try {
    await feedChild(child, copy.open(copy.manifest.parts[0]));
    end = await child.end;
  } finally {
    child.stop();
    child.stdin?.destroy();
    await Promise.allSettled([child.end]);
  }
  options.signal.throwIfAborted();
  if (end.exitCode !== 0) throw restoreFailure(connection, end);
  const said = firstLines(stderrLines(redacted(end, [connection.password])));
  return { restored: [connection.label], warnings: [...checked, ...said, ...globalsNote(copy)] };
}

function restoreArgv({ force, leaveOut = [] }: TargetOptions): Command['argv'] {
  return [
    'pg_restore',
    '--single-transaction',
    '--exit-on-error',
    '--no-password',
    ...(force ? ['--clean', '--if-exists'] : []),
    ...(leaveOut.includes('owners') ? ['--no-owner', '--no-privileges'] : []),
    ...(leaveOut.includes('tablespaces') ? ['--no-tablespaces'] : []),
    // Asked to connect, but not where to: that is in the environment.
    '--dbname=',
  ];
}

/** Roles are the server's and not the database's: to make or change them is for its administrator. */
function globalsNote({ manifest }: CopyReader): readonly string[] {
  if (!manifest.parts.some((part) => part.role === 'globals')) return [];
  return [
    `roles and tablespaces were not restored; to see them: lowtide restore ${manifest.id} --to ./${manifest.id}.pgdump`,
  ];
}

/** The error comes first, and behind it hints for those who type SQL, and the command. */
function withoutTalk(end: ChildEnd): ChildEnd {
  const told = stderrLines(end).filter((line) => /(error|ERROR|FATAL|DETAIL):/.test(line));
  return told.length === 0 ? end : { ...end, stderr: told.join('\n') };
}

function restoreFailure(connection: PostgresConnection, end: ChildEnd): LowtideError {
  const said = failure(
    withoutTalk(redacted(end, [connection.password])),
    postgresRestoreTroubles(connection),
    'restore_failed',
  );
  return new LowtideError(said.code, `${connection.label}: ${said.message}`, {
    ...(said.hint !== undefined && { hint: said.hint }),
    retryable: said.retryable,
  });
}
