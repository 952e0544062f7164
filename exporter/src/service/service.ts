import { setImmediate } from 'node:timers/promises';
import { acquireServiceLock } from '../catalog/ownership.ts';
import type { Run } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { fullestDisk } from '../health/disk.ts';
import { watchHealth } from '../health/health.ts';
import { startHttp } from '../http/server.ts';
import { serviceMetrics, type ServiceMetrics } from '../metrics/metrics.ts';
import { sweepScratch } from '../run/scratch.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { version } from '../version.ts';
import type { Logger } from './log.ts';
import { Scheduler } from './scheduler.ts';
import { StoreWatch } from './store-watch.ts';
import { WatchedSchedules } from './watched-schedules.ts';

export interface ServeOptions {
  readonly installation: Installation;
  /** `host:port`. */
  readonly listen: string;
  readonly log: Logger;
  /** Told once all is up, with the address. */
  readonly onReady: (address: string) => void;
  /** Aborted to stop: no run begins any more, those going on get `graceMs` to end, then they are interrupted. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
}

/** An occurrence whose runs were interrupted so often is not tried again. */
const mostAttempts = 3;
/** After a run that could not even be begun (the catalog is full), before another try. */
const retryMs = 30_000;

/**
 * Scheduler, runs and HTTP in one process, until the signal is aborted. Throws what keeps it from starting: `state_busy`
 * where another one serves this state, `listen_failed`.
 */
export async function serve(options: ServeOptions): Promise<void> {
  await new Service(options).run();
}

class Service {
  readonly #options: ServeOptions;
  readonly #installation: Installation;
  readonly #log: Logger;
  /** Ends what is running, once the grace is over. */
  readonly #interrupt = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#installation = options.installation;
    this.#log = options.log;
  }

  async run(): Promise<void> {
    const { config, clock, stores, catalog, scratchRoot } = this.#installation;
    const { signal } = this.#options;
    using _lock = acquireServiceLock(config.state);
    await sweepScratch(scratchRoot);
    await this.#recover();
    const scheduler = new Scheduler({
      schedules: config.schedules,
      catalog,
      clock,
      start: (schedule, dueAt) => this.#track(this.#runScheduled(schedule, dueAt)),
      onError: (error) => this.#log.error({ err: describe(error) }, 'the schedules could not be looked at'),
    });
    const storeWatch = new StoreWatch(stores.values(), clock);
    const schedules = new WatchedSchedules(config.schedules, scheduler, clock.now());
    const { metrics, pages, catchUp, health } = this.#watch(storeWatch, schedules);
    await catchUp();
    const http = await startHttp({
      listen: this.#options.listen,
      version,
      instance: config.instance,
      metrics,
      pages,
      health,
      onError: (error) => this.#log.error({ err: describe(error) }, 'a request could not be answered'),
    });
    await using _http = http;
    const background = [scheduler.run(signal), storeWatch.run(signal)];
    // The first look at the schedules is made before anybody asks when they run.
    await setImmediate();
    this.#options.onReady(http.address);
    await Promise.all(background);
    await this.#drain();
  }

  #watch(
    storeWatch: StoreWatch,
    schedules: WatchedSchedules,
  ): ServiceMetrics & { readonly health: ReturnType<typeof watchHealth> } {
    const { catalog, keystore, config, clock } = this.#installation;
    const folders = [config.state, ...Object.values(config.stores).map((store) => store.path)];
    const sources = {
      disk: () => fullestDisk(folders),
      schedules: () => schedules.list(),
      stores: () => storeWatch.watched(),
      now: () => clock.now(),
    };
    const health = watchHealth({
      ...sources,
      largestBackupBytes: () =>
        Math.max(
          0,
          ...catalog.backups({ status: 'completed', limit: 100 }).map((backup) => backup.storedBytes),
        ),
      keystoreFindings: () => keystore.findings(),
      catalogFindings: () => catalog.check(),
    });
    const metrics = serviceMetrics({
      ...sources,
      catalog,
      keys: () => keystore.list(),
      health,
      version,
      nodeVersion: process.version,
      process: true,
      onFailure: (what, error) =>
        this.#log.warn({ err: describe(error) }, `the metrics of ${what} are missing`),
    });
    return { ...metrics, health };
  }

  async #recover(): Promise<void> {
    const { jobs } = this.#installation;
    for (const run of await jobs.recover(this.#interrupt.signal)) {
      this.#log.warn(
        { schedule: run.schedule, run: run.id },
        run.status === 'completed'
          ? 'a backup whose process had ended was found whole, and filed'
          : 'a run was cut off when its process ended; what it left was removed',
      );
      this.#offerAgain(run);
    }
  }

  async #runScheduled(schedule: ScheduleConfig, dueAt: EpochMs): Promise<void> {
    const { jobs, catalog, clock } = this.#installation;
    try {
      const { run } = await jobs.backUp({
        schedule,
        trigger: 'schedule',
        dueAt,
        signal: this.#interrupt.signal,
        onStart: () => this.#log.info({ schedule: schedule.id }, 'backup started'),
        onProblem: (problem) =>
          this.#log.warn({ schedule: schedule.id, err: describe(problem) }, problem.message),
      });
      this.#report(run);
      this.#offerAgain(run);
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      this.#log.error({ schedule: schedule.id, err: describe(error) }, 'a backup could not be started');
      // Somebody runs it by hand just now: that is the backup of this occurrence as well.
      if (error.code === 'run_active') catalog.settle(schedule.id, dueAt);
      else await clock.wakeAt(clock.now() + retryMs, this.#options.signal).catch(() => undefined);
    }
  }

  #report(run: Run): void {
    const fields = { schedule: run.schedule, run: run.id };
    const took = formatDuration(Math.max(0, (run.finishedAt ?? run.startedAt) - run.startedAt));
    if (run.status === 'completed') {
      const size = `${formatSize(run.sizeBytes ?? 0)}, ${formatSize(run.storedBytes ?? 0)} stored`;
      this.#log.info({ ...fields, backup: run.backupId }, `backup completed in ${took}: ${size}`);
      for (const warning of run.warnings) this.#log.warn(fields, warning);
    } else {
      this.#log.error(
        { ...fields, code: run.error?.code },
        `backup ${run.status}: ${run.error?.message ?? ''}`,
      );
    }
  }

  /** What was interrupted is due still; whether it is too late the scheduler decides. */
  #offerAgain({ schedule, status, dueAt }: Run): void {
    if (status !== 'interrupted' || dueAt === undefined) return;
    const { catalog } = this.#installation;
    const attempts = catalog.runs({ schedule, limit: mostAttempts }).filter((run) => run.dueAt === dueAt);
    if (attempts.length < mostAttempts) catalog.settle(schedule, dueAt - 1);
  }

  #track(work: Promise<void>): Promise<void> {
    this.#running.add(work);
    return work.finally(() => this.#running.delete(work));
  }

  async #drain(): Promise<void> {
    if (this.#running.size === 0) return;
    this.#log.info(
      `waiting for ${this.#running.size} running to end, at most ${formatDuration(this.#options.graceMs)}`,
    );
    const timer = setTimeout(() => {
      this.#interrupt.abort(new LowtideError('interrupted', 'the service was stopped', { retryable: true }));
    }, this.#options.graceMs);
    await Promise.allSettled(this.#running);
    clearTimeout(timer);
  }
}

function describe(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
} {
  const { code, message, hint } = LowtideError.from(error);
  return { code, message, ...(hint !== undefined && { hint }) };
}
