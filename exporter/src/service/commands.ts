import type { Begun, Commands, RotationWish } from '../api/commands.ts';
import type {
  BackupRun,
  Drill,
  Key,
  Load,
  NewSchedule,
  Own,
  OwnPlan,
  Progress,
  RestoreRun,
  Rotation,
  RotationPlan,
  Schedule,
  ScheduleChange,
  Status,
  VerificationRun,
} from '../api/contract.ts';
import { keyView, lostKeyView, runView, type Locate } from '../api/views.ts';
import type { BackgroundRun } from '../catalog/background.ts';
import type { Backup, CatalogReader, Run } from '../catalog/catalog.ts';
import type { Drill as StoredDrill } from '../catalog/drills.ts';
import type { Installation } from '../compose.ts';
import { resolveAdded } from '../config/added-schedules.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HostSummary } from '../fleet/fleet.ts';
import { InTurn } from '../probe/in-turn.ts';
import type { HealthCheck } from '../health/health.ts';
import { requireHost } from '../load/of-host.ts';
import { takeCensus } from '../rotation/census.ts';
import { retireKey } from '../rotation/retirement.ts';
import { standing } from '../schedule/standing.ts';
import { storedManifest } from '../store/manifest.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { version } from '../version.ts';
import type { Background } from './background.ts';
import type { DrillPolicy } from './drill-policy.ts';
import { hostSummary } from './host-summary.ts';
import type { Outlook } from './outlook.ts';
import { rotationDueAt } from './rotation-policy.ts';
import type { Rotations } from './rotations.ts';
import { scheduleStates, scheduleView, withState } from './schedule-view.ts';
import type { Scheduler } from './scheduler.ts';
import type { WatchedSchedules } from './watched-schedules.ts';
import { activeSchedules } from './tide.ts';
import type { WorkRegistry } from './work.ts';

export interface CommandsOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly scheduler: Pick<Scheduler, 'nextRunAt' | 'deferral' | 'isPaused' | 'poke'>;
  readonly watched: Pick<WatchedSchedules, 'intervalSeconds' | 'completedInPoolAt'>;
  readonly health: () => Promise<readonly HealthCheck[]>;
  readonly registry: WorkRegistry;
  /** `host:port` of each address. */
  readonly listen: readonly string[];
  readonly background: Background;
  readonly outlook: Outlook;
  readonly rotations: Rotations;
  readonly drills: Pick<DrillPolicy, 'begin' | 'dueAt'>;
  /** Whether the service is to stop: nothing is begun any more. */
  readonly isStopping: () => boolean;
  /** Makes a backup as the API's; `onStart` is told once it is on record. */
  readonly backUp: (schedule: ScheduleConfig, onStart: (run: Run) => void) => Promise<Run>;
  /** Takes up the schedules that were added, as they are in the catalog now. */
  readonly adoptSchedules: () => Promise<void>;
}

/** What the API asks of the service. */
export class ServiceCommands implements Commands {
  readonly version = version;
  readonly startedAt: EpochMs;
  readonly #options: CommandsOptions;
  /** To the schedules: what one has looked at no other changes meanwhile. */
  readonly #changes = new InTurn();

