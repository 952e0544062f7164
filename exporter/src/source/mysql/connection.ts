import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { formatHosts, parseDatabaseUrl } from '../database-url.ts';

/** Which family of client programs is installed: their TLS options differ. */
export type MysqlFlavor = 'mariadb' | 'mysql';

/** How the client programs are told where to connect: one option file that only its owner may read. */
export interface MysqlConnection {
  /** `mysql://db1:3306/app` */
  readonly label: string;
  readonly database: string;
  readonly password: string | undefined;
  readonly requiresTls: boolean;
  /** Option → value of the file's `[client]` group; a value of undefined is an option without one. */
  options(flavor: MysqlFlavor): ReadonlyMap<string, string | undefined>;
}

const sslModes = ['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'] as const;
type SslMode = (typeof sslModes)[number];

const fileParameters = ['socket', 'ssl-ca', 'ssl-cert', 'ssl-key'];

/** Throws `config_invalid` for a URL that cannot be read, names no database or has an unknown parameter. */
export function parseMysqlUrl(text: string): MysqlConnection {
  const url = parseDatabaseUrl(text, ['mysql', 'mariadb']);
  if (url.database === '') {
    throw invalid('names no database', 'Write it behind the host: mysql://user@host:3306/database');
  }
  const [host, ...others] = url.hosts;
  if (host === undefined || others.length > 0) throw invalid('names several hosts', 'Name one of them.');
  for (const name of url.parameters.keys()) {
    if (name !== 'ssl-mode' && !fileParameters.includes(name)) {
      throw invalid(
        `has a parameter that is not known: ${name}`,
        `Known are ssl-mode and ${fileParameters.join(', ')}; leave out what only an application's driver understands.`,
      );
    }
  }
  const sslMode = parseSslMode(url.parameters.get('ssl-mode'));
  const socket = url.parameters.get('socket');
  const name = encodeURIComponent(url.database);
  return {
    label:
      socket === undefined
        ? `mysql://${formatHosts([{ ...host, host: host.host === '' ? 'localhost' : host.host }], 3306)}/${name}`
        : `mysql:///${name}?socket=${socket}`,
    database: url.database,
    password: url.password,
    requiresTls: sslMode !== undefined && sslMode !== 'disabled' && sslMode !== 'preferred',
    options(flavor) {
      const options = new Map<string, string | undefined>();
      if (host.host !== '') options.set('host', host.host);
      if (host.port !== undefined) {
        options.set('port', String(host.port));
        // Without it the programs take "localhost" for the socket, and silently forget the port.
        if (socket === undefined) options.set('protocol', 'tcp');
      }
      if (url.user !== undefined) options.set('user', url.user);
      if (url.password !== undefined) options.set('password', url.password);
      for (const parameter of fileParameters) {
        const value = url.parameters.get(parameter);
        if (value !== undefined) options.set(parameter, value);
      }
      if (sslMode !== undefined) addSslMode(options, sslMode, flavor);
      return options;
    },
  };
}

/**
 * Writes the option file and gives its path, for `--defaults-file=` as the first argument. Not
 * `--defaults-extra-file=`: the user's own `~/.my.cnf` is read after that one and would win over the URL.
 */
export async function writeOptionFile(
  connection: MysqlConnection,
  flavor: MysqlFlavor,
  scratch: string,
): Promise<string> {
  const path = join(scratch, 'client.cnf');
  await writeFile(path, formatOptionFile(connection.options(flavor)), { mode: 0o600 });
  return path;
}

/** Source of the quoting: dev.mysql.com/doc/refman/8.4/en/option-files.html. */
export function formatOptionFile(options: ReadonlyMap<string, string | undefined>): string {
  const lines = [...options].map(([name, value]) =>
    value === undefined ? name : `${name}="${value.replaceAll(/[\\"]/g, (character) => `\\${character}`)}"`,
  );
  return ['[client]', ...lines, ''].join('\n');
}

function addSslMode(options: Map<string, string | undefined>, mode: SslMode, flavor: MysqlFlavor): void {
  if (flavor === 'mysql') {
    options.set('ssl-mode', mode.toUpperCase());
  } else if (mode === 'disabled') {
    options.set('skip-ssl', undefined);
  } else if (mode !== 'preferred') {
    options.set('ssl', undefined);
    options.set(mode === 'required' ? 'skip-ssl-verify-server-cert' : 'ssl-verify-server-cert', undefined);
  }
}

function parseSslMode(text: string | undefined): SslMode | undefined {
  if (text === undefined) return undefined;
  const mode = sslModes.find((candidate) => candidate === text.toLowerCase().replaceAll('-', '_'));
  if (mode === undefined) throw invalid('has an unknown ssl-mode', `Known are ${sslModes.join(', ')}.`);
  return mode;
}

function invalid(what: string, hint: string): LowtideError {
  return new LowtideError('config_invalid', `the database URL ${what}`, { hint });
}
