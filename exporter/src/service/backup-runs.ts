import type { Run, RunStatus } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { unlessAway } from '../errors/away.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { OwnUseMeter } from '../load/own-use.ts';
import type { BackupJob } from '../run/jobs.ts';
import { strainTexts, type Strained } from '../run/pace.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { describe } from './describe.ts';
import type { Hold } from './fleet/held-claim.ts';
import type { Logger } from './log.ts';
import { report } from './report.ts';
import { measureRun } from './measured-run.ts';
import type { Reviewer } from './reviewer.ts';
import type { Tide } from './tide.ts';
import type { WorkRegistry } from './work.ts';

export interface BackupRunsOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly registry: WorkRegistry;
  readonly learning: Tide['learning'];
  readonly ownUse: OwnUseMeter;
  readonly reviewer: Pick<Reviewer, 'poke'>;
  readonly log: Logger;
  /** Aborted when the service is to stop: nothing is waited for any more. */
  readonly stopping: AbortSignal;
  /** Aborted when it cannot wait any longer for what is going on. */
  readonly interrupted: AbortSignal;
}

/** An occurrence whose runs were interrupted so often is not tried again. */
const mostAttempts = 3;
/** After a run that could not even be begun (the catalog is full), before another try. */
const retryMs = 30_000;
/** While another process works on a schedule. */
const lookAgainMs = 2000;

/** The backups that a service makes, when they are due and when they are asked for, and what earlier processes have left. */
export class BackupRuns {
  readonly #options: BackupRunsOptions;

  constructor(options: BackupRunsOptions) {
    this.#options = options;
  }

  async recover(): Promise<void> {
    const { jobs } = this.#options.installation();
    for (const run of await jobs.recover(this.#options.interrupted)) {
      this.#options.log.warn(
        { schedule: run.schedule, run: run.id },
        run.status === 'completed'
          ? 'a backup whose process had ended was found whole, and filed'
          : 'a run was cut off when its process ended; what it left was removed',
      );
      await this.#offerAgain(run);
    }
  }

  /** Verifies the backups whose process ended before it had. */
  async verifyUnproven(): Promise<void> {
    const { jobs, config } = this.#options.installation();
    try {
      for (const { backup, verification } of await jobs.verifyUnproven(
        config.schedules,
        this.#options.interrupted,
      )) {
        for (const { store, status, error } of verification.copies) {
          const fields = { backup: backup.id, store, ...(error !== undefined && { err: describe(error) }) };
          if (status === 'passed')
            this.#options.log.info(fields, 'a backup that had not been verified was, and is whole');
          else this.#options.log.warn(fields, error?.message ?? 'a backup could not be verified');
        }
      }
    } catch (thrown) {
      report(this.#options.log, thrown, 'backups could not be verified', { level: 'warn' });
    }
  }

  /** How the run ended; undefined where none could be begun. `hold`: what makes it this host's to do. */
  async runScheduled(schedule: ScheduleConfig, dueAt: EpochMs, hold?: Hold): Promise<RunStatus | undefined> {
    try {
      const run = await this.backUp(schedule, { trigger: 'schedule', dueAt }, hold);
      await this.#offerAgain(run);
      return run.status;
    } catch (thrown) {
      if (!isActive(thrown)) return this.#wait(schedule, thrown);
      return await this.#followOther(schedule, dueAt).catch((failed: unknown) =>
        this.#wait(schedule, failed),
      );
    }
  }

