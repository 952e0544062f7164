import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Backup } from '../catalog/catalog.ts';
import { openInstallation, type Installation } from '../compose.ts';
import { configSchema, type Config, type ScheduleConfig, type SourceConfig } from '../config/schema.ts';
import { estimatedDuration } from '../config/schedule-schema.ts';
import type { EventBody } from '../events/events.ts';
import { InTurn } from '../probe/in-turn.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { BackupType } from '../source/source.ts';
import type { BackupKey } from './encryption.ts';
import { getBackupMetrics, type BackupMetrics } from './metrics.ts';

export interface BackupManagerOptions {
  /** Where backups are stored. */
  readonly backupDir: string;
  /** The keystore; its first key is made when it is first needed. */
  readonly keyStorageDir: string;
  /** Protects the keys at rest. */
  readonly passphrase: string;
  /** What is known of the backups; default: `state` inside of `keyStorageDir`'s parent folder. */
  readonly stateDir?: string;
  /** Taken over into the keystore; new backups are sealed to it where the keystore is new. */
  readonly key?: BackupKey;
  /** Where backups, verifications and restores are counted; default: the instance of this process. */
  readonly metrics?: BackupMetrics;
}

export interface BackupOutcome {
  /** Absent unless completed. */
  readonly backupId?: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly durationSeconds: number;
  readonly sizeBytes?: number;
  readonly storedBytes?: number;
  /** Whether what was stored has been read back and found whole. */
  readonly verified: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly warnings: readonly string[];
}

interface DatabaseBackup {
  /** The name of the backup's series. */
  readonly name: string;
  /** `postgres://…`, `mysql://…`, or the path of a SQLite file. */
  readonly database: string;
  readonly signal?: AbortSignal;
}

interface FilesBackup {
  readonly name: string;
  /** A folder or a file. */
  readonly path: string;
  /** Patterns as in the config. */
  readonly exclude?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Events that are read at once. */
const pageSize = 500;

/** Backups made by a program of one's own: sealed, verified, and counted in its metrics. */
export class BackupManager implements AsyncDisposable {
  readonly #installation: Promise<Installation>;
  readonly #metrics: BackupMetrics;
  readonly #key: BackupKey | undefined;
  /** Events up to here are counted. */
  #sequence = 0;
  readonly #recording = new InTurn();

  /** Opens, and where absent makes, the state. What the catalog throws is heard of by the first that asks for something. */
  constructor(options: BackupManagerOptions) {
    const config = configOf(options);
    const loaded = { config, warnings: [], file: '', redact: (text: string) => text };
    this.#installation = this.#open(loaded);
    // Whoever asks for something first hears of it.
    this.#installation.catch(() => undefined);
    this.#metrics = options.metrics ?? getBackupMetrics();
    this.#key = options.key;
  }

  /** A failed backup is an answer (`status`, `error`). Throws what keeps it from being recorded. */
  async backupDatabase({ name, database, signal }: DatabaseBackup): Promise<BackupOutcome> {
    return await this.#backUp(name, databaseSource(database), signal);
  }

  async backupFiles({ name, path, exclude = [], signal }: FilesBackup): Promise<BackupOutcome> {
    return await this.#backUp(
      name,
      { type: 'directory', path, exclude: [...exclude], unreadable: 'fail' },
      signal,
    );
  }

  /** Whether every copy of the backup is whole. Throws `not_found`, and what kept a copy from being read. */
  async verify(backupId: string, signal: AbortSignal = never()): Promise<boolean> {
    const { jobs } = await this.#installation;
    const { copies } = await jobs.verify(await this.#backup(backupId), { signal });
    await this.#record();
    const unable = copies.find((copy) => copy.status === 'unable');
    if (unable?.error !== undefined) throw unable.error;
    return copies.every((copy) => copy.status === 'passed');
  }

  /** Restores into a folder, a file or a database. Throws what `lowtide restore` reports. */
  async restore(
    backupId: string,
    target: { readonly to: string; readonly force?: boolean; readonly signal?: AbortSignal },
  ): Promise<void> {
    const { to, force = false, signal = never() } = target;
    try {
      const { jobs } = await this.#installation;
      await jobs.restore(await this.#backup(backupId), to, { force, signal });
    } finally {
      await this.#record();
    }
  }

  /** Figures over all backups of this manager. */
  async getMetrics(): Promise<{
    readonly successRate: Readonly<Partial<Record<BackupType, number>>>;
    readonly totalSizeBytes: Readonly<Partial<Record<BackupType, number>>>;
  }> {
    const { catalog } = await this.#installation;
    const { successRateByType, bytesByType } = await catalog.totals();
    return { successRate: successRateByType, totalSizeBytes: bytesByType };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const installation = await this.#installation;
    await installation[Symbol.asyncDispose]();
  }

  async #backUp(name: string, source: SourceConfig, signal = never()): Promise<BackupOutcome> {
    await this.#prepareKey();
    const schedule = scheduleOf(name, source);
    const { jobs } = await this.#installation;
    const { run, verification } = await jobs.backUp({ schedule, trigger: 'api', signal });
    await this.#record();
    return {
      status: run.status === 'completed' || run.status === 'cancelled' ? run.status : 'failed',
      durationSeconds: Math.max(0, (run.finishedAt ?? run.startedAt) - run.startedAt) / 1000,
      verified: verification?.copies.every((copy) => copy.status === 'passed') ?? false,
      warnings: run.warnings,
      ...(run.backupId !== undefined && { backupId: run.backupId }),
      ...(run.sizeBytes !== undefined && { sizeBytes: run.sizeBytes }),
      ...(run.storedBytes !== undefined && { storedBytes: run.storedBytes }),
      ...(run.error !== undefined && { error: run.error }),
    };
  }

  /** What was there before is not counted. */
  async #open(loaded: Parameters<typeof openInstallation>[0]): Promise<Installation> {
    const installation = await openInstallation(loaded, {});
    this.#sequence = await installation.catalog.latestSequence();
    return installation;
  }

