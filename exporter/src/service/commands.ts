import type { Begun, Commands, RotationWish } from '../api/commands.ts';
import type {
  BackupRun,
  Key,
  Load,
  NewSchedule,
  Plan,
  Progress,
  RestoreRun,
  Rotation,
  RotationPlan,
  Schedule,
  ScheduleChange,
  VerificationRun,
} from '../api/contract.ts';
import { runView } from '../api/views.ts';
import type { Backup, Run } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import { resolveAdded } from '../config/added-schedules.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HealthCheck } from '../health/health.ts';
import { standing } from '../schedule/standing.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { version } from '../version.ts';
import type { Background } from './background.ts';
import type { Outlook } from './outlook.ts';
import type { Rotations } from './rotations.ts';
import { scheduleView } from './schedule-view.ts';
import type { Scheduler } from './scheduler.ts';
import type { WorkRegistry } from './work.ts';

export interface CommandsOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly scheduler: Pick<Scheduler, 'nextRunAt' | 'poke'>;
  readonly health: () => Promise<readonly HealthCheck[]>;
  readonly registry: WorkRegistry;
  readonly background: Background;
  readonly outlook: Outlook;
  readonly rotations: Rotations;
  /** Makes a backup as the API's; `onStart` is told once it is on record. */
  readonly backUp: (schedule: ScheduleConfig, onStart: (run: Run) => void) => Promise<Run>;
  /** Takes up the schedules that were added, as they are in the catalog now. */
  readonly adoptSchedules: () => void;
}

/** What the API asks of the service. */
export class ServiceCommands implements Commands {
  readonly version = version;
  readonly startedAt: EpochMs;
  readonly #options: CommandsOptions;

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

  checks(): Promise<readonly HealthCheck[]> {
    return this.#options.health();
  }

  restoreTargets(): readonly string[] {
    return Object.keys(this.#installation.config.restore_targets);
  }

  scheduleIds(): readonly string[] {
    return this.#installation.config.schedules.map(({ id }) => id).sort();
  }

  schedules(ids: readonly string[]): readonly Schedule[] {
    const { catalog } = this.#installation;
    const likes = this.#likes();
    const { lastSuccessBySchedule } = catalog.totals();
    return ids.map((id) =>
      scheduleView(this.#named(id), catalog, {
        like: likes.get(id),
        nextRunAt: this.#options.scheduler.nextRunAt(id),
        lastSuccessAt: lastSuccessBySchedule[id],
      }),
    );
  }

