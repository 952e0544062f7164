import { randomInt } from 'node:crypto';
import { uptime } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { newestObject } from '../catalog/newest-object.ts';
import { acquireServiceLock } from '../catalog/ownership.ts';
import type { Installation } from '../compose.ts';
import type { LoadedConfig } from '../config/read.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { unlessAway } from '../errors/away.ts';
import type { HealthOptions } from '../health/health.ts';
import { startHttp } from '../http/server.ts';
import { AlertWatch } from '../load/alerts.ts';
import { tooBusy, type GateTimes, type Hold } from '../load/gate.ts';
import { HostWatch } from '../load/host-watch.ts';
import { highWaterOf } from '../load/of-host.ts';
import type { HighWater } from '../load/past-load.ts';
import { InTurn } from '../probe/in-turn.ts';
import { limitsOf } from '../run/admission.ts';
import type { Limits } from '../schedule/limits.ts';
import { sweepScratch } from '../run/scratch.ts';
import { version } from '../version.ts';
import { servedDocs, serviceApi, type ServiceApi, type ServiceApiOptions } from './api.ts';
import { BackupRuns } from './backup-runs.ts';
import { ConfigCopies } from './config-copies.ts';
import { CopyCare } from './copy-care.ts';
import { ClockWatch } from './clock-watch.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import { followHistory, hostAccess } from './follow-history.ts';
import { loadFacts } from './load-facts.ts';
import { FleetSide } from './fleet/fleet-side.ts';
import { DrillPolicy } from './drill-policy.ts';
import { GoingOn } from './going-on.ts';
import { lowTideOf } from './low-tide.ts';
import { ownUseMeter } from './measured-run.ts';
import { Outlook } from './outlook.ts';
import { PlanThread } from './plan-thread.ts';
import { Planning } from './planning.ts';
import { recordLoad } from './record-load.ts';
import { beginReloadMetrics, reloader, webReloadObserver, type ReloadSource } from './reload.ts';
import { unusualInWords } from './review.ts';
import { Reviewer } from './reviewer.ts';
import { report } from './report.ts';
import { RotationPolicy } from './rotation-policy.ts';
import { Scheduler } from './scheduler.ts';
import { SourceWatch } from './source-watch.ts';
import { StandInWatch } from './stand-in-watch.ts';
import { startGate } from './start-gate.ts';
import { StoreWatch } from './store-watch.ts';
import { Tide } from './tide.ts';
import { watch } from './watch.ts';
import { WatchedSchedules } from './watched-schedules.ts';
import { whyAbsent } from './why-absent.ts';
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
  /** Told once all is up, with the first address and all of them. */
  readonly onReady: (address: string, scheme: 'http' | 'https', addresses: readonly string[]) => void;
  /** Aborted to stop: no run begins any more, those going on get `graceMs` to end, then they are interrupted. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** Withholds an answer of the API that is not as described: for tests. */
  readonly strictAnswers?: boolean;
  /** How long an answer about health is given again; absent: as long as everyday use wants it. */
  readonly health?: HealthOptions;
  /** How much one caller of the API may ask; absent: what is enough for everyday use. */
  readonly apiLimits?: ServiceApiOptions['limits'];
  /** How often the hosts that share its state hear of this one; absent: as often as a thousand of them bear. */
  readonly beatMs?: number;
}

/**
 * Scheduler, runs and HTTP in one process, until the signal is aborted. Throws what keeps it from starting: `state_busy`
 * where another one serves this state, `listen_failed`.
 */
export async function serve(options: ServeOptions): Promise<void> {
  await new Service(options).run();
}

class Service {
  readonly #options: ServeOptions;
  /** Aborted where another process has taken the place of this one. */
  readonly #dismissed = new AbortController();
  readonly #stop: AbortSignal;
  /** As it is now: a reload changes it. */
  #installation: Installation;
  readonly #log: Logger;
  readonly #goingOn: GoingOn;
  readonly #registry: WorkRegistry;
  readonly #tide: Tide;
  readonly #planThread: PlanThread;
  readonly #planning: Planning;
  readonly #reviewer: Reviewer;
  readonly #backups: BackupRuns;

