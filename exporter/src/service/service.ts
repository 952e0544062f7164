import { setImmediate } from 'node:timers/promises';
import { acquireServiceLock } from '../catalog/ownership.ts';
import type { Backup, Catalog, Run } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import type { LoadedConfig } from '../config/read.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HealthCheck } from '../health/health.ts';
import { startHttp } from '../http/server.ts';
import { HostMeter } from '../load/host.ts';
import { LoadRecorder } from '../load/recorder.ts';
import { tooBusy } from '../load/gate.ts';
import type { BackupJob } from '../run/jobs.ts';
import { sweepScratch } from '../run/scratch.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { version } from '../version.ts';
import { errorsPage, serviceApi, type ServiceApi, type ServiceApiOptions } from './api.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import { followHistory } from './follow-history.ts';
import { loadFacts } from './load-facts.ts';
import { Outlook } from './outlook.ts';
import { Planning } from './planning.ts';
import { beginReloadMetrics, reloader, webReloadObserver, type ReloadSource } from './reload.ts';
import { RotationPolicy } from './rotation-policy.ts';
import { Scheduler } from './scheduler.ts';
import { SourceWatch } from './source-watch.ts';
import { StoreWatch } from './store-watch.ts';
import { latestStart, Tide } from './tide.ts';
import { watch } from './watch.ts';
import { WatchedSchedules } from './watched-schedules.ts';
import { WorkRegistry } from './work.ts';

export interface ServeOptions {
  readonly installation: Installation;
  /** `host:port` of each address. */
  readonly listen: readonly string[];
  readonly log: Logger;
  /** As exporter-toolkit has it; absent: as the config says. */
  readonly webConfigFile?: string;
  /** Absent: the config stays as it is until the next start. */
  readonly reload?: ReloadSource;
  /** Told once all is up, with the address. */
  readonly onReady: (address: string, scheme: 'http' | 'https') => void;
  /** Aborted to stop: no run begins any more, those going on get `graceMs` to end, then they are interrupted. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** Withholds an answer of the API that is not as described: for tests. */
  readonly strictAnswers?: boolean;
  /** How much one caller of the API may ask; absent: what is enough for everyday use. */
  readonly apiLimits?: ServiceApiOptions['limits'];
}

/** An occurrence whose runs were interrupted so often is not tried again. */
const mostAttempts = 3;
/** After a run that could not even be begun (the catalog is full), before another try. */
const retryMs = 30_000;
/** Among how many backups the newest of a store is looked for. */
const newestLookedAt = 50;
/** While another process works on a schedule. */
const lookAgainMs = 2000;

/**
 * Scheduler, runs and HTTP in one process, until the signal is aborted. Throws what keeps it from starting: `state_busy`
 * where another one serves this state, `listen_failed`.
 */
export async function serve(options: ServeOptions): Promise<void> {
  await new Service(options).run();
}

