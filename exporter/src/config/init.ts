import { randomBytes } from 'node:crypto';
import { access, mkdir, open, rm, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';

export interface InitialConfig {
  /** The name of this host. */
  readonly instance: string;
  /** The folder that the first schedule backs up, as the file shall name it. */
  readonly source: string;
  /** Patterns for what of it is left out: at least the folder of the backups, where that lies inside. */
  readonly exclude: readonly string[];
  /** Path or URL of the JSON Schema, for editors. */
  readonly schema: string;
}

/** Where the passphrase lies, from the config's folder. */
export const passphrasePath = 'data/keystore-passphrase';
/** Where the first API token lies, from the config's folder. */
const tokenPath = 'data/api-token';

/** A config to begin with: works as it is, and shows in comments what else there is. */
export function initialConfig({ instance, source, exclude, schema }: InitialConfig): string {
  return `# yaml-language-server: $schema=${schema}
#
# What Lowtide backs up, when, and where to. "lowtide check-config" checks this file, "lowtide backup files" makes a
# first backup, and docs/configuration.md describes every key.
#
# Paths are meant from the folder of this file. Any text may take a secret from elsewhere, from a variable by
# \${env:NAME} or from a file by \${file:PATH}. Durations look like 45m, 6h, 1d or 30d.

# The name of this host in backups and metrics.
instance: ${quoted(instance)}

# What Lowtide knows of its backups. Lost? "lowtide catalog rebuild" reads it from the stores.
state: ./data/state

server:
  # Prometheus scrapes http://127.0.0.1:10210/metrics
  listen: 127.0.0.1:10210
  # Who may use the API (docs/api.md). "lowtide token create" makes further tokens, with any role.
  tokens:
    - { name: first, role: admin, token: "\${file:${tokenPath}}" }
  # TLS and passwords, in the format of Prometheus' exporters.
  # web_config_file: web.yml

encryption:
  keystore: ./data/keys
  # Made by "lowtide init". Keep a copy of it and of the keystore on another machine: without them nobody opens a backup.
  passphrase: "\${file:${passphrasePath}}"
  # Or seal every backup to a second key as well, whose secret half lies in a safe ("age-keygen -o recovery.key").
  # recovery_recipients: []

stores:
  local:
    type: directory
    path: ./data/backups
  # A second disk survives the first one. Name it in the stores of a schedule too.
  # usb:
  #   type: directory
  #   path: /mnt/usb/lowtide

# Where the API may restore to, by name.
# restore_targets:
#   scratch: { to: /srv/restored }

schedules:
  - id: files
    source:
      type: directory
      path: ${quoted(source)}
      exclude: [${exclude.map(quoted).join(', ')}]
      # skip leaves out what may not be read, with a warning; fail fails the backup.
      # unreadable: skip
    every: 1d
    # When it may start; the zone is that of this machine, unless timezone names one.
    window: 02:00-06:00
    # timezone: Europe/Madrid
    # How long after the window it may still start, say when the machine was off.
    max_delay: 6h
    estimated_duration: 5m
    stores: [local]
    # How many stay: the newest three, and the newest of each of seven days, four weeks and twelve months.
    keep: { last: 3, daily: 7, weekly: 4, monthly: 12 }

  # A PostgreSQL database, by pg_dump.
  # - id: postgres
  #   source: { type: postgres, url: "\${env:DATABASE_URL}" }
  #   cron: "30 2 * * *"
  #   priority: critical
  #   stores: [local]
  #   keep: { daily: 7, weekly: 4 }

  # A MySQL or MariaDB database.
  # - id: mysql
  #   source: { type: mysql, url: "mysql://backup:\${file:/run/secrets/mysql}@localhost:3306/app" }
  #   every: 12h
  #   stores: [local]
  #   keep: { last: 14 }

  # A SQLite database, also while it is in use.
  # - id: sqlite
  #   source: { type: sqlite, path: /var/lib/app/app.db }
  #   every: 6h
  #   stores: [local]
  #   keep: { hourly: 24, daily: 7 }

  # Whatever a command writes to its standard output. No shell is involved.
  # - id: redis
  #   source: { type: command, argv: [redis-cli, --rdb, "-"], env: { REDISCLI_AUTH: "\${env:REDIS_PASSWORD}" } }
  #   every: 1d
  #   stores: [local]
  #   keep: { daily: 7 }
`;
}

export interface InitialFiles {
  readonly configFile: string;
  readonly passphraseFile: string;
}

/**
 * Writes a first `lowtide.yaml`, the passphrase of its keystore and an API token (256 random bits each) into `folder`: all or
 * none, and over nothing that exists. The first schedule backs up the folder `source`, by default the folder itself without
 * its `data`. Throws `config_exists`, `output_failed`.
 */
export async function writeInitialFiles(
  folder: string,
  options: { readonly instance: string; readonly schema: string; readonly source?: string },
): Promise<InitialFiles & { readonly tokenFile: string }> {
  const root = resolve(folder);
  const source = options.source === undefined ? '.' : resolve(options.source);
  const config = initialConfig({ ...options, source, exclude: exclusions(resolve(root, source), root) });
  const [passphraseFile, tokenFile] = [join(root, passphrasePath), join(root, tokenPath)];
  const configFile = await writeAll(root, config, [newSecret(passphraseFile), newSecret(tokenFile)]);
  return { configFile, passphraseFile, tokenFile };
}

/** The same with a config of the caller's, which takes its passphrase from `passphrasePath`, and no token. */
export async function writeConfigAndPassphrase(folder: string, config: string): Promise<InitialFiles> {
  const root = resolve(folder);
  const passphraseFile = join(root, passphrasePath);
  return { configFile: await writeAll(root, config, [newSecret(passphraseFile)]), passphraseFile };
}

/** A config that was recovered, and the files that it refers to, by their paths from the folder. All or none, over nothing. */
export async function writeRecoveredFiles(
  folder: string,
  config: string,
  files: readonly { readonly path: string; readonly content: string }[],
): Promise<string> {
  const root = resolve(folder);
  return await writeAll(
    root,
    config,
    files.map(({ path, content }) => ({ path: join(root, path), content: `${content}\n` })),
  );
}

interface SecretFile {
  readonly path: string;
  readonly content: string;
}

export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

function newSecret(path: string): SecretFile {
  return { path, content: `${randomSecret()}\n` };
}

async function writeAll(root: string, config: string, secretFiles: readonly SecretFile[]): Promise<string> {
  const configFile = join(root, 'lowtide.yaml');
  await refuseExisting([configFile, ...secretFiles.map(({ path }) => path)]);
  const undo: (() => Promise<void>)[] = [];
  try {
    await makeFolder(join(root, 'data'), undo);
    for (const { path, content } of secretFiles) {
      await makeFolder(dirname(path), undo);
      await writeNew(path, content, undo);
    }
    await writeNew(configFile, config, undo);
    return configFile;
  } catch (thrown) {
    for (const step of undo.toReversed()) await step();
    throw writeError(thrown);
  }
}

/** The data folder of `root`, as a pattern of a source that holds it. */
function exclusions(source: string, root: string): readonly string[] {
  const way = relative(source, join(root, 'data'));
  const isOutside = way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  return isOutside ? [] : [`./${way.split(sep).join('/')}`];
}

async function refuseExisting(files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      await access(file);
    } catch {
      continue;
    }
    throw existing(file);
  }
}

