import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backup, Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { ManualClock } from '../../exporter/src/clock/manual.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Keystore } from '../../exporter/src/keys/keystore.ts';
import { findCompression } from '../../exporter/src/run/compression.ts';
import { Crew } from '../../exporter/src/process/crew.ts';
import { runPipeline } from '../../exporter/src/run/pipeline.ts';
import { restoreBackup, type RestoreOptions, type RestoreResult } from '../../exporter/src/run/restore.ts';
import { RunLog } from '../../exporter/src/run/run-log.ts';
import { openScratch } from '../../exporter/src/run/scratch.ts';
import { verifyBackup, type BackupVerification } from '../../exporter/src/run/verify.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import type { PartFormat, Source, SourceType } from '../../exporter/src/source/source.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { storedManifest, type Manifest } from '../../exporter/src/store/manifest.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { toRfc3339 } from '../../exporter/src/units/instant.ts';
import { newRun, noon, runEnd } from './catalog-samples.ts';

/** An installation in a folder of its own, with real stores, keys and catalog: makes backups, verifies and restores them. */
export class TestInstallation implements AsyncDisposable {
  readonly folder: string;
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly clock = new ManualClock(noon);
  readonly pool = createSealPool({ threads: 2 });

  private constructor(folder: string) {
    this.folder = folder;
    this.catalog = openSqliteCatalog(join(folder, 'state'));
    this.stores = new Map(
      ['near', 'far'].map((id) => [id, new DirectoryStore(id, join(folder, 'stores', id))]),
    );
    this.keystore = fileKeystore({ folder: join(folder, 'keys'), passphrase: 'low tide', scryptLogN: 2 });
  }

  static async open(folder = mkdtempSync(join(tmpdir(), 'lowtide-restore-'))): Promise<TestInstallation> {
    const installation = new TestInstallation(folder);
    const keys = await installation.keystore.list();
    if (keys.length === 0) await installation.keystore.create({ kind: 'x25519', now: noon });
    return installation;
  }

  get safetyFolder(): string {
    return join(this.folder, 'safety');
  }

  /** A folder inside the installation's own, made anew. */
  newFolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  async backUp(
    source: Source,
    { stores = ['near'] }: { readonly stores?: readonly string[] } = {},
  ): Promise<Backup> {
    const id = `test-${randomBytes(6).toString('hex')}`;
    const run = newRun(`run-of-${id}`, {
      schedule: id,
      type: source.kind,
      stores,
      objectPrefix: `test/${id}.`,
    });
    const { active, signal } = { active: await this.keystore.active(), signal: new AbortController().signal };
    await this.catalog.startRun(run);
    await using scratch = await openScratch(join(this.folder, 'scratch'));
    const { manifest } = await runPipeline({
      source,
      stores: stores.map((store) => this.store(store)),
      recipients: [active.recipient],
      compression: await findCompression(signal),
      pool: this.pool,
      scratch: scratch.path,
      objectPrefix: run.objectPrefix,
      crew: new Crew({
        launcher: { launch: (command) => command },
        courtesy: { nice: 0, io: 'normal' },
        work: run.id,
      }),
      turn: () => Promise.resolve(),
      signal,
      log: new RunLog(run.id, this.catalog.runLogs, { now: () => noon }),
      elapsed: () => performance.now(),
      describe: ({ parts, tools, warnings }): Manifest => ({
        formatVersion: 1,
        id,
        instance: 'test',
        schedule: run.schedule,
        type: source.kind,
        source: { type: source.type, label: source.label },
        runId: run.id,
        startedAt: toRfc3339(noon),
        createdAt: toRfc3339(noon),
        parts: [...parts],
        keyId: active.id,
        recipients: [active.recipient],
        tools: { ...tools },
        warnings: [...warnings],
      }),
    });
    const copies = stores.map((store) => {
      const path = this.store(store).locate(manifest.parts[0].name);
      return { store, path, status: 'good' as const };
    });
    await this.catalog.finishRun(run.id, runEnd(run, { backup: { manifest, copies } }));
    return await this.backup(id);
  }

  async backup(id: string): Promise<Backup> {
    const backup = await this.catalog.backup(id);
    if (backup === undefined) throw new Error(`there is no backup ${id}`);
    return backup;
  }

  store(id: string): Store {
    const store = this.stores.get(id);
    if (store === undefined) throw new Error(`there is no store ${id}`);
    return store;
  }

  /** Where the backup's main file lies. */
  pathOf(backup: Backup, store = 'near'): string {
    return this.store(store).locate(storedManifest(backup.manifest).parts[0].name);
  }

  async verify(backup: Backup, signal = new AbortController().signal): Promise<BackupVerification> {
    await using scratch = await openScratch(join(this.folder, 'scratch'));
    return await verifyBackup({ ...this.#common, backup, scratch: scratch.path, signal });
  }

  async restore(backup: Backup, target: string, more: Partial<RestoreOptions> = {}): Promise<RestoreResult> {
    await using scratch = await openScratch(join(this.folder, 'scratch'));
    return await restoreBackup({
      ...this.#common,
      backup: await this.backup(backup.id),
      target,
      force: false,
      scratch: scratch.path,
      safetyFolder: this.safetyFolder,
      signal: new AbortController().signal,
      ...more,
    });
  }

  /** Names and statuses of what was recorded of a backup's verifications and restores. */
  async recorded(backup: Backup): Promise<readonly string[]> {
    return (await this.catalog.eventsAfter(0, 10_000)).flatMap(({ body }) =>
      (body.name === 'backup:verified' || body.name === 'backup:restored') && body.backupId === backup.id
        ? [`${body.name} ${body.status}`]
        : [],
    );
  }

  get #common(): Pick<RestoreOptions, 'stores' | 'keystore' | 'pool' | 'catalog' | 'clock'> {
    const { stores, keystore, pool, catalog, clock } = this;
    return { stores, keystore, pool, catalog, clock };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.catalog[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A source that gives these bytes, whatever they are. */
export function bytesSource(
  bytes: Uint8Array,
  format: PartFormat = 'raw',
  type: SourceType = 'command',
): Source {
  return {
    type,
    kind: type === 'directory' ? 'files' : type === 'command' ? 'command' : 'database',
    label: 'bytes of a test',
    check: () => Promise.resolve(),
    prepare({ scratch }) {
      const file = join(scratch, 'content');
      writeFileSync(file, bytes);
      return Promise.resolve({ parts: [{ role: 'main', format, input: { file } }], tools: {} });
    },
  };
}
