import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openInstallation, type Installation } from '../../exporter/src/compose.ts';
import type { Backup, Run } from '../../exporter/src/catalog/catalog.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { Config, ScheduleConfig } from '../../exporter/src/config/schema.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Key } from '../../exporter/src/keys/keystore.ts';
import type { BackupJob, BackupJobResult } from '../../exporter/src/run/jobs.ts';

/** One installation of Lowtide in a folder of its own, opened as the CLI opens it. */
export class TestInstallation implements AsyncDisposable {
  readonly folder: string;
  readonly configFile: string;
  readonly opened: Installation;

  private constructor(folder: string, configFile: string, opened: Installation) {
    this.folder = folder;
    this.configFile = configFile;
    this.opened = opened;
  }

  /** The parts are YAML, see `writeConfig`. */
  static async make(schedules: string, parts?: ConfigParts): Promise<TestInstallation> {
    const folder = mkdtempSync(join(tmpdir(), 'lowtide-installation-'));
    const configFile = writeConfig(folder, schedules, parts);
    const loaded = await readConfig(configFile, {});
    await makeKey(loaded.config);
    return new TestInstallation(folder, configFile, await openInstallation(loaded, {}));
  }

  schedule(id: string): ScheduleConfig {
    const found = this.opened.config.schedules.find((each) => each.id === id);
    if (found === undefined) throw new Error(`there is no schedule ${id}`);
    return found;
  }

  async backUp(id: string, more: Partial<BackupJob> = {}): Promise<BackupJobResult> {
    return await this.opened.jobs.backUp({
      schedule: this.schedule(id),
      trigger: 'manual',
      signal: new AbortController().signal,
      ...more,
    });
  }

  /** The backup of a run that has to have completed. */
  async completed(id: string): Promise<Backup> {
    const { run } = await this.backUp(id);
    if (run.status !== 'completed') throw new Error(`the run ${run.status}: ${run.error?.message ?? ''}`);
    return await this.backupOf(run);
  }

  async backupOf(run: Run): Promise<Backup> {
    const backup = run.backupId === undefined ? undefined : await this.opened.catalog.backup(run.backupId);
    if (backup === undefined) throw new Error(`the run has no backup`);
    return backup;
  }

  /** Writes the secret half of the active key where stock `age -i` reads it. */
  async identityFile(): Promise<string> {
    const key = await this.opened.keystore.active();
    const path = join(this.folder, 'identity.txt');
    writeFileSync(path, `${await this.opened.keystore.identity(key.id)}\n`, { mode: 0o600 });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * The first key of an installation. To try its passphrase is cheap: with what scrypt is to take otherwise, each process that
 * opens the key would spend a sixth of a second on it.
 */
export async function makeKey(
  { encryption: { keystore: folder, passphrase } }: Config,
  now = Date.now(),
): Promise<Key> {
  const keystore = fileKeystore({ folder, ...(passphrase !== undefined && { passphrase }), scryptLogN: 2 });
  return await keystore.create({ kind: 'x25519', now });
}

export interface ConfigParts {
  /** The map of stores. */
  readonly stores?: string;
  /** Recipients beside the key's own. */
  readonly recovery?: readonly string[];
  /** Further keys of `encryption`, as in `max_key_age: 30d`. */
  readonly encryption?: string;
  readonly instance?: string;
  /** The folder of the catalog, or its URL. */
  readonly state?: string;
  /** Further lines of the config, as YAML. */
  readonly more?: string;
}

/** A config to be used as it is; `schedules` is the list. `FOLDER` becomes the config's folder. Returns its path. */
export function writeConfig(folder: string, schedules: string, parts: ConfigParts = {}): string {
  const {
    stores = '{ local: { type: directory, path: ./backups } }',
    recovery = [],
    encryption: keys = '',
    instance = 'test',
    state = './state',
    more = '',
  } = parts;
  mkdirSync(folder, { recursive: true });
  const configFile = join(folder, 'lowtide.yaml');
  const encryption = `{ keystore: ./keys, passphrase: a-passphrase-for-tests, recovery_recipients: [${recovery.join(', ')}]${keys && `, ${keys}`} }`;
  const lines = [
    `instance: ${instance}`,
    `state: ${state}`,
    `encryption: ${encryption}`,
    `stores: ${stores}`,
    ...(more === '' ? [] : [more]),
    'schedules:',
  ];
  const text = `${lines.join('\n')}\n${schedules}\n`.replaceAll('FOLDER', folder);
  writeFileSync(configFile, text, { mode: 0o600 });
  return configFile;
}