/** Private: it will hold keys, and backups with them. */
async function makeFolder(folder: string, undo: (() => Promise<void>)[]): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  undo.push(async () => {
    for (let path = folder; path.startsWith(first); path = resolve(path, '..')) {
      // Somebody else may have put something there meanwhile.
      await rmdir(path).catch(() => undefined);
    }
  });
}

async function writeNew(file: string, text: string, undo: (() => Promise<void>)[]): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  undo.push(() => rm(file, { force: true }));
  await handle.writeFile(text);
  await handle.sync();
}

function writeError(thrown: unknown): LowtideError {
  const path = thrown instanceof Error && 'path' in thrown ? String(thrown.path) : 'the first files';
  const code = systemErrorCode(thrown);
  if (code === 'EEXIST') return existing(path);
  return new LowtideError('output_failed', `cannot write ${path} (${code ?? 'unknown'})`, {
    hint: 'Choose a folder that you may write to, on a disk with room.',
    cause: thrown,
  });
}

function existing(file: string): LowtideError {
  return new LowtideError('config_exists', `${file} exists already`, {
    hint: 'Nothing was changed. Edit that file, move it away, or choose another folder.',
  });
}

/** Text as YAML reads it back, whatever it holds. */
function quoted(text: string): string {
  return JSON.stringify(text.replaceAll('${', '$${'));
}
