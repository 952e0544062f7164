import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../process/child.ts';
import type { ChildEnd } from '../process/command.ts';
import { postgresTarget } from '../run/restore/postgres.ts';
import type { CopyReader, RestoreTarget, TargetOptions } from '../run/restore/target.ts';
import {
  postgresEnvironment,
  parsePostgresUrl,
  type PostgresConnection,
} from '../source/postgres/connection.ts';
import { redacted } from '../source/verdict.ts';
import { sumOf, type DrillPlace } from './place.ts';
import { programIn } from './postgres-programs.ts';
import { startPostgresServer } from './postgres-server.ts';
import type { ScratchServerOptions } from './scratch-server.ts';

type Environment = Readonly<Record<string, string>>;

/** A PostgreSQL of the drill's own. The backup's roles are made there first, so that owners and rights are tried as well. */
export async function postgresServerPlace(
  options: ScratchServerOptions & { readonly hasGlobals: boolean; readonly target: TargetOptions },
): Promise<DrillPlace> {
  const server = await startPostgresServer(options);
  const { connection, programs } = server;
  const inner = postgresTarget(connection, {
    ...options.target,
    leaveOut: options.hasGlobals ? ['tablespaces'] : ['owners', 'tablespaces'],
  });
  return {
    ...databasePlace({ connection, env: connection.env, programs, signal: options.signal }),
    target: { ...inner, restore: (copy) => restoreWithRoles(inner, copy, connection.env, options.signal) },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A database that is made on the server that the config names, and dropped again. */
export async function postgresUrlPlace(
  url: string,
  name: string,
  target: TargetOptions,
): Promise<DrillPlace> {
  const { signal, scratch } = target;
  const admin = parsePostgresUrl(url);
  const env = { ...(await postgresEnvironment(admin, scratch)) };
  await statement(admin, env, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`, signal);
  const connection: PostgresConnection = {
    ...admin,
    label: admin.label.replace(/\/[^/?]*(\?|$)/, `/${name}$1`),
    database: name,
    env: { ...admin.env, PGDATABASE: name },
  };
  return {
    ...databasePlace({ connection, env: { ...env, PGDATABASE: name }, programs: undefined, signal }),
    target: postgresTarget(connection, { ...target, leaveOut: ['owners', 'tablespaces'] }),
    // Also when the drill was given up.
    [Symbol.asyncDispose]: () => dropDatabase(admin, env, name),
  };
}

/** What a drill that was killed has left on a server. */
export async function dropPostgresDatabase(url: string, name: string, scratch: string): Promise<void> {
  const admin = parsePostgresUrl(url);
  await dropDatabase(admin, await postgresEnvironment(admin, scratch), name);
}

async function dropDatabase(admin: PostgresConnection, env: Environment, name: string): Promise<void> {
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`;
  await query(admin, env, end, undefined);
  await statement(admin, env, `DROP DATABASE IF EXISTS ${name}`, undefined);
}

interface DatabaseOptions {
  readonly connection: PostgresConnection;
  readonly env: Environment;
  readonly programs: string | undefined;
  readonly signal: AbortSignal;
}

/** All tables that are not the system's, each counted by a statement that the server writes itself. */
const countRows = String.raw`
  SELECT format('SELECT %L, count(*) FROM %I.%I', nspname || '.' || relname, nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
  \gexec
`;

function databasePlace({ connection, env, programs, signal }: DatabaseOptions) {
  const rows = async (): Promise<ReadonlyMap<string, number>> => {
    const lines = await query(connection, env, countRows, signal);
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf('|');
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
    );
  };
  return {
    rows,
    look: async () => sumOf(await rows()),
    environment: () => env,
    async amcheck(): Promise<string | undefined> {
      const argv = [
        programIn(programs, 'pg_amcheck'),
        '--no-password',
        '--install-missing',
        '--heapallindexed',
      ];
      const end = await runChild(
        { argv: [argv[0] ?? '', ...argv.slice(1), connection.database], env },
        { signal },
      );
      if (end.exitCode === 0) return undefined;
      // What is damaged is told on its standard output.
      const told = redacted({ ...end, stderr: `${end.stdout}\n${end.stderr}` }, [connection.password]);
      return describeEnd({ ...told, program: 'pg_amcheck' });
    },
  };
}

/** Roles come first, as owners and rights name them. Tablespaces are folders of another host, and left out. */
async function restoreWithRoles(
  inner: RestoreTarget,
  copy: CopyReader,
  env: Environment,
  signal: AbortSignal,
): ReturnType<RestoreTarget['restore']> {
  const globals = copy.manifest.parts.find(({ role }) => role === 'globals');
  const refused = globals === undefined ? [] : await makeRoles(copy.open(globals), env, signal);
  const restored = await inner.restore(copy);
  const warnings = restored.warnings.filter((warning) => !warning.startsWith('roles and tablespaces'));
  return { ...restored, warnings: [...warnings, ...refused] };
}

async function makeRoles(
  globals: AsyncIterable<Uint8Array>,
  env: Environment,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const text = Buffer.concat(await Array.fromAsync(globals)).toString('utf8');
  const sql = text
    .split('\n')
    .filter((line) => !/\bTABLESPACE\b/.test(line) && !/^\\(?:un)?restrict/.test(line))
    .join('\n');
  const argv = ['psql', '-XAtqw', '--dbname=postgres', '--file=-'] as const;
  const end = await runChild({ argv: [...argv], env }, { signal, input: sql });
  // Settings of extensions that are not here are refused, and the rest goes on.
  const refused = end.stderr.split('\n').filter((line) => line.includes('ERROR:')).length;
  return refused === 0
    ? []
    : [`${refused} statements about roles could not be repeated on the scratch server`];
}

async function statement(
  connection: PostgresConnection,
  env: Environment,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await query(connection, env, sql, signal);
}

async function query(
  connection: PostgresConnection,
  env: Environment,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const argv = ['psql', '-XAtqw', '--set=ON_ERROR_STOP=1', '--file=-'] as const;
  const end: ChildEnd & { readonly stdout: string } = await runChild(
    { argv: [...argv], env },
    { input: sql, ...(signal !== undefined && { signal }) },
  );
  if (end.exitCode !== 0) {
    const told = describeEnd(redacted(end, [connection.password]));
    throw new LowtideError('restore_failed', `${connection.label}: ${told}`, {
      hint: 'The user of verify.drill_into has to be able to make and drop databases (CREATEDB).',
    });
  }
  return end.stdout.split('\n').filter((line) => line !== '');
}
