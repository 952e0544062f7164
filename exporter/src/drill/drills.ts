import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backup, Catalog } from '../catalog/catalog.ts';
import type { Drill, DrillEnd, NewDrill } from '../catalog/drills.ts';
import type { Clock } from '../clock/clock.ts';
import type { Config, ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import type { Command } from '../process/command.ts';
import type { Launcher } from '../process/courtesy.ts';
import { endLeftovers } from '../process/leftovers.ts';
import { restoreFromBest } from '../run/restore.ts';
import { openScratch } from '../run/scratch.ts';
import type { SealPool } from '../seal/pool.ts';
import { storedManifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { fromRfc3339 } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { makeChecks } from './checks.ts';
import { filesPlace } from './files.ts';
import { dropMysqlDatabase, mysqlServerPlace, mysqlUrlPlace } from './mysql.ts';
import type { DrillPlace } from './place.ts';
import { dropPostgresDatabase, postgresServerPlace, postgresUrlPlace } from './postgres.ts';

export interface DrillEnvironment {
  readonly config: Pick<Config, 'drills' | 'schedules'>;
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly launcher: () => Promise<Launcher>;
  /** For passwords, and images that are looked at. */
  readonly scratchRoot: string;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Drills that this process works on; shared by those of one process that use the same catalog. */
  readonly drilling: Set<string>;
}

export interface DrillRequest {
  readonly schedule: ScheduleConfig;
  readonly trigger: NewDrill['trigger'];
  /** Absent: the newest that has a good copy. */
  readonly backup?: Backup;
  readonly signal: AbortSignal;
  readonly onStart?: (drill: Drill, backup: Backup) => void;
  /** Stored bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** How many of a schedule's backups are looked through for one with a good copy. */
const lookedThrough = 50;

/**
 * Restores for practice: into a place of the drill's own, which is looked at and removed again, whatever happens. Where a drill
 * is killed, the next one, or the next start, removes what it has left.
 */
export class Drills {
  readonly #environment: DrillEnvironment;

  constructor(environment: DrillEnvironment) {
    this.#environment = environment;
  }

  /**
   * A drill that fails is an answer (`status`, `error`), not an error; thrown is what keeps it from being recorded:
   * `not_found` where there is nothing to restore, `run_active`, and what the catalog throws.
   */
  async run(request: DrillRequest): Promise<Drill> {
    await this.recover();
    const { catalog, clock, drilling } = this.#environment;
    const { schedule, trigger, backup = await this.#newest(schedule.id) } = request;
    const startedAt = clock.now();
    const id = randomUUID();
    // Before it is on record: what is on record, and worked on by nobody, was cut off.
    drilling.add(id);
    try {
      const drill = await catalog.drills.start({
        id,
        schedule: schedule.id,
        backupId: backup.id,
        trigger,
        startedAt,
        dataAgeSeconds: Math.max(0, startedAt - fromRfc3339(backup.manifest.startedAt)) / 1000,
        scratch: this.#scratchOf(id, schedule),
      });
      request.onStart?.(drill, backup);
      return await catalog.drills.finish(id, await this.#work(drill, backup, request));
    } finally {
      drilling.delete(id);
    }
  }

  /** Ends the drills whose process is gone, and removes what they have left; returns how they ended. */
  async recover(): Promise<readonly Drill[]> {
    const { catalog, clock, drilling } = this.#environment;
    const cutOff = await catalog.drills.interruptOrphans(drilling, clock.now());
    for (const drill of await catalog.drills.withScratch()) {
      await endLeftovers(drill.id);
      // What cannot be removed now (the server does not answer) is tried again.
      await this.#removeScratch(drill).catch(() => undefined);
    }
    return cutOff;
  }

  async #newest(schedule: string): Promise<Backup> {
    const backups = await this.#environment.catalog.backups({
      schedule,
      status: 'completed',
      limit: lookedThrough,
    });
    const found = backups.find(({ copies }) => copies.some(({ status }) => status === 'good'));
    if (found !== undefined) return found;
    const [newest] = backups;
    // What another tool keeps, that tool restores.
    if (newest !== undefined) storedManifest(newest.manifest);
    throw new LowtideError('not_found', `${schedule} has no backup with a good copy to restore`, {
      hint: `\`lowtide backup ${schedule}\` makes one now.`,
    });
  }

  #scratchOf(id: string, { verify, source }: ScheduleConfig): NewDrill['scratch'] {
    const folder = join(this.#environment.config.drills.folder, `lowtide-drill-${id.slice(0, 8)}`);
    const isOnServer = verify.drill_into !== undefined && ['postgres', 'mysql'].includes(source.type);
    return { folder, ...(isOnServer && { database: `lowtide_drill_${id.slice(0, 8)}` }) };
  }

  async #work(drill: Drill, backup: Backup, request: DrillRequest): Promise<DrillEnd> {
    const { clock } = this.#environment;
    const found: { -readonly [K in keyof DrillEnd]?: DrillEnd[K] } = {};
    let end: Pick<DrillEnd, 'status' | 'error' | 'errorType'>;
    try {
      end = await this.#restoreAndCheck(drill, backup, request, found);
    } catch (thrown) {
      const cause: unknown = request.signal.aborted ? request.signal.reason : thrown;
      end = endOf(LowtideError.from(cause));
    }
    const warnings = [...(found.warnings ?? [])];
    try {
      await this.#removeScratch(drill);
    } catch (thrown) {
      warnings.push(`what was restored could not be removed yet: ${LowtideError.from(thrown).message}`);
    }
    return { checks: [], ...found, ...end, warnings, finishedAt: clock.now() };
  }

  /** Says in `found` what it has learned, also where it fails. */
  async #restoreAndCheck(
    drill: Drill,
    backup: Backup,
    { schedule, signal, onProgress }: DrillRequest,
    found: { -readonly [K in keyof DrillEnd]?: DrillEnd[K] },
  ): Promise<Pick<DrillEnd, 'status' | 'error' | 'errorType'>> {
    const { elapsed, scratchRoot } = this.#environment;
    await using scratch = await openScratch(scratchRoot);
    await using place = await this.#open(drill, backup, schedule, scratch.path, signal);
    const started = elapsed();
    await place.target.check();
    const result = await restoreFromBest(place.target, {
      ...this.#environment,
      backup,
      scratch: scratch.path,
      signal,
      ...(onProgress !== undefined && { onProgress }),
    });
    const restoreSeconds = (elapsed() - started) / 1000;
    Object.assign(found, { restoreSeconds, store: result.store, warnings: result.warnings });
    found.contents = await place.look(result.restored);
    const measured = { restoreSeconds, dataAgeSeconds: drill.dataAgeSeconds };
    const { drill_checks: checks } = schedule.verify;
    found.checks = await makeChecks(place, checks, { restored: result.restored, measured, signal });
    const failed = found.checks.filter(({ status }) => status === 'failed');
    if (failed.length === 0) return { status: 'passed' };
    const why = failed.map(({ name, message }) => `${name}: ${message}`).join(' ');
    return endOf(
      new LowtideError('drill_failed', `${backup.id} was restored, but a check has failed. ${why}`, {
        hint: `Look at it: lowtide restore ${backup.id} --to ./restored`,
      }),
    );
  }

  async #open(
    { id, scratch: { folder, database } }: Drill,
    backup: Backup,
    { verify, source }: ScheduleConfig,
    scratch: string,
    signal: AbortSignal,
  ): Promise<DrillPlace> {
    const target = { force: false, scratch, safetyFolder: scratch, signal };
    const { drill_into: url } = verify;
    const manifest = storedManifest(backup.manifest);
    if (url !== undefined && database !== undefined) {
      const open = source.type === 'mysql' ? mysqlUrlPlace : postgresUrlPlace;
      return open(url, database, target);
    }
    await this.#makeFolder(folder, backup);
    const { format } = manifest.parts[0];
    if (format !== 'pg_custom' && format !== 'sql') return filesPlace(folder, manifest, target);
    const launcher = await this.#environment.launcher();
    const server = {
      folder,
      work: id,
      launch: (command: Command) => launcher.launch(command, { nice: 10, io: 'low' }),
      target,
      signal,
    };
    return format === 'sql'
      ? mysqlServerPlace(server)
      : postgresServerPlace({
          ...server,
          hasGlobals: manifest.parts.some(({ role }) => role === 'globals'),
        });
  }

  async #makeFolder(folder: string, { sizeBytes }: Backup): Promise<void> {
    const { folder: parent } = this.#environment.config.drills;
    try {
      await mkdir(parent, { recursive: true });
      // A server of another user may have to go through it, and may not look into it.
      await mkdir(folder, { mode: 0o711 });
    } catch (thrown) {
      throw new LowtideError(
        'restore_failed',
        `cannot make ${folder}: ${LowtideError.from(thrown).message}`,
        {
          hint: 'Name a folder that Lowtide may write to under drills.folder.',
          cause: thrown,
        },
      );
    }
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize >= sizeBytes) return;
    const room = `${formatSize(bavail * bsize)} are free at ${parent}, and the backup has ${formatSize(sizeBytes)}`;
    throw new LowtideError('restore_failed', `there is no room for the drill: ${room}`, {
      hint: 'Make room there, or name another disk under drills.folder.',
    });
  }

  async #removeScratch({ id, schedule, scratch: { folder, database } }: Drill): Promise<void> {
    const { config, scratchRoot, catalog } = this.#environment;
    if (database !== undefined) {
      const configured = config.schedules.find((each) => each.id === schedule);
      const url = configured?.verify.drill_into;
      if (configured === undefined || url === undefined) {
        throw new LowtideError('restore_failed', `nothing says any more on which server ${database} lies`, {
          hint: 'Drop it by hand.',
        });
      }
      await using scratch = await openScratch(scratchRoot);
      const drop = configured.source.type === 'mysql' ? dropMysqlDatabase : dropPostgresDatabase;
      await drop(url, database, scratch.path);
    }
    await rm(folder, { recursive: true, force: true });
    await catalog.drills.scratchRemoved(id);
  }
}

function endOf(error: LowtideError): Pick<DrillEnd, 'status' | 'error' | 'errorType'> {
  const { code, message, hint } = error;
  const status = code === 'cancelled' || code === 'interrupted' ? code : 'failed';
  return {
    status,
    error: { code, message, ...(hint !== undefined && { hint }) },
    ...(status === 'failed' && { errorType: error.facts.errorType }),
  };
}
