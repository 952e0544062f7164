import { readFileSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { crossCheck } from './checks.ts';
import { readDocument, type ConfigDocument } from './document.ts';
import { draftOf } from './draft.ts';
import { explainIssue, show, type Finding } from './explain.ts';
import { ConfigError, inFileOrder, type ConfigProblem } from './problem.ts';
import { isUrl } from './location.ts';
import {
  configSchema,
  type Config,
  type ScheduleConfig,
  type SourceConfig,
  type WrittenConfig,
} from './schema.ts';
import { estimatedDuration } from './schedule-schema.ts';
import { heldSecrets } from './secret-values.ts';
import {
  expandSecrets,
  Redactor,
  referencesIn,
  type ResolveSecret,
  type SecretReference,
} from './secrets.ts';
import { valueAt } from './shape.ts';
import { warningsOf } from './warnings.ts';

/** A config that can be worked with, as a whole: nothing of it changes afterwards. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
  /** Absolute. */
  readonly file: string;
  /** The file as it is, and what it takes from elsewhere, for a copy of it; absent where there is no file. */
  readonly source?: ConfigSource;
  /** Takes the secrets of this config out of a text. */
  readonly redact: (text: string) => string;
}

export interface ConfigSource {
  readonly text: string;
  /** What each reference stands for, but for those of the keystore's passphrase: it is of use to this keystore alone. */
  readonly references: readonly (SecretReference & { readonly value: string })[];
}

export interface ParseOptions {
  /** As messages shall name it; relative paths in the config are meant from its folder. */
  readonly file: string;
  readonly resolveSecret: ResolveSecret;
  /** What the file may leave to the host. */
  readonly host: { readonly name: string; readonly timezone: string };
  /** Follows symbolic links; absent: there are none. */
  readonly realPath?: (path: string) => string;
  /** The file's permissions; absent: unknown. */
  readonly fileMode?: number;
}

/** Reads the config. Throws `config_missing`, or a ConfigError with every mistake. */
export async function readConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadedConfig> {
  const { bytes, mode } = await load(file);
  return parseConfig(decode(bytes, file), {
    file,
    resolveSecret: secretResolver(env, dirname(resolve(file))),
    host: { name: hostname(), timezone: Temporal.Now.timeZoneId() },
    realPath,
    fileMode: mode,
  });
}

/** Checks the text of a config. Throws a ConfigError with every mistake, in the order of the file. */
export function parseConfig(text: string, options: ParseOptions): LoadedConfig {
  const document = readDocument(text);
  if (document.value === undefined) throw new ConfigError(options.file, document.problems);
  if (document.value === null) {
    const empty = document.problem([], 'is empty: lowtide init writes a file to begin with');
    throw new ConfigError(options.file, [empty]);
  }
  const references: (SecretReference & { readonly value: string })[] = [];
  const expansion = expandSecrets(document.value, (reference) => {
    const found = options.resolveSecret(reference);
    if ('value' in found) references.push({ ...reference, value: found.value });
    return found;
  });
  const unresolved = new Set(expansion.problems.map(({ path }) => JSON.stringify(path)));
  const parsed = configSchema.safeParse(expansion.value);
  const folder = dirname(resolve(options.file));
  const findings = [
    ...expansion.problems.map((problem): Finding => ({ ...problem, at: 'value' })),
    ...(parsed.error?.issues ?? [])
      .flatMap((issue) => explainIssue(issue, document.value))
      .filter(({ path }) => !unresolved.has(JSON.stringify(path))),
    ...crossCheck(draftOf(expansion.value), {
      folder,
      realPath: options.realPath ?? ((path) => path),
      show: (path) => show(valueAt(document.value, path), path),
    }),
  ];
  const problems = [...document.problems, ...locate(document, findings)];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(options.file, inFileOrder(problems));
  const source = { text, references: withoutPassphrase(references, document.value) };
  return accept(parsed.data, { document, source }, options, folder);
}

function accept(
  written: WrittenConfig,
  { document, source }: { readonly document: ConfigDocument; readonly source: ConfigSource },
  options: ParseOptions,
  folder: string,
): LoadedConfig {
  const secrets = heldSecrets(written, document.value);
  const redactor = new Redactor();
  for (const secret of secrets.flatMap(({ values }) => values)) redactor.add(secret);
  return Object.freeze<LoadedConfig>({
    config: deepFreeze(complete(written, folder, options.host)),
    warnings: deepFreeze(inFileOrder(locate(document, warningsOf(written, secrets, options.fileMode)))),
    file: resolve(options.file),
    source,
    redact: (text) => redactor.redact(text),
  });
}

function withoutPassphrase(
  references: ConfigSource['references'],
  written: unknown,
): ConfigSource['references'] {
  const passphrase = valueAt(written, ['encryption', 'passphrase']);
  const own = typeof passphrase === 'string' ? referencesIn(passphrase) : [];
  return references.filter(({ kind, name }) => !own.some((each) => each.kind === kind && each.name === name));
}