  async #prepareKey(): Promise<void> {
    const { keystore, clock } = await this.#installation;
    const keys = await keystore.list();
    const now = clock.now();
    if (this.#key !== undefined && !keys.some((key) => key.id === this.#key?.id)) {
      await keystore.import(this.#key.identity, { origin: 'environment', purpose: 'backup', now });
    } else if (keys.length === 0) {
      await keystore.create({ kind: 'x25519', now });
    }
  }

  async #backup(id: string): Promise<Backup> {
    const { catalog } = await this.#installation;
    const backup = await catalog.backup(id);
    if (backup === undefined) throw new LowtideError('not_found', `there is no backup ${id}`);
    return backup;
  }

  /** One after the other: no event is counted twice. */
  async #record(): Promise<void> {
    await this.#recording.do(() => this.#recordNow());
  }

  async #recordNow(): Promise<void> {
    const { catalog } = await this.#installation;
    for (;;) {
      const page = await catalog.eventsAfter(this.#sequence, pageSize);
      for (const { sequence, body } of page) {
        recordEvent(this.#metrics, body);
        this.#sequence = sequence;
      }
      if (page.length < pageSize) break;
    }
    const { successRate, totalSizeBytes } = await this.getMetrics();
    for (const [type, rate] of Object.entries(successRate)) {
      this.#metrics.updateSuccessRate(type as BackupType, rate);
    }
    for (const [type, bytes] of Object.entries(totalSizeBytes)) {
      this.#metrics.updateTotalSize(type as BackupType, bytes);
    }
  }
}

function recordEvent(metrics: BackupMetrics, event: EventBody): void {
  switch (event.name) {
    case 'run:finished': {
      const { type, status, durationSeconds, sizeBytes, encryptionSeconds, uploads, errorType } = event;
      const [upload] = uploads ?? [];
      metrics.recordBackup({
        backupType: type,
        status: status === 'interrupted' ? 'failed' : status,
        durationSeconds,
        ...(sizeBytes !== undefined && { sizeBytes }),
        ...(encryptionSeconds !== undefined && { encryptionTime: encryptionSeconds }),
        ...(upload !== undefined && { uploadTime: upload.seconds, cloudProvider: upload.provider }),
      });
      if (errorType !== undefined) metrics.recordError(errorType);
      return;
    }
    case 'backup:verified':
      metrics.recordVerification(event.status);
      return;
    case 'backup:restored':
      metrics.recordRestore(event.status);
      return;
    case 'error':
      metrics.recordError(event.errorType);
      return;
    case 'run:started':
    case 'run:reviewed':
    case 'run:unusual':
    case 'run:missed':
    case 'run:deferred':
    case 'backup:healed':
    case 'backup:read':
    case 'backup:pruned':
    case 'rotation:started':
    case 'rotation:backups':
    case 'rotation:finished':
    case 'key:changed':
    case 'drill:started':
    case 'drill:finished':
      return;
  }
}

/** What the options mean in the words of the config. */
export function configOf(
  options: Pick<BackupManagerOptions, 'backupDir' | 'keyStorageDir' | 'passphrase' | 'stateDir'>,
): Config {
  const keystore = resolve(options.keyStorageDir);
  const written = configSchema.parse({
    state: options.stateDir ?? join(keystore, '..', 'state'),
    encryption: { keystore, passphrase: options.passphrase },
    stores: { local: { type: 'directory', path: resolve(options.backupDir) } },
    schedules: [],
  });
  const state = resolve(written.state);
  return { ...written, state, local: state, instance: hostname(), schedules: [] };
}

/** Asked for by hand, so that the interval is never looked at. */
function scheduleOf(id: string, source: SourceConfig): ScheduleConfig {
  const [schedule] = configSchema.shape.schedules.parse([{ id, source, every: '1d', stores: ['local'] }]);
  if (schedule === undefined) throw new TypeError('one schedule was parsed');
  return { ...schedule, timezone: 'UTC', estimated_duration: estimatedDuration(schedule) };
}

function databaseSource(database: string): SourceConfig {
  if (/^postgres(ql)?:\/\//.test(database)) return { type: 'postgres', url: database, globals: 'auto' };
  if (/^(mysql|mariadb):\/\//.test(database)) return { type: 'mysql', url: database };
  return { type: 'sqlite', path: resolve(database) };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