  readonly locate: Locate = (store, name) => this.#installation.stores.get(store)?.locate(name);

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.startedAt = this.now();
  }

  get #installation(): Installation {
    return this.#options.installation();
  }

  readonly instance = (): string => this.#installation.config.instance;

  now(): EpochMs {
    return this.#installation.clock.now();
  }

  address(): string {
    return this.#options.listen.join(', ');
  }

  async summary(): Promise<HostSummary> {
    return await hostSummary(this.#installation, (id) => this.#options.scheduler.isPaused(id));
  }

  checks(): Promise<readonly HealthCheck[]> {
    return this.#options.health();
  }

  async encryption(): Promise<Status['encryption']> {
    const { config, keystore } = this.#installation;
    const { max_key_age: maxAge, rotation: policy } = config.encryption;
    // A keystore without a key is for the health checks to tell.
    const active = policy === undefined ? undefined : await keystore.active().catch(() => undefined);
    const dueAt = policy === undefined || active === undefined ? undefined : rotationDueAt(policy, active);
    return {
      ...(maxAge !== undefined && { maxKeyAgeSeconds: maxAge / 1000 }),
      ...(policy !== undefined && {
        rotation: {
          mode: policy.mode,
          atLowTide: policy.at_low_tide,
          ...(policy.days_back !== undefined && { daysBack: policy.days_back }),
          ...(dueAt !== undefined && { dueAt: toRfc3339(dueAt) }),
        },
      }),
    };
  }

  restoreTargets(): readonly string[] {
    return Object.keys(this.#installation.config.restore_targets);
  }

  scheduleIds(): readonly string[] {
    return this.#installation.config.schedules.map(({ id }) => id).sort();
  }

  async schedules(ids: readonly string[]): Promise<readonly Own<Schedule>[]> {
    const { drills } = this.#options;
    const states = await scheduleStates(this.#installation.catalog);
    const dueAt = (id: string): Promise<EpochMs | undefined> => drills.dueAt(this.#named(id));
    const views = await this.#scheduleViews(ids, dueAt);
    return await Promise.all(views.map((view) => withState(view, states)));
  }

  /** All of them as this process alone knows them, for others to read. */
  async publishedSchedules(): Promise<readonly Own<Schedule>[]> {
    return await this.#scheduleViews(this.scheduleIds(), () => Promise.resolve(undefined));
  }

  async #scheduleViews(
    ids: readonly string[],
    drillDueAt: (id: string) => Promise<EpochMs | undefined>,
  ): Promise<readonly Own<Schedule>[]> {
    const likes = await this.#likes();
    const { scheduler, watched, outlook } = this.#options;
    const now = this.now();
    return await Promise.all(
      ids.map(async (id) =>
        scheduleView(this.#named(id), {
          like: likes.get(id),
          intervalSeconds: watched.intervalSeconds(id),
          learned: await outlook.learned(this.#named(id), now),
          nextRunAt: scheduler.nextRunAt(id),
          completedInPoolAt: watched.completedInPoolAt(id),
          deferral: scheduler.deferral(id),
          drillDueAt: await drillDueAt(id),
        }),
      ),
    );
  }

  async addSchedule(id: string, body: NewSchedule): Promise<Own<Schedule>> {
    return await this.#changes.do(async () => {
      const known = this.#installation.config.schedules.some((schedule) => schedule.id === id);
      if (known || (await this.#likes()).has(id)) {
        throw new LowtideError('config_exists', `there is a schedule ${id} already`, {
          hint: 'Choose another id.',
        });
      }
      return await this.#put(id, body);
    });
  }

  async changeSchedule(id: string, change: ScheduleChange): Promise<Own<Schedule>> {
    return await this.#changes.do(async () => await this.#put(id, { ...(await this.#added(id)), ...change }));
  }

  async removeSchedule(id: string): Promise<void> {
    await this.#changes.do(async () => {
      await this.#added(id);
      await this.#installation.catalog.access.removeAddedSchedule(id);
      await this.#options.adoptSchedules();
    });
  }

  async setPaused(id: string, paused: boolean): Promise<Own<Schedule>> {
    this.#named(id);
    await this.#installation.catalog.setPaused(id, paused);
    this.#options.scheduler.poke();
    return await this.#view(id);
  }

  async skipNext(id: string): Promise<Own<Schedule>> {
    const schedule = this.#named(id);
    // Each of two that come at once skips one.
    await this.#changes.do(async () => {
      const { catalog } = this.#installation;
      const now = this.now();
      const { next } = standing(schedule, (await catalog.schedule(id)).settledUntil ?? now, now);
      if (next === undefined) throw new LowtideError('not_found', `${id} has no occurrence to come`);
      // Further ahead than two, what is settled is taken for the work of a wrong clock, and none would be skipped.
      const { next: after } = standing(schedule, next.dueAt, now);
      if (after !== undefined && after.dueAt <= next.dueAt) {
        throw new LowtideError('skips_used', `the next two runs of ${id} are skipped already`, {
          hint: 'Pause it, and resume it when it is to run again.',
        });
      }
      await catalog.settleUpTo(id, next.dueAt);
    });
    this.#options.scheduler.poke();
    return await this.#view(id);
  }

  async plan(hours: number, withPaused: boolean): Promise<OwnPlan> {
    const { config, catalog } = this.#installation;
    const planned = withPaused ? config.schedules : await activeSchedules(catalog, config.schedules);
    return await this.#options.outlook.plan(planned, this.now(), hours);
  }

  async load(hours: number, host: string | undefined): Promise<Own<Load>> {
    const { catalog, config } = this.#installation;
    requireHost(config.load, host);
    return await this.#options.outlook.load(catalog, this.now(), { hours, host });
  }

  async loadOf(catalog: CatalogReader, hours: number): Promise<Own<Load>> {
    return await this.#options.outlook.loadOf(catalog, this.now(), hours);
  }

  async run(id: string): Promise<Begun<BackupRun>> {
    this.#refuseStopping();
    const schedule = this.#named(id);
    const started = Promise.withResolvers<Run>();
    const over = this.#options.backUp(schedule, started.resolve);
    // What keeps it from beginning is the answer; from then on the run says how it ended.
    over.catch(started.reject);
    const run = await started.promise;
    const ended = over.then((end) => runView(end, undefined, undefined));
    return { run: runView(run, this.progressOf(run.id), undefined), ended };
  }

  async verify(backup: Backup): Promise<Begun<VerificationRun>> {
    this.#refuseStopping();
    refusePruned(backup);
    return await this.#options.background.verify(backup);
  }

  async restore(backup: Backup, name: string, force: boolean): Promise<Begun<RestoreRun>> {
    this.#refuseStopping();
    refusePruned(backup);
    storedManifest(backup.manifest);
    const targets = this.#installation.config.restore_targets;
    const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
    if (target === undefined) {
      throw new LowtideError('not_found', `the config names no restore target ${name}`, {
        hint: `It has: ${Object.keys(targets).join(', ') || 'none, under restore_targets'}.`,
      });
    }
    if (force && !target.overwrite) {
      throw new LowtideError('forbidden', `nothing may be replaced in ${name}`, {
        hint: `Leave out force, or set restore_targets.${name}.overwrite: true in the config.`,
      });
    }
    return await this.#options.background.restore(backup, { name, to: target.to }, force);
  }

  async drill(id: string): Promise<Begun<Drill>> {
    this.#refuseStopping();
    return await this.#options.drills.begin(this.#named(id));
  }

  progressOf(runId: string): Progress | undefined {
    return this.#options.registry.progressOf(runId);
  }

  cancel(run: Run | BackgroundRun): void {
    this.#cancel('run', run);
  }

  cancelDrill(drill: StoredDrill): void {
    this.#cancel('drill', drill);
  }

  #cancel(what: string, { id, status }: { readonly id: string; readonly status: string }): void {
    if (status !== 'running')
      throw new LowtideError('run_ended', `${what} ${id} has already ended: ${status}`);
    const reason = new LowtideError('cancelled', 'cancelled through the API');
    if (this.#options.registry.cancel(id, reason)) return;
    throw new LowtideError('run_active', `${what} ${id} belongs to another process`, {
      hint: 'Cancel it there: it was begun from the command line.',
    });
  }

  planRotation(wish: RotationWish): Promise<RotationPlan> {
    return this.#options.rotations.plan(wish);
  }

  async rotate(wish: RotationWish, by: string, id?: string): Promise<Begun<Rotation>> {
    this.#refuseStopping();
    return await this.#options.rotations.start(wish, by, id);
  }

  async resumeRotation(id: string): Promise<Begun<Rotation>> {
    this.#refuseStopping();
    return await this.#options.rotations.resume(id);
  }

  rotationWaitsFor(id: string): string | undefined {
    return this.#options.rotations.waitsFor(id);
  }

  async keys(): ReturnType<Commands['keys']> {
    const { keystore, catalog } = this.#installation;
    const { keys, lost } = await takeCensus(catalog, keystore);
    return { keys: keys.map(keyView), lost: lost.map(lostKeyView) };
  }

  async retireKey(id: string, by: string): Promise<Key> {
    const { keystore, catalog } = this.#installation;
    const known = (await keystore.list()).some((key) => key.id === id);
    if (!known)
      throw new LowtideError('not_found', `there is no key ${id}`, { hint: 'GET keys lists them.' });
    const key = await retireKey(this.#installation, id, new AbortController().signal);
    await catalog.append({ name: 'key:changed', keyId: id, change: 'retired', by }, this.now());
    return keyView({ key, backups: 0, copies: 0, bytes: 0 });
  }

  #refuseStopping(): void {
    if (!this.#options.isStopping()) return;
    throw new LowtideError('stopping', 'the service is being stopped, and begins nothing any more', {
      hint: 'Try again once it is up.',
      retryable: true,
    });
  }

  async #view(id: string): Promise<Own<Schedule>> {
    const [view] = await this.schedules([id]);
    if (view === undefined) throw new LowtideError('not_found', `there is no schedule ${id}`);
    return view;
  }

  #named(id: string): ScheduleConfig {
    const { schedules } = this.#installation.config;
    const schedule = schedules.find((each) => each.id === id);
    if (schedule !== undefined) return schedule;
    throw new LowtideError('not_found', `there is no schedule ${id}`, {
      hint: `There is: ${schedules.map((each) => each.id).join(', ') || 'none'}.`,
    });
  }

  /** Of the schedules that were added: the one in the file whose source each backs up. */
  async #likes(): Promise<ReadonlyMap<string, string>> {
    const added = await this.#installation.catalog.access.addedSchedules();
    return new Map(added.map(({ id, body }) => [id, (body as NewSchedule).like]));
  }

  async #added(id: string): Promise<NewSchedule> {
    const added = (await this.#installation.catalog.access.addedSchedules()).find((each) => each.id === id);
    if (added !== undefined) return added.body as NewSchedule;
    this.#named(id);
    throw new LowtideError('read_only', `${id} stands in the config file, and is changed there`, {
      hint: 'Edit lowtide.yaml and send SIGHUP; here it can be run, paused, resumed, and its next run skipped.',
    });
  }

  async #put(id: string, body: NewSchedule): Promise<Own<Schedule>> {
    resolveAdded(id, body, this.#installation.loaded.config);
    await this.#installation.catalog.access.putAddedSchedule({ id, body });
    await this.#options.adoptSchedules();
    return await this.#view(id);
  }
}

function refusePruned({ id, status }: Backup): void {
  if (status !== 'pruned') return;
  throw new LowtideError('store_missing_object', `backup ${id} was pruned: nothing of it is left`);
}