  async #wait(schedule: ScheduleConfig, thrown: unknown): Promise<undefined> {
    const { clock } = this.#options.installation();
    this.#options.log.error(
      { schedule: schedule.id, err: describe(thrown) },
      'a backup could not be started',
    );
    await clock.wakeAt(clock.now() + retryMs, this.#options.stopping).catch(() => undefined);
  }

  /**
   * Another process makes a backup of the schedule just now. Where that completes it is the one of this occurrence as well;
   * where not, the occurrence is still due.
   */
  async #followOther(schedule: ScheduleConfig, dueAt: EpochMs): Promise<RunStatus | undefined> {
    const { catalog, clock } = this.#options.installation();
    const { stopping } = this.#options;
    const [other] = await catalog.runs({ schedule: schedule.id, status: 'running', limit: 1 });
    if (other === undefined) return undefined;
    this.#options.log.info(
      { schedule: schedule.id, run: other.id },
      'waits for a run that was started elsewhere',
    );
    for (;;) {
      await clock.wakeAt(clock.now() + lookAgainMs, stopping).catch(() => undefined);
      if (stopping.aborted) return undefined;
      await this.recover();
      const status = (await catalog.run(other.id))?.status;
      if (status === 'running') continue;
      if (status !== 'completed') return undefined;
      await catalog.settle(schedule.id, dueAt);
      return status;
    }
  }

  async backUp(
    schedule: ScheduleConfig,
    request: Pick<BackupJob, 'trigger' | 'dueAt' | 'onStart'>,
    hold?: Hold,
  ): Promise<Run> {
    const { jobs, catalog, clock } = this.#options.installation();
    const [last] = (await unlessAway(catalog.backups({ schedule: schedule.id, limit: 1 }))) ?? [];
    const { learning } = this.#options;
    await learning.learn([schedule], clock.now());
    const { storedBytes = last?.storedBytes } = learning.of(schedule);
    using work = this.#options.registry.begin(storedBytes);
    const onProblem = (problem: LowtideError): void =>
      this.#options.log.warn({ schedule: schedule.id, err: describe(problem) }, problem.message);
    const filed = {
      reviews: catalog.reviews,
      onProblem: (thrown: unknown) => onProblem(LowtideError.from(thrown)),
    };
    const { run } = await measureRun(this.#options.ownUse, filed, () =>
      jobs.backUp({
        schedule,
        ...request,
        signal: hold === undefined ? work.signal : AbortSignal.any([work.signal, hold.lost]),
        ...(hold !== undefined && { confirm: () => hold.confirm() }),
        onProgress: (bytes, expected) =>
          expected === undefined ? work.onProgress(bytes) : work.onProgressOf(bytes, expected),
        onPace: (why) => {
          work.onPace(why);
          this.#reportPace(schedule, why);
        },
        onStart: (begun) => {
          work.call(begun.id, 'run');
          this.#options.log.info({ schedule: schedule.id, run: begun.id }, 'backup started');
          request.onStart?.(begun);
        },
        onProblem,
      }),
    );
    this.#options.learning.forget(schedule.id);
    this.#options.reviewer.poke();
    this.#report(run);
    return run;
  }

  #reportPace({ id: schedule }: ScheduleConfig, why: Strained | undefined): void {
    const { log } = this.#options;
    if (why === undefined) log.info({ schedule }, 'backup goes on as fast as it can');
    else log.info({ schedule, reason: why }, `backup makes way for the host: ${strainTexts[why]}`);
  }

  #report(run: Run): void {
    const fields = { schedule: run.schedule, run: run.id };
    const took = formatDuration(Math.max(0, (run.finishedAt ?? run.startedAt) - run.startedAt));
    if (run.status === 'completed') {
      const size = `${formatSize(run.sizeBytes ?? 0)}, ${formatSize(run.storedBytes ?? 0)} stored`;
      const stopped = stoppedFor(run);
      this.#options.log.info(
        { ...fields, backup: run.backupId },
        `backup completed in ${took}${stopped}: ${size}`,
      );
      for (const warning of run.warnings) this.#options.log.warn(fields, warning);
    } else {
      this.#options.log.error(
        { ...fields, code: run.error?.code },
        `backup ${run.status}: ${run.error?.message ?? ''}`,
      );
    }
  }

  /** What was interrupted is due still; whether it is too late the scheduler decides. */
  async #offerAgain({ schedule, status, dueAt }: Run): Promise<void> {
    if (status !== 'interrupted' || dueAt === undefined) return;
    const { catalog } = this.#options.installation();
    const attempts = await catalog.runs({ schedule, dueAt, limit: mostAttempts });
    if (attempts.length < mostAttempts) await catalog.settle(schedule, dueAt - 1);
  }
}

function isActive(thrown: unknown): boolean {
  return thrown instanceof LowtideError && thrown.code === 'run_active';
}

function stoppedFor({ pausedSeconds }: Run): string {
  const seconds = Math.round(pausedSeconds);
  return seconds === 0 ? '' : ` (stopped for ${formatDuration(1000 * seconds)} of it, for the host was busy)`;
}
