import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { formatHosts, parseDatabaseUrl, type DatabaseUrl } from '../database-url.ts';

/**
 * How PostgreSQL's programs are told where to connect: the environment variables of libpq, and a password file.
 * Nothing is left for argv. Source: postgresql.org/docs/current/libpq-envars.html.
 */
export interface PostgresConnection {
  /** `postgres://db1:5432/app` */
  readonly label: string;
  readonly database: string;
  readonly password: string | undefined;
  /** Without the password. */
  readonly env: Readonly<Record<string, string>>;
}

/** A server that accepts the connection and then says nothing is given up after so many seconds. */
const connectTimeoutSeconds = 15;

const parameterVariables: Readonly<Record<string, string>> = {
  application_name: 'PGAPPNAME',
  channel_binding: 'PGCHANNELBINDING',
  client_encoding: 'PGCLIENTENCODING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  dbname: 'PGDATABASE',
  gssdelegation: 'PGGSSDELEGATION',
  gssencmode: 'PGGSSENCMODE',
  gsslib: 'PGGSSLIB',
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  krbsrvname: 'PGKRBSRVNAME',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  options: 'PGOPTIONS',
  passfile: 'PGPASSFILE',
  port: 'PGPORT',
  require_auth: 'PGREQUIREAUTH',
  requirepeer: 'PGREQUIREPEER',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  sslcert: 'PGSSLCERT',
  sslcertmode: 'PGSSLCERTMODE',
  sslcompression: 'PGSSLCOMPRESSION',
  sslcrl: 'PGSSLCRL',
  sslcrldir: 'PGSSLCRLDIR',
  sslkey: 'PGSSLKEY',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslsni: 'PGSSLSNI',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  user: 'PGUSER',
};

/** Throws `config_invalid` for a URL that cannot be read, names no database or has a parameter that is not libpq's. */
export function parsePostgresUrl(text: string): PostgresConnection {
  const url = parseDatabaseUrl(text, ['postgres', 'postgresql']);
  const env: Record<string, string> = {
    PGAPPNAME: 'lowtide',
    PGCONNECT_TIMEOUT: String(connectTimeoutSeconds),
  };
  if (url.hosts.some(({ host }) => host !== '')) env['PGHOST'] = url.hosts.map(({ host }) => host).join(',');
  if (url.hosts.some(({ port }) => port !== undefined)) {
    env['PGPORT'] = url.hosts.map(({ port }) => port ?? '').join(',');
  }
  if (url.user !== undefined) env['PGUSER'] = url.user;
  if (url.database !== '') env['PGDATABASE'] = url.database;
  for (const [name, value] of url.parameters) {
    if (name === 'password') continue;
    if (name === 'ssl' && value === 'true') env['PGSSLMODE'] = 'require';
    else env[variableOf(name)] = value;
  }
  const database = env['PGDATABASE'];
  if (database === undefined) {
    throw new LowtideError('config_invalid', 'the database URL names no database', {
      hint: 'Write it behind the host: postgres://user@host:5432/database',
    });
  }
  const password = url.parameters.get('password') ?? url.password;
  return { label: labelOf(url, env, database), database, password, env };
}

/**
 * Writes the password into a file only its owner may read, and gives the environment for PostgreSQL's programs. A
 * URL without a password leaves the search to libpq (`~/.pgpass`, peer authentication on a socket, certificates).
 */
export async function postgresEnvironment(
  { env, password }: PostgresConnection,
  scratch: string,
): Promise<Readonly<Record<string, string>>> {
  if (password === undefined) return env;
  const file = join(scratch, 'pgpass');
  await writeFile(file, `*:*:*:*:${password.replaceAll(/[\\:]/g, (character) => `\\${character}`)}\n`, {
    mode: 0o600,
  });
  return { ...env, PGPASSFILE: file };
}

function variableOf(parameter: string): string {
  const variable = Object.hasOwn(parameterVariables, parameter) ? parameterVariables[parameter] : undefined;
  if (variable !== undefined) return variable;
  throw new LowtideError(
    'config_invalid',
    `the database URL has a parameter that libpq has no variable for: ${parameter}`,
    {
      hint: 'Leave out what only an application or its driver understands (schema, pgbouncer, pool sizes).',
    },
  );
}

function labelOf(url: DatabaseUrl, env: Readonly<Record<string, string>>, database: string): string {
  const name = encodeURIComponent(database);
  const host = url.parameters.get('host') ?? url.parameters.get('hostaddr');
  if (host === undefined) {
    const isSocket = url.hosts.every(({ host: each }) => each === '' || each.startsWith('/'));
    if (!isSocket) return `postgres://${formatHosts(url.hosts, 5432)}/${name}`;
    const folder = env['PGHOST'];
    return folder === undefined ? `postgres:///${name}` : `postgres:///${name}?host=${folder}`;
  }
  if (host.startsWith('/')) return `postgres:///${name}?host=${host}`;
  return `postgres://${formatHosts([{ host, port: Number(env['PGPORT'] ?? 5432) }], 5432)}/${name}`;
}
