import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * `scheme://user:password@host:port/database?parameter=value`, read as libpq reads it: several hosts separated by
 * commas, IPv6 in brackets, a host may be absent or a percent-encoded socket folder. The platform's URL class does
 * none of these for database schemes. Source: postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
 */
export interface DatabaseUrl {
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Never empty; a host that was left out is ''. */
  readonly hosts: readonly DatabaseHost[];
  /** Without the slash; '' where the URL names none. */
  readonly database: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface DatabaseHost {
  readonly host: string;
  /** Undefined: the default of the database system. */
  readonly port: number | undefined;
}

const encodeHint = 'In user names and passwords, write / as %2F, @ as %40, ? as %3F, # as %23 and % as %25.';

/** Throws `config_invalid`; as anything in a broken URL may be a piece of the password, the message quotes nothing. */
export function parseDatabaseUrl(text: string, schemes: readonly string[]): DatabaseUrl {
  const scheme = schemes.find((candidate) => text.startsWith(`${candidate}://`));
  if (scheme === undefined) throw invalid(`does not start with ${schemes.join(':// or ')}://`);
  const rest = text.slice(scheme.length + 3);
  const [beforeQuery, query] = split(rest, rest.indexOf('?'));
  const [authority, path] = split(beforeQuery, beforeQuery.indexOf('/'));
  if (path.includes('@')) throw invalid('has an @ behind its first slash');
  const [login, hosts] = authority.includes('@')
    ? split(authority, authority.lastIndexOf('@'))
    : ['', authority];
  const [user, password] = split(login, login.indexOf(':'));
  return {
    user: user === '' ? undefined : decode(user),
    password: password === '' ? undefined : decode(password),
    hosts: hosts.split(',').map(parseHost),
    database: decode(path),
    parameters: parseParameters(query),
  };
}

/** `db1:5432,db2`, brackets around IPv6 addresses: for labels. */
export function formatHosts(hosts: readonly DatabaseHost[], defaultPort: number): string {
  return hosts
    .map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port ?? defaultPort}`)
    .join(',');
}

function parseHost(text: string): DatabaseHost {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(text);
  if (match === null) throw invalid('has a host or port that cannot be read');
  const port = match[3] === undefined || match[3] === '' ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65535)) throw invalid('has a port outside 1 to 65535');
  return { host: decode(match[1] ?? match[2] ?? ''), port };
}

function parseParameters(query: string): ReadonlyMap<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [name, value] = split(pair, pair.indexOf('='));
      return [decode(name), decode(value)];
    }),
  );
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw invalid('has a % that starts no UTF-8 escape');
  }
  // Neither an environment, nor a password file, nor an option file can carry these.
  if (/[\0\r\n]/.test(decoded)) throw invalid('holds a line break or a zero byte');
  return decoded;
}

/** The text before and behind position `at`; behind is empty where `at` is -1. */
function split(text: string, at: number): [string, string] {
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(what: string): LowtideError {
  return new LowtideError('config_invalid', `the database URL ${what}`, { hint: encodeHint });
}
