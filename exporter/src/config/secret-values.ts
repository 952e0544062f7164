import { parseMysqlUrl } from '../source/mysql/connection.ts';
import { parsePostgresUrl } from '../source/postgres/connection.ts';
import { passwordIn } from '../source/repository.ts';
import { isMysqlUrl, isPostgresUrl } from './location.ts';
import type { ConfigPath } from './problem.ts';
import type { ScheduleConfig, SourceConfig, StoreConfig, WrittenConfig } from './schema.ts';
import { hasReference, isSecretName } from './secrets.ts';
import { valueAt } from './shape.ts';

/** A secret that the config holds. */
export interface HeldSecret {
  readonly path: ConfigPath;
  /** Every text that gives it away. */
  readonly values: readonly string[];
  /** It stands in the file itself, rather than in a variable or another file. */
  readonly isClear: boolean;
}

/** `written` is the file before secrets were put in. */
export function heldSecrets(config: WrittenConfig, written: unknown): readonly HeldSecret[] {
  const { passphrase } = config.encryption;
  const { history, alerts, hosts } = config.load;
  const ofKeystore: ConfigPath = ['encryption', 'passphrase'];
  const isClear = (path: ConfigPath): boolean => !hasReference(valueAt(written, path));
  const ofPrometheus = [
    ...Object.entries({ history, alerts }).map(([name, each]) => ({ at: [name], each })),
    ...Object.entries(hosts).map(([name, each]) => ({ at: ['hosts', name], each })),
  ].flatMap(({ at, each }) => {
    if (each === undefined) return [];
    const { url, bearer_token: token } = each.prometheus;
    const path = (key: string): ConfigPath => ['load', ...at, 'prometheus', key];
    const ofToken = path('bearer_token');
    return [
      ...ofUrl(url, passwordIn(url), path('url'), written),
      ...(token === undefined ? [] : [{ path: ofToken, values: [token], isClear: isClear(ofToken) }]),
    ];
  });
  return [
    ...(passphrase === undefined
      ? []
      : [{ path: ofKeystore, values: [passphrase], isClear: isClear(ofKeystore) }]),
    ...ofTarget(config.state, ['state'], written),
    ...ofPrometheus,
    ...Object.entries(config.stores).flatMap(([name, store]) => ofStore(store, ['stores', name], isClear)),
    ...config.server.tokens.map(({ token }, index): HeldSecret => {
      const path = ['server', 'tokens', index, 'token'];
      return { path, values: [token], isClear: isClear(path) };
    }),
    ...Object.entries(config.restore_targets).flatMap(([name, { to }]) =>
      ofTarget(to, ['restore_targets', name, 'to'], written),
    ),
    ...config.schedules.flatMap(({ source, verify }, index) => [
      ...ofSource(source, ['schedules', index, 'source'], written),
      ...ofDrills(verify, ['schedules', index, 'verify'], written),
    ]),
  ];
}

function ofStore(
  store: StoreConfig,
  path: ConfigPath,
  isClear: (path: ConfigPath) => boolean,
): readonly HeldSecret[] {
  if (store.type === 'directory') return [];
  const secrets =
    store.type === 's3'
      ? { secret_access_key: store.secret_access_key, session_token: store.session_token }
      : {
          connection_string: store.connection_string,
          account_key: store.account_key,
          sas_token: store.sas_token,
        };
  return Object.entries(secrets).flatMap(([key, value]) => {
    const at = [...path, key];
    return value === undefined ? [] : [{ path: at, values: [value], isClear: isClear(at) }];
  });
}

function ofSource(source: SourceConfig, path: ConfigPath, written: unknown): readonly HeldSecret[] {
  switch (source.type) {
    case 'postgres':
      return ofUrl(source.url, parsePostgresUrl(source.url).password, [...path, 'url'], written);
    case 'mysql':
      return ofUrl(source.url, parseMysqlUrl(source.url).password, [...path, 'url'], written);
    case 'command':
      return [
        ...ofVariables(source.env, [...path, 'env'], written),
        ...ofArguments(source.argv, path, written),
      ];
    case 'pgbackrest':
      return ofVariables(source.env, [...path, 'env'], written);
    case 'restic':
      return [
        ...ofUrl(source.repository, passwordIn(source.repository), [...path, 'repository'], written),
        ...ofPassword(source.password, [...path, 'password'], written),
        ...ofVariables(source.env, [...path, 'env'], written),
      ];
    case 'sqlite':
    case 'directory':
      return [];
  }
}

function ofPassword(password: string | undefined, path: ConfigPath, written: unknown): readonly HeldSecret[] {
  if (password === undefined) return [];
  return [{ path, values: [password], isClear: !hasReference(valueAt(written, path)) }];
}

function ofDrills(
  { drill_into: into, drill_checks: checks }: ScheduleConfig['verify'],
  path: ConfigPath,
  written: unknown,
): readonly HeldSecret[] {
  return [
    ...(into === undefined ? [] : ofTarget(into, [...path, 'drill_into'], written)),
    ...ofVariables(checks?.env ?? {}, [...path, 'drill_checks', 'env'], written),
  ];
}

/** Only the URL of a database holds a secret. */
function ofTarget(target: string, path: ConfigPath, written: unknown): readonly HeldSecret[] {
  if (isPostgresUrl(target)) return ofUrl(target, parsePostgresUrl(target).password, path, written);
  if (isMysqlUrl(target)) return ofUrl(target, parseMysqlUrl(target).password, path, written);
  return [];
}

function ofUrl(
  url: string,
  password: string | undefined,
  path: ConfigPath,
  written: unknown,
): readonly HeldSecret[] {
  if (password === undefined) return [];
  const values = [url, ...spellings(url, password)];
  const inFile = valueAt(written, path);
  const isClear = typeof inFile === 'string' && values.slice(1).some((value) => inFile.includes(value));
  return [{ path, values, isClear }];
}

/** A password as the programs see it, and as the URL has it. */
function spellings(url: string, password: string): readonly string[] {
  const encoded = /^[a-z]+:\/\/[^:/@]*:(.*)@/s.exec(url)?.[1];
  return [...new Set([password, encodeURIComponent(password), ...(encoded === undefined ? [] : [encoded])])];
}

function ofVariables(
  env: Readonly<Record<string, string>>,
  path: ConfigPath,
  written: unknown,
): readonly HeldSecret[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const at = [...path, name];
    const isReferred = hasReference(valueAt(written, at));
    return value !== '' && (isReferred || isSecretName(name))
      ? [{ path: at, values: [value], isClear: !isReferred }]
      : [];
  });
}

/** A word of a command with a reference in it: kept out of logs, though the command line shows it to everybody. */
function ofArguments(argv: readonly string[], path: ConfigPath, written: unknown): readonly HeldSecret[] {
  return argv.flatMap((value, index) => {
    const at = [...path, 'argv', index];
    return namesSecret(valueAt(written, at)) ? [{ path: at, values: [value], isClear: false }] : [];
  });
}

/** `${file:…}`, or a variable whose name says so: not `${env:HOME}`. */
function namesSecret(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  return [...text.matchAll(/(?<!\$)\$\{(env|file):([^}]*)\}/g)].some(
    ([, kind, name]) => kind === 'file' || isSecretName(name ?? ''),
  );
}