  constructor(options: ServeOptions) {
    const { installation, log, signal } = options;
    const { catalog, clock } = installation;
    this.#options = options;
    this.#stop = AbortSignal.any([signal, this.#dismissed.signal]);
    this.#installation = installation;
    this.#log = log;
    this.#goingOn = new GoingOn(log);
    this.#registry = new WorkRegistry(() => performance.now(), this.#goingOn.interrupted);
    const highWater = (host: string | undefined): HighWater =>
      highWaterOf(this.#installation.config.load, host);
    this.#tide = new Tide({
      catalog,
      timezone: Temporal.Now.timeZoneId(),
      limits: this.#limits,
      highWater,
    });
    this.#planThread = new PlanThread();
    this.#planning = new Planning(this.#tide, this.#planThread);
    this.#reviewer = new Reviewer({
      catalog,
      clock,
      schedules: () => this.#installation.config.schedules,
      highWater,
      onUnusual: ({ id: run, schedule }, figure) =>
        log.warn({ schedule, run }, `an unusual backup: it ${unusualInWords(figure)}`),
      onError: (error) => report(log, error, 'runs could not be looked back at'),
    });
    this.#backups = new BackupRuns({
      installation: () => this.#installation,
      registry: this.#registry,
      learning: this.#tide.learning,
      ownUse: ownUseMeter(clock),
      reviewer: this.#reviewer,
      log,
      stopping: this.#stop,
      interrupted: this.#goingOn.interrupted,
    });
  }

  readonly #isStopping = (): boolean => this.#stop.aborted;
  readonly #limits = (): Limits => limitsOf(this.#installation.config);

  async run(): Promise<void> {
    const { config, clock, catalog, scratchRoot, standIn } = this.#installation;
    const signal = this.#stop;
    using _lock = acquireServiceLock(config.local);
    const standInWatch =
      standIn &&
      new StandInWatch({ standIn, clock, random: () => randomInt(2 ** 32) / 2 ** 32, log: this.#log });
    await using _thread = this.#planThread;
    await using fleet = await FleetSide.begin({
      installation: () => this.#installation,
      listen: this.#options.listen,
      log: this.#log,
      stopping: signal,
      onDismissed: (reason) => this.#dismissed.abort(reason),
      track: this.#goingOn.track,
      tide: this.#tide,
      thread: this.#planThread,
      planning: this.#planning,
      ...(this.#options.beatMs !== undefined && { beatMs: this.#options.beatMs }),
    });
    await sweepScratch(scratchRoot);
    await this.#backups.recover();
    const recorder = recordLoad(this.#installation, this.#log, () => this.#goingOn.size > 0);
    const isBusy = (times: GateTimes): Hold | undefined =>
      tooBusy(recorder.latest(), config.load.high_water, times, 'run');
    const lowTide = lowTideOf(this.#installation, this.#log, isBusy);
    const rotation = new RotationPolicy({
      installation: () => this.#installation,
      log: this.#log,
      interrupted: this.#goingOn.interrupted,
      gate: lowTide.gate,
      registry: this.#registry,
      track: this.#goingOn.track,
    });
    await rotation.recover();
    await fleet.reconcile();
    const drills = new DrillPolicy({
      installation: () => this.#installation,
      registry: this.#registry,
      log: this.#log,
      tooBusy: isBusy,
      track: this.#goingOn.track,
    });
    await drills.recover();
    const configCopies = new ConfigCopies({ installation: () => this.#installation, log: this.#log });
    const tide = this.#tide;
    const alerts = new AlertWatch({
      alerts: config.load.alerts,
      clock,
      onProblem: (problem) => this.#log.warn({ err: describe(problem) }, problem.message),
    });
    const hosts = new HostWatch({
      hosts: hostAccess(config.load.hosts),
      clock,
      onProblem: (problem) => this.#log.warn({ err: describe(problem) }, problem.message),
    });
    const scheduler = new Scheduler({
      schedules: config.schedules,
      catalog: fleet.records(),
      whyAbsent: whyAbsent(catalog, clock.now()),
      clock,
      plan: (due, running, now) => this.#planning.starts(due, running, now),
      expectedOf: (schedule) => tide.learning.of(schedule),
      limits: this.#limits,
      gate: startGate({
        load: config.load,
        ...{ recorder, hosts, alerts, tide, isCutOff: fleet.isCutOff },
      }),
      start: (schedule, dueAt) =>
        this.#goingOn.track(
          fleet.runScheduled(schedule, dueAt, (hold) => this.#backups.runScheduled(schedule, dueAt, hold)),
        ),
      onError: (error) => report(this.#log, error, 'the schedules could not be looked at'),
    });
    const stores = new StoreWatch(this.#installation.stores.values(), clock, (store) =>
      unlessAway(newestObject(catalog, store)),
    );
    const copyCare = new CopyCare({
      installation: () => this.#installation,
      log: this.#log,
      tooBusy: isBusy,
      stores: () => stores.watched(),
      track: this.#goingOn.track,
    });
    const sources = new SourceWatch(config.schedules, scratchRoot, clock);
    const clockWatch = new ClockWatch({ clock, uptimeMs: () => uptime() * 1000 });
    const expectedMs = (schedule: ScheduleConfig): number => tide.learning.of(schedule).durationMs;
    const completedInPoolAt = fleet.completedAt;
    const schedules = new WatchedSchedules(
      config.schedules,
      { scheduler, expectedMs, completedInPoolAt },
      clock.now(),
    );
    const { metrics, pages, catchUp, health } = watch({
      installation: () => this.#installation,
      stores,
      sources,
      schedules,
      clock: clockWatch,
      isPlanner: fleet.isPlanner,
      configCopies: () => configCopies.current(),
      copies: () => copyCare.facts(),
      health: this.#options.health ?? {},
      load: () => loadFacts(recorder, tide, clock.now()),
      log: this.#log,
    });
    beginReloadMetrics(metrics, clock.now());
    await catchUp();
    const adoptNow = async (loaded: LoadedConfig): Promise<void> => {
      this.#installation = await this.#reconfigured(loaded);
      const changed = this.#installation.config.schedules;
      schedules.replaceSchedules(changed, clock.now());
      sources.replaceSchedules(changed);
      stores.replaceStores(this.#installation.stores.values());
      configCopies.poke();
      tide.learning.forget();
      this.#planning.renew();
      scheduler.replaceSchedules(changed);
      fleet.renew();
    };
    const adoptions = new InTurn();
    /** Else the config of before could be the last. */
    const adopt = (loaded: () => LoadedConfig): Promise<void> => adoptions.do(() => adoptNow(loaded()));
    const api = await this.#api({
      scheduler,
      watched: schedules,
      health,
      outlook: new Outlook(tide, this.#planThread, this.#planning, recorder),
      lowTide,
      drills,
      adoptSchedules: () => adopt(() => this.#installation.loaded),
    });
    standIn?.whenBack(async () => {
      await fleet.comeBack();
      await this.#backups.recover();
      await rotation.recover();
      await drills.recover();
      tide.renew();
      await adopt(() => this.#installation.loaded);
      void this.#goingOn.track(this.#backups.verifyUnproven());
    });
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
      isStopping: this.#isStopping,
      routers: [api.router],
      docs: servedDocs(),
      onError: (error) => this.#log.error({ err: describe(error) }, 'a request could not be answered'),
    });
    await using _http = http;
    // Before the server: it would wait for streams that never end.
    using _api = api;
    reload?.listen(
      reloader({
        source: reload,
        current: () => this.#installation.loaded,
        adopt: (loaded) => adopt(() => loaded),
        reloadWebConfig: () => http.reloadWebConfig(),
        metrics,
        now: () => clock.now(),
        log: this.#log,
      }),
    );
    fleet.attend({
      ...api,
      onPlan: () => scheduler.poke(),
      planVersion: () => this.#planning.version,
      isStopping: this.#isStopping,
    });
    const background = [
      scheduler,
      stores,
      sources,
      recorder,
      alerts,
      hosts,
      this.#reviewer,
      rotation,
      drills,
      configCopies,
      copyCare,
      clockWatch,
      ...(standInWatch === undefined ? [] : [standInWatch]),
    ].map((each) => each.run(signal));
    // The first look at the schedules is made before anybody asks when they run.
    await setImmediate();
    this.#options.onReady(http.address, http.scheme, http.addresses);
    void this.#goingOn.track(this.#backups.verifyUnproven());
    await Promise.all([...background, followHistory(this.#installation, tide, this.#log, signal)]);
    await fleet.ended();
    await this.#goingOn.drain(this.#dismissed.signal.aborted ? 0 : this.#options.graceMs);
    this.#dismissed.signal.throwIfAborted();
  }

  async #api(
    parts: Pick<
      ServiceApiOptions,
      'scheduler' | 'watched' | 'health' | 'outlook' | 'lowTide' | 'drills' | 'adoptSchedules'
    >,
  ): Promise<ServiceApi> {
    return await serviceApi({
      ...parts,
      listen: this.#options.listen,
      installation: () => this.#installation,
      registry: this.#registry,
      planVersion: () => this.#planning.version,
      backUp: (schedule, onStart) => {
        const over = this.#backups.backUp(schedule, { trigger: 'api', onStart });
        void this.#goingOn.track(over.then(noop, noop));
        return over;
      },
      isStopping: this.#isStopping,
      log: this.#log,
      track: this.#goingOn.track,
      isStrict: this.#options.strictAnswers ?? false,
      limits: this.#options.apiLimits ?? {},
    });
  }

  async #reconfigured(loaded: LoadedConfig): Promise<Installation> {
    const installation = await this.#installation.reconfigured(loaded);
    for (const problem of installation.problems) this.#log.warn({ err: describe(problem) }, problem.message);
    return installation;
  }
}

function noop(): void {
  // What came of it is told elsewhere.
}