class Service {
  readonly #options: ServeOptions;
  /** As it is now: a reload changes it. */
  #installation: Installation;
  readonly #log: Logger;
  /** Ends what is running, once the grace is over. */
  readonly #interrupt = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #registry = new WorkRegistry(() => performance.now(), this.#interrupt.signal);

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#installation = options.installation;
    this.#log = options.log;
  }

  async run(): Promise<void> {
    const { config, clock, catalog, scratchRoot } = this.#installation;
    const { signal } = this.#options;
    using _lock = acquireServiceLock(config.state);
    await sweepScratch(scratchRoot);
    await this.#recover();
    const rotation = new RotationPolicy({
      installation: () => this.#installation,
      log: this.#log,
      interrupted: this.#interrupt.signal,
      track: (work) => this.#track(work),
    });
    await rotation.recover();
    const recorder = this.#recorder();
    const tide = new Tide({ catalog, timezone: Temporal.Now.timeZoneId() });
    const planning = new Planning(tide);
    const scheduler = new Scheduler({
      schedules: config.schedules,
      catalog,
      clock,
      plan: (due, running, now) => planning.starts(due, running, now),
      gate: (due, slot, now) =>
        tooBusy(recorder.latest(), config.load.high_water, { now, slot, deadline: latestStart(due) }),
      start: (schedule, dueAt) => this.#track(this.#runScheduled(schedule, dueAt)),
      onError: (error) => this.#log.error({ err: describe(error) }, 'the schedules could not be looked at'),
    });
    const stores = new StoreWatch(this.#installation.stores.values(), clock, (store) =>
      newestObject(catalog, store),
    );
    const sources = new SourceWatch(config.schedules, scratchRoot, clock);
    const schedules = new WatchedSchedules(config.schedules, scheduler, clock.now());
    const { metrics, pages, catchUp, health } = watch({
      installation: () => this.#installation,
      stores,
      sources,
      schedules,
      load: () => loadFacts(recorder, tide, clock.now()),
      log: this.#log,
    });
    beginReloadMetrics(metrics, clock.now());
    await catchUp();
    const adopt = (loaded: LoadedConfig): void => {
      this.#installation = this.#reconfigured(loaded);
      const changed = this.#installation.config.schedules;
      schedules.replaceSchedules(changed, clock.now());
      sources.replaceSchedules(changed);
      stores.replaceStores(this.#installation.stores.values());
      scheduler.replaceSchedules(changed);
    };
    const api = this.#api(scheduler, health, new Outlook(tide), () => adopt(this.#installation.loaded));
    const { listen, webConfigFile = config.server.web_config_file, reload } = this.#options;
    const http = await startHttp({
      listen,
      ...(webConfigFile !== undefined && { webConfigFile }),
      onWebReload: webReloadObserver(metrics, () => clock.now(), this.#log),
      version,
      instance: config.instance,
      metrics,
      pages,
      health,
      routers: [api.router],
      errorsPage: errorsPage(),
      onError: (error) => this.#log.error({ err: describe(error) }, 'a request could not be answered'),
    });
    await using _http = http;
    // Before the server: it would wait for streams that never end.
    using _api = api;
    reload?.listen(
      reloader({
        source: reload,
        current: () => this.#installation.loaded,
        adopt,
        reloadWebConfig: () => http.reloadWebConfig(),
        metrics,
        now: () => clock.now(),
        log: this.#log,
      }),
    );
    const background = [scheduler, stores, sources, recorder, rotation].map((each) => each.run(signal));
    // The first look at the schedules is made before anybody asks when they run.
    await setImmediate();
    this.#options.onReady(http.address, http.scheme);
    void this.#track(this.#verifyUnproven());
    await Promise.all([...background, followHistory(this.#installation, this.#log, signal)]);
    await this.#drain();
  }

  #recorder(): LoadRecorder {
    const { catalog, clock, config } = this.#installation;
    const meter = new HostMeter({ proc: '/proc', pid: process.pid, elapsed: () => performance.now() });
    return new LoadRecorder({
      measure: () => meter.measure(this.#running.size > 0),
      history: catalog.load,
      clock,
      intervalMs: config.load.sample_interval,
      onError: (error) =>
        this.#log.warn({ err: describe(error) }, 'the load of this host could not be recorded'),
    });
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

  /** Backups whose process ended before it had verified them. */
  async #verifyUnproven(): Promise<void> {
    const { jobs, config } = this.#installation;
    try {
      for (const { backup, verification } of await jobs.verifyUnproven(
        config.schedules,
        this.#interrupt.signal,
      )) {
        for (const { store, status, error } of verification.copies) {
          const fields = { backup: backup.id, store, ...(error !== undefined && { err: describe(error) }) };
          if (status === 'passed')
            this.#log.info(fields, 'a backup that had not been verified was, and is whole');
          else this.#log.warn(fields, error?.message ?? 'a backup could not be verified');
        }
      }
    } catch (thrown) {
      this.#log.warn({ err: describe(thrown) }, 'backups could not be verified');
    }
  }

  async #runScheduled(schedule: ScheduleConfig, dueAt: EpochMs): Promise<void> {
    const { clock } = this.#installation;
    try {
      const run = await this.#backUp(schedule, { trigger: 'schedule', dueAt });
      this.#offerAgain(run);
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (error.code === 'run_active') {
        await this.#followOther(schedule, dueAt);
        return;
      }
      this.#log.error({ schedule: schedule.id, err: describe(error) }, 'a backup could not be started');
      await clock.wakeAt(clock.now() + retryMs, this.#options.signal).catch(() => undefined);
    }
  }

  /**
   * Another process makes a backup of the schedule just now. Where that completes it is the one of this occurrence as well;
   * where not, the occurrence is still due.
   */
  async #followOther(schedule: ScheduleConfig, dueAt: EpochMs): Promise<void> {
    const { catalog, clock } = this.#installation;
    const { signal } = this.#options;
    const [other] = catalog.runs({ schedule: schedule.id, status: 'running', limit: 1 });
    if (other === undefined) return;
    this.#log.info({ schedule: schedule.id, run: other.id }, 'waits for a run that was started elsewhere');
    for (;;) {
      await clock.wakeAt(clock.now() + lookAgainMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#recover();
      const status = catalog.run(other.id)?.status;
      if (status === 'running') continue;
      if (status === 'completed') catalog.settle(schedule.id, dueAt);
      return;
    }
  }

  async #backUp(
    schedule: ScheduleConfig,
    request: Pick<BackupJob, 'trigger' | 'dueAt' | 'onStart'>,
  ): Promise<Run> {
    const { jobs, catalog } = this.#installation;
    const [last] = catalog.backups({ schedule: schedule.id, limit: 1 });
    using work = this.#registry.begin(last?.storedBytes);
    const { run } = await jobs.backUp({
      schedule,
      ...request,
      signal: work.signal,
      onProgress: work.onProgress,
      onStart: (begun) => {
        work.call(begun.id);
        this.#log.info({ schedule: schedule.id, run: begun.id }, 'backup started');
        request.onStart?.(begun);
      },
      onProblem: (problem) =>
        this.#log.warn({ schedule: schedule.id, err: describe(problem) }, problem.message),
    });
    this.#report(run);
    return run;
  }

  #api(
    scheduler: Scheduler,
    health: () => Promise<readonly HealthCheck[]>,
    outlook: Outlook,
    adoptSchedules: () => void,
  ): ServiceApi {
    return serviceApi({
      installation: () => this.#installation,
      scheduler,
      health,
      outlook,
      registry: this.#registry,
      backUp: (schedule, onStart) => {
        const over = this.#backUp(schedule, { trigger: 'api', onStart });
        void this.#track(over.then(noop, noop));
        return over;
      },
      adoptSchedules,
      log: this.#log,
      track: (work) => this.#track(work),
      isStrict: this.#options.strictAnswers ?? false,
      limits: this.#options.apiLimits ?? {},
    });
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

  #reconfigured(loaded: LoadedConfig): Installation {
    const installation = this.#installation.reconfigured(loaded);
    for (const problem of installation.problems) this.#log.warn({ err: describe(problem) }, problem.message);
    return installation;
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

function noop(): void {
  // What came of it is told elsewhere.
}

/** The main part of the newest backup that is on file as good in a store. */
function newestObject(catalog: Catalog, store: string): string | undefined {
  const isThere = ({ copies }: Backup): boolean =>
    copies.some((copy) => copy.store === store && copy.status === 'good');
  return catalog.backups({ status: 'completed', limit: newestLookedAt }).find(isThere)?.manifest.parts[0]
    .name;
}