function locate(document: ConfigDocument, findings: readonly Finding[]): readonly ConfigProblem[] {
  return findings.map(({ path, message, at }) => document.problem(path, message, at));
}

/** Fills in what the file leaves to the host, and makes every path absolute. */
function complete(written: WrittenConfig, folder: string, host: ParseOptions['host']): Config {
  const absolute = (path: string): string => resolve(folder, path);
  return {
    ...written,
    instance: written.instance ?? host.name,
    state: isUrl(written.state) ? written.state : absolute(written.state),
    local: absolute(written.local ?? (isUrl(written.state) ? './data/local' : written.state)),
    server: completeServer(written.server, absolute),
    restore_targets: Object.fromEntries(
      Object.entries(written.restore_targets).map(([name, target]) => [
        name,
        isUrl(target.to) ? target : { ...target, to: absolute(target.to) },
      ]),
    ),
    encryption: { ...written.encryption, keystore: absolute(written.encryption.keystore) },
    drills: { folder: absolute(written.drills.folder) },
    stores: Object.fromEntries(
      Object.entries(written.stores).map(([name, store]) => [
        name,
        store.type === 'directory' ? { ...store, path: absolute(store.path) } : store,
      ]),
    ),
    schedules: written.schedules.map((schedule) => ({
      ...schedule,
      timezone: schedule.timezone ?? host.timezone,
      estimated_duration: estimatedDuration(schedule),
      source: completeSource(schedule.source, absolute),
      verify: completeVerify(schedule.verify, absolute),
    })),
  };
}

function completeServer(
  server: WrittenConfig['server'],
  absolute: (path: string) => string,
): WrittenConfig['server'] {
  const { web_config_file: file } = server;
  return file === undefined ? server : { ...server, web_config_file: absolute(file) };
}

function completeSource(source: SourceConfig, absolute: (path: string) => string): SourceConfig {
  switch (source.type) {
    case 'sqlite':
    case 'directory':
      return { ...source, path: absolute(source.path) };
    case 'command':
      return { ...source, argv: completeArgv(source.argv, absolute) };
    case 'postgres':
    case 'mysql':
      return source;
    case 'pgbackrest':
      return source.config === undefined ? source : { ...source, config: absolute(source.config) };
    case 'restic':
      return {
        ...source,
        // `sftp:…` and the like are places elsewhere.
        repository: /^[a-z0-9]+:/.test(source.repository) ? source.repository : absolute(source.repository),
        ...(source.password_file !== undefined && { password_file: absolute(source.password_file) }),
        paths: source.paths.map(absolute),
      };
  }
}

function completeVerify(
  verify: ScheduleConfig['verify'],
  absolute: (path: string) => string,
): ScheduleConfig['verify'] {
  const { drill_checks: checks } = verify;
  if (checks?.command === undefined) return verify;
  return { ...verify, drill_checks: { ...checks, command: completeArgv(checks.command, absolute) } };
}

/** `dump` is looked for on the PATH; `./dump` lies beside the config, wherever lowtide was started from. */
function completeArgv(
  [program = '', ...args]: readonly string[],
  absolute: (path: string) => string,
): string[] {
  return [/^\.{1,2}\//.test(program) ? absolute(program) : program, ...args];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

async function load(file: string): Promise<{ readonly bytes: Uint8Array; readonly mode: number }> {
  try {
    return { bytes: await readFile(file), mode: (await stat(file)).mode };
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    throw new LowtideError(
      'config_missing',
      isAbsent ? `there is no file ${file}` : `cannot read ${file} (${code ?? 'unknown'})`,
      {
        hint: isAbsent
          ? 'lowtide init writes one to begin with; --config FILE names another.'
          : 'It must be a file that the user Lowtide runs as may read.',
        cause: thrown,
      },
    );
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, [{ line: 1, column: 1, path: '', message: 'is no UTF-8 text' }]);
  }
}

/** Looks references up in `env`, and in files as seen from `folder`. */
export function secretResolver(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): ResolveSecret {
  return ({ kind, name }) => (kind === 'env' ? fromVariable(name, env) : fromFile(name, folder));
}

function fromVariable(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): ReturnType<ResolveSecret> {
  const value = env[name];
  if (value === undefined) return { problem: 'is not set: set the variable where lowtide is started' };
  return value === '' ? { problem: 'is set, but empty' } : { value };
}

function fromFile(path: SecretReference['name'], folder: string): ReturnType<ResolveSecret> {
  try {
    // Not asynchronous: the checks are pure but for this, and secrets are small.
    const bytes = readFileSync(resolve(folder, path));
    const value = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
    return value === '' ? { problem: 'is empty' } : { value };
  } catch (thrown) {
    return { problem: explainUnreadable(systemErrorCode(thrown)) };
  }
}

function explainUnreadable(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist: create the file, or correct the path (relative ones are meant from the folder of this file)';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by the user that lowtide runs as';
    case 'EISDIR':
      return 'is a folder';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is no UTF-8 text: a secret is text, without zero bytes';
    case undefined:
    default:
      return `cannot be read (${code ?? 'unknown'})`;
  }
}

/** Follows links as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
