import { LowtideError } from '../errors/lowtide-error.ts';
import { runChild } from '../process/child.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import type { Dump, DumpPart, Source, SourceContext } from './source.ts';
import { parsePostgresUrl, postgresEnvironment, type PostgresConnection } from './postgres/connection.ts';
import { postgresTroubles } from './postgres/troubles.ts';
import { toolVersion } from './tool.ts';
import { failure, firstLines, redacted, stderrLines } from './verdict.ts';

export interface PostgresSourceOptions {
  readonly url: string;
  /** auto: roles and tablespaces of the cluster become a second part. */
  readonly globals: 'auto' | 'none';
}

/** How long pg_dump waits for a table that an ALTER or TRUNCATE holds, rather than for ever. */
const lockWait = '5min';

/** A PostgreSQL database, dumped by `pg_dump` in its custom format, uncompressed: zstd does that better. */
export function postgresSource(options: PostgresSourceOptions): Source {
  const connection = parsePostgresUrl(options.url);
  return {
    type: 'postgres',
    kind: 'database',
    label: connection.label,
    async check({ scratch, signal }) {
      await look(connection, await postgresEnvironment(connection, scratch), signal);
    },
    async prepare(context) {
      return prepare(connection, options.globals, context);
    },
  };
}

async function prepare(
  connection: PostgresConnection,
  globals: PostgresSourceOptions['globals'],
  { scratch, signal }: SourceContext,
): Promise<Dump> {
  const env = await postgresEnvironment(connection, scratch);
  const server = await look(connection, env, signal);
  const judge = judgeBy(connection);
  const main: DumpPart = { role: 'main', format: 'pg_custom', input: { command: dumpCommand(env) }, judge };
  const tools = { pg_dump: server.pgDump, server: `PostgreSQL ${server.version}` };
  if (globals === 'none') return { parts: [main], tools };
  const command = globalsCommand(connection, env, server.mayReadPasswords);
  return {
    parts: [main, { role: 'globals', format: 'sql', input: { command }, judge }],
    tools: { ...tools, pg_dumpall: await toolVersion('pg_dumpall', signal, env) },
  };
}

function dumpCommand(env: Readonly<Record<string, string>>): Command {
  return {
    argv: ['pg_dump', '--format=custom', '--compress=0', `--lock-wait-timeout=${lockWait}`, '--no-password'],
    env,
  };
}

function globalsCommand(
  { database }: PostgresConnection,
  env: Readonly<Record<string, string>>,
  mayReadPasswords: boolean,
): Command {
  // The name goes in as a connection string, or else a database called `a=b` would be read as one.
  const conninfo = `dbname='${database.replaceAll(/['\\]/g, (character) => `\\${character}`)}'`;
  const argv: Command['argv'] = [
    'pg_dumpall',
    '--globals-only',
    `--database=${conninfo}`,
    `--lock-wait-timeout=${lockWait}`,
    '--no-password',
    ...(mayReadPasswords ? [] : ['--no-role-passwords']),
  ];
  return { argv, env };
}

interface ServerFacts {
  readonly version: string;
  readonly mayReadPasswords: boolean;
  readonly pgDump: string;
}

/** Asks the server once for what decides how to dump. */
async function look(
  connection: PostgresConnection,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const pgDump = await toolVersion('pg_dump', signal, env);
  const sql =
    "SELECT current_setting('server_version_num'), has_table_privilege('pg_catalog.pg_authid', 'SELECT'), " +
    "current_setting('server_version')";
  const end = await runChild({ argv: ['psql', '-XAtw', '--command', sql], env }, { signal });
  // psql: 2 where the connection is bad, 1 for errors of SQL.
  if (end.exitCode !== 0)
    throw failure(redacted(end, [connection.password]), postgresTroubles, 'source_unreachable');
  const [number = '', mayRead, version = ''] = end.stdout.trim().split('|');
  refuseOlderTool(pgDump, Number(number), version);
  return { version, mayReadPasswords: mayRead === 't', pgDump };
}

/** Said before the run rather than by pg_dump in the middle of it. Versions count in hundreds of thousands: 150018. */
function refuseOlderTool(pgDump: string, serverNumber: number, serverVersion: string): void {
  const toolMajor = Number(/\(PostgreSQL\) (\d+)/.exec(pgDump)?.[1]);
  const serverMajor = Math.floor(serverNumber / 10_000);
  if (!(toolMajor < serverMajor)) return;
  throw new LowtideError('tool_missing', `pg_dump ${toolMajor} is older than the server (${serverVersion})`, {
    hint: `Install PostgreSQL's client programs of version ${serverMajor}: apt-get install postgresql-client-${serverMajor}`,
  });
}

/** Whole is: exit code 0 and no line `pg_dump: error: …`. Other lines are warnings (circular foreign keys). */
function judgeBy({ password }: PostgresConnection): (end: ChildEnd) => readonly string[] {
  return (rawEnd) => {
    const end = redacted(rawEnd, [password]);
    const lines = stderrLines(end);
    if (end.exitCode !== 0 || lines.some((line) => /^pg_dump(all)?: (error|fatal):/.test(line))) {
      throw failure(end, postgresTroubles);
    }
    return firstLines(lines);
  };
}