  addSchedule(id: string, body: NewSchedule): Promise<Schedule> {
    if (this.#installation.config.schedules.some((schedule) => schedule.id === id) || this.#likes().has(id)) {
      throw new LowtideError('config_exists', `there is a schedule ${id} already`, {
        hint: 'Choose another id.',
      });
    }
    return Promise.resolve(this.#put(id, body));
  }

  changeSchedule(id: string, change: ScheduleChange): Promise<Schedule> {
    const body = this.#added(id);
    return Promise.resolve(this.#put(id, { ...body, ...change }));
  }

  removeSchedule(id: string): Promise<void> {
    this.#added(id);
    this.#installation.catalog.access.removeAddedSchedule(id);
    this.#options.adoptSchedules();
    return Promise.resolve();
  }

  setPaused(id: string, paused: boolean): Schedule {
    this.#named(id);
    this.#installation.catalog.setPaused(id, paused);
    this.#options.scheduler.poke();
    return this.#view(id);
  }

  skipNext(id: string): Schedule {
    const schedule = this.#named(id);
    const { catalog } = this.#installation;
    const now = this.now();
    const { next } = standing(schedule, catalog.schedule(id).settledUntil ?? now, now);
    if (next === undefined) throw new LowtideError('not_found', `${id} has no occurrence to come`);
    catalog.settle(id, next.dueAt);
    this.#options.scheduler.poke();
    return this.#view(id);
  }

  plan(hours: number, withPaused: boolean): Plan {
    const { config, catalog } = this.#installation;
    const planned = config.schedules.filter(({ id }) => withPaused || !catalog.schedule(id).paused);
    return this.#options.outlook.plan(planned, this.now(), hours);
  }

  load(hours: number): Load {
    return this.#options.outlook.load(this.#installation.catalog, this.now(), hours);
  }

  async run(id: string): Promise<Begun<BackupRun>> {
    const schedule = this.#named(id);
    const started = Promise.withResolvers<Run>();
    const over = this.#options.backUp(schedule, started.resolve);
    // What keeps it from beginning is the answer; from then on the run says how it ended.
    over.catch(started.reject);
    const run = await started.promise;
    const ended = over.then((end) => runView(end, undefined));
    return { run: runView(run, this.progressOf(run.id)), ended };
  }

  verify(backup: Backup): Begun<VerificationRun> {
    refusePruned(backup);
    return this.#options.background.verify(backup);
  }

  restore(backup: Backup, name: string, force: boolean): Begun<RestoreRun> {
    refusePruned(backup);
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
    return this.#options.background.restore(backup, { name, to: target.to }, force);
  }

  work(id: string): VerificationRun | RestoreRun | undefined {
    return this.#options.background.find(id);
  }

  progressOf(runId: string): Progress | undefined {
    return this.#options.registry.progressOf(runId);
  }

  cancel({ id, status }: Run | VerificationRun | RestoreRun): void {
    if (status !== 'running') throw new LowtideError('run_ended', `run ${id} has already ended: ${status}`);
    const reason = new LowtideError('cancelled', 'cancelled through the API');
    if (this.#options.registry.cancel(id, reason)) return;
    throw new LowtideError('run_active', `run ${id} belongs to another process`, {
      hint: 'Cancel it there: it was begun from the command line.',
    });
  }

  planRotation(wish: RotationWish): Promise<RotationPlan> {
    return this.#options.rotations.plan(wish);
  }

  rotate(wish: RotationWish, by: string): Promise<Begun<Rotation>> {
    return this.#options.rotations.start(wish, by);
  }

  resumeRotation(id: string): Promise<Begun<Rotation>> {
    return this.#options.rotations.resume(id);
  }

  async keys(): Promise<readonly Key[]> {
    const { keystore, catalog } = this.#installation;
    const { backupsByKey, bytesByKey } = catalog.totals();
    return (await keystore.list()).map(({ id, recipient, state, createdAt, origin, parentId }) => ({
      id,
      recipient,
      state,
      createdAt: toRfc3339(createdAt),
      origin,
      ...(parentId !== undefined && { parentId }),
      backups: backupsByKey[id] ?? 0,
      bytes: bytesByKey[id] ?? 0,
    }));
  }

  async retireKey(id: string): Promise<Key> {
    const { keystore, catalog } = this.#installation;
    const known = (await this.keys()).some((key) => key.id === id);
    if (!known)
      throw new LowtideError('not_found', `there is no key ${id}`, { hint: 'GET keys lists them.' });
    const count = catalog.totals().backupsByKey[id] ?? 0;
    if (count > 0) {
      throw new LowtideError('key_in_use', `${count} backups need ${id}: it cannot be retired`, {
        hint: 'Rotate them to another key, or let them be pruned first.',
      });
    }
    await keystore.retire(id);
    const retired = (await this.keys()).find((key) => key.id === id);
    if (retired === undefined) throw new LowtideError('key_missing', `the keystore no longer lists ${id}`);
    return retired;
  }

  #view(id: string): Schedule {
    const [view] = this.schedules([id]);
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
  #likes(): ReadonlyMap<string, string> {
    const added = this.#installation.catalog.access.addedSchedules();
    return new Map(added.map(({ id, body }) => [id, (body as NewSchedule).like]));
  }

  #added(id: string): NewSchedule {
    const added = this.#installation.catalog.access.addedSchedules().find((each) => each.id === id);
    if (added !== undefined) return added.body as NewSchedule;
    this.#named(id);
    throw new LowtideError('read_only', `${id} stands in the config file, and is changed there`, {
      hint: 'Edit lowtide.yaml and send SIGHUP; here it can be run, paused, resumed, and its next run skipped.',
    });
  }

  #put(id: string, body: NewSchedule): Schedule {
    resolveAdded(id, body, this.#installation.loaded.config);
    this.#installation.catalog.access.putAddedSchedule({ id, body });
    this.#options.adoptSchedules();
    return this.#view(id);
  }
}

function refusePruned({ id, status }: Backup): void {
  if (status !== 'pruned') return;
  throw new LowtideError('store_missing_object', `backup ${id} was pruned: nothing of it is left`);
}
