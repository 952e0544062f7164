import type { Backup, Catalog, Run } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { isAway, unlessAway } from '../errors/away.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import { prune, sumOf, type PruneOptions, type PruneResult } from '../retention/prune.ts';
import type { SealPool } from '../seal/pool.ts';
import { isRepositoryType } from '../source/repository.ts';
import { storedManifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { formatSize } from '../units/size.ts';
import { readInFull, type ReadInFullOptions } from './read-in-full.ts';
import { restoreBackup, type RestoreResult } from './restore.ts';
import type { Judgement } from './judge.ts';
import { refuseProtected, type ProtectedPlace } from './restore/protected.ts';
import { RunLog } from './run-log.ts';
import type { Runner, RunRequest } from './runner.ts';
import { openScratch } from './scratch.ts';
import { RepositoryCare, type CareEnvironment } from './repository-care.ts';
import { verifyBackup, type BackupVerification } from './verify.ts';

export interface JobEnvironment extends CareEnvironment {
  readonly runner: Runner;
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly scratchRoot: string;
  /** Where the old content of a database is kept while a restore replaces it. */
  readonly safetyFolder: string;
  /** What no restore may touch: stores, keystore, state, config. */
  readonly protectedPlaces: readonly ProtectedPlace[];
  readonly clock: Clock;
}

export interface BackupJob extends RunRequest {
  /** Hears of what went wrong after the backup was made; the backup itself is not touched by it. */
  readonly onProblem?: (problem: LowtideError) => void;
}

export interface BackupJobResult {
  readonly run: Run;
  /** Of each copy; absent where no backup came of the run, or none was asked for. */
  readonly verification?: BackupVerification;
  readonly pruned?: PruneResult;
}

export interface JobOptions {
  readonly signal: AbortSignal;
  /** Bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** How many of a schedule's backups may have been left unverified by processes that ended. */
const recentBackups = 10;

/** What can be done with backups, each with all that belongs to it; the CLI, the service and the library call these. */
export class Jobs {
  readonly #environment: JobEnvironment;
  readonly #care: RepositoryCare;

  constructor(environment: JobEnvironment) {
    this.#environment = environment;
    this.#care = new RepositoryCare(environment);
  }

  /** Makes a backup, verifies what was stored, and prunes; an older backup goes only after the new one has been proven. */
  async backUp(job: BackupJob): Promise<BackupJobResult> {
    const { runner, catalog, clock } = this.#environment;
    const run = await runner.run(job);
    const backup = run.backupId === undefined ? undefined : await unlessAway(catalog.backup(run.backupId));
    if (backup === undefined) return { run };
    const { schedule, signal } = job;
    const log = new RunLog(run.id, catalog.runLogs, clock);
    const report = async (problem: LowtideError): Promise<void> => {
      job.onProblem?.(problem);
      log.error(problem.message);
      const { errorType } = problem.facts;
      await catalog.append({ name: 'error', errorType }, clock.now());
    };
    try {
      const verification = (await this.#isToVerify(schedule))
        ? await this.verify(backup, { signal })
        : undefined;
      const proven = verification?.copies.every((copy) => copy.status === 'passed') ?? true;
      tellOf(verification, backup, log);
      for (const problem of problemsOf(verification)) if (!isAway(problem)) await report(problem);
      const pruned =
        proven && (await this.#isSound(backup, schedule))
          ? // Nothing is removed by half of what is known: while the state is away, the next run does it.
            await unlessAway(this.prune([schedule], { signal, scope: 'schedules' }))
          : undefined;
      if (pruned !== undefined && pruned.removed > 0) {
        const copies = pruned.removed === 1 ? 'an older copy was' : `${pruned.removed} older copies were`;
        const freed = pruned.freedBytes === 0 ? '' : `: ${formatSize(pruned.freedBytes)} freed`;
        log.info(`${copies} removed${freed}`);
      }
      for (const { error } of pruned?.problems ?? []) await report(error);
      return {
        run,
        ...(verification !== undefined && { verification }),
        ...(pruned !== undefined && { pruned }),
      };
    } catch (thrown) {
      // What was not verified for that is when the state is back.
      if (!isAway(thrown)) await report(LowtideError.from(thrown));
      return { run };
    }
  }

  /**
   * Verifies what was stored lately and never verified: the process ended between the two. Returns what it has found.
   */
  async verifyUnproven(
    schedules: readonly ScheduleConfig[],
    signal: AbortSignal,
  ): Promise<readonly { readonly backup: Backup; readonly verification: BackupVerification }[]> {
    const found: { backup: Backup; verification: BackupVerification }[] = [];
    for (const { id, verify } of schedules) {
      if (!verify.after_backup) continue;
      const recent = await this.#environment.catalog.backups({
        schedule: id,
        status: 'completed',
        limit: recentBackups,
      });
      for (const backup of recent.filter(isUnproven)) {
        signal.throwIfAborted();
        found.push({ backup, verification: await this.verify(backup, { signal }) });
      }
    }
    return found;
  }

  async recover(signal: AbortSignal): Promise<readonly Run[]> {
    return await this.#environment.runner.recover(signal);
  }

  /** A check of a whole repository is made now and then; each backup in a store is verified by itself. */
  async #isToVerify(schedule: ScheduleConfig): Promise<boolean> {
    if (!schedule.verify.after_backup) return false;
    if (!isRepositoryType(schedule.source.type)) return true;
    return (await unlessAway(this.#care.isCheckDue(schedule))) ?? false;
  }

  /** A repository that was found damaged is not made smaller before a check has passed again. */
  async #isSound({ snapshot }: Backup, schedule: ScheduleConfig): Promise<boolean> {
    return snapshot === undefined || (await unlessAway(this.#care.isDamaged(schedule))) === false;
  }

  async verify(backup: Backup, options: JobOptions): Promise<BackupVerification> {
    if (backup.snapshot !== undefined) return await this.#care.verify(backup, options);
    await using scratch = await openScratch(this.#environment.scratchRoot);
    return await verifyBackup({ ...this.#environment, ...options, backup, scratch: scratch.path });
  }

  /** Compares one copy with what was stored, without opening it. */
  async readInFull(
    backup: Backup,
    storeId: string,
    options: JobOptions & Pick<ReadInFullOptions, 'turn'>,
  ): Promise<Judgement> {
    return await readInFull({ ...this.#environment, ...options, backup, storeId });
  }

  /** `target` is a folder, a file or a database URL; nothing is overwritten without `force`. */
  async restore(
    backup: Backup,
    target: string,
    options: JobOptions & { readonly force: boolean },
  ): Promise<RestoreResult> {
    storedManifest(backup.manifest);
    refuseProtected(target, this.#environment.protectedPlaces);
    await using scratch = await openScratch(this.#environment.scratchRoot);
    return await restoreBackup({ ...this.#environment, ...options, backup, target, scratch: scratch.path });
  }

  async prune(
    schedules: readonly ScheduleConfig[],
    options: JobOptions & Pick<PruneOptions, 'dryRun' | 'scope'>,
  ): Promise<PruneResult> {
    const { catalog, stores, clock } = this.#environment;
    const results = [await prune({ catalog, stores, schedules, now: clock.now(), ...options })];
    for (const schedule of schedules.filter(({ source }) => isRepositoryType(source.type))) {
      results.push(await this.#retain(schedule, options));
    }
    return sumOf(results);
  }

  /** A repository that says no does not keep the others from being looked after. */
  async #retain(
    schedule: ScheduleConfig,
    options: JobOptions & Pick<PruneOptions, 'dryRun'>,
  ): Promise<PruneResult> {
    try {
      return await this.#care.retain(schedule, options);
    } catch (thrown) {
      options.signal.throwIfAborted();
      const problem = { store: schedule.source.type, error: LowtideError.from(thrown) };
      return { verdicts: [], removed: 0, freedBytes: 0, problems: [problem] };
    }
  }
}

function tellOf(verification: BackupVerification | undefined, { snapshot }: Backup, log: RunLog): void {
  for (const { store, status, warnings } of verification?.copies ?? []) {
    if (status === 'passed')
      log.info(
        snapshot === undefined
          ? `the copy in store ${store} was read back, and is what was written`
          : `${store} has checked its repository, and found it sound`,
      );
    for (const warning of warnings) log.warn(warning);
  }
}

function problemsOf(verification: BackupVerification | undefined): readonly LowtideError[] {
  return (verification?.copies ?? []).flatMap(({ error }) => (error === undefined ? [] : [error]));
}

function isUnproven({ copies }: Backup): boolean {
  return copies.some(({ status, verifiedAt }) => status === 'good' && verifiedAt === undefined);
}
