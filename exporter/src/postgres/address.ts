import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseDatabaseUrl } from '../source/database-url.ts';
import { parsePostgresUrl } from '../source/postgres/connection.ts';

/** Where to connect, as libpq would understand the URL and the environment together. */
export interface Address {
  readonly label: string;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly database: string;
  readonly user: string | undefined;
  /** Undefined: none is known; `~/.pgpass` may have one. */
  readonly password: string | undefined;
  /** `options` of libpq: settings of the session. */
  readonly options: string | undefined;
  readonly tls: { readonly options: ConnectionOptions; readonly orPlain: boolean } | undefined;
  readonly timeouts: { readonly connect?: number };
}

/**
 * `target_session_attrs` is read and not asked: whatever it says, only a primary is of use. Throws `config_invalid`; no
 * message holds a password.
 */
export function parseAddress(url: string, environment: NodeJS.ProcessEnv): Address {
  const connection = parsePostgresUrl(url);
  const settings: NodeJS.ProcessEnv = { ...environment, ...connection.env };
  refuseUnheeded(settings);
  const timeout = parseDatabaseUrl(url, ['postgres', 'postgresql']).parameters.get('connect_timeout');
  return {
    label: connection.label,
    hosts: hostsOf(settings),
    database: connection.database,
    user: settings['PGUSER'],
    password: connection.password ?? environment['PGPASSWORD'],
    options: settings['PGOPTIONS'],
    tls: tlsOf(settings),
    timeouts: timeout === undefined ? {} : { connect: Math.max(2, Number(timeout)) * 1000 },
  };
}

/** What asks for more security than the driver gives is not passed over as if it had been given. */
const unheeded: Readonly<Record<string, string>> = {
  PGREQUIREAUTH: 'require_auth',
  PGSSLCRL: 'sslcrl',
  PGSSLCRLDIR: 'sslcrldir',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGREQUIREPEER: 'requirepeer',
};

function refuseUnheeded(settings: NodeJS.ProcessEnv): void {
  const isAsked = (name: string): boolean => (settings[name] ?? '') !== '';
  const asked = Object.entries(unheeded).flatMap(([name, parameter]) => (isAsked(name) ? [parameter] : []));
  if (settings['PGCHANNELBINDING'] === 'require') asked.push('channel_binding=require');
  if (settings['PGGSSENCMODE'] === 'require') asked.push('gssencmode=require');
  if (asked.length === 0) return;
  throw new LowtideError(
    'config_invalid',
    `the connection to the state cannot be made with ${asked.join(', ')}`,
    {
      hint: 'Leave it out of the URL and the environment; sslmode=verify-full makes certain which server it is.',
    },
  );
}

export const defaultPort = 5432;
/** Where Debian's PostgreSQL has its socket. */
const socketFolder = '/var/run/postgresql';

function hostsOf(settings: NodeJS.ProcessEnv): Address['hosts'] {
  const hosts = (settings['PGHOSTADDR'] ?? settings['PGHOST'] ?? '').split(',');
  const ports = (settings['PGPORT'] ?? '').split(',');
  return hosts.map((host, index) => {
    // One port is for all hosts, as libpq has it.
    const port = ports.length === 1 ? ports[0] : ports[index];
    return {
      host: host === '' ? socketFolder : host,
      port: port === undefined || port === '' ? defaultPort : Number(port),
    };
  });
}

/** The modes of postgresql.org/docs/current/libpq-ssl.html. */
function tlsOf(settings: NodeJS.ProcessEnv): Address['tls'] {
  const mode = settings['PGSSLMODE'] ?? 'prefer';
  if (mode === 'disable') return undefined;
  if (!['allow', 'prefer', 'require', 'verify-ca', 'verify-full'].includes(mode)) {
    throw new LowtideError('config_invalid', 'the database URL has an sslmode that libpq does not know', {
      hint: 'It is one of disable, allow, prefer, require, verify-ca and verify-full.',
    });
  }
  const root = settings['PGSSLROOTCERT'];
  const isSystem = root === 'system';
  // As libpq: with a root certificate at hand, `require` asks for a chain that leads to it.
  const isVerified = mode.startsWith('verify') || isSystem || (mode === 'require' && root !== undefined);
  const isNamed = mode === 'verify-full' || isSystem;
  const options: ConnectionOptions = {
    rejectUnauthorized: isVerified,
    ...(root === undefined || isSystem || !isVerified ? {} : { ca: readPem(root, 'sslrootcert') }),
    ...(isNamed ? {} : { checkServerIdentity: () => undefined }),
    ...pemOf(settings, 'PGSSLCERT', 'sslcert', 'cert'),
    ...pemOf(settings, 'PGSSLKEY', 'sslkey', 'key'),
  };
  return { options, orPlain: mode === 'prefer' || mode === 'allow' };
}

function pemOf(
  settings: NodeJS.ProcessEnv,
  variable: string,
  parameter: string,
  option: 'cert' | 'key',
): ConnectionOptions {
  const path = settings[variable];
  return path === undefined ? {} : { [option]: readPem(path, parameter) };
}

function readPem(path: string, parameter: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new LowtideError('config_invalid', `cannot read ${path}, the ${parameter} of the database URL`, {
      cause: error,
    });
  }
}
