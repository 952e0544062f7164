import type { Begun } from '../api/commands.ts';
import type { Drill } from '../api/contract.ts';
import { drillView } from '../api/drill-view.ts';
import type { Drill as StoredDrill } from '../catalog/drills.ts';
import type { Installation } from '../compose.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { DrillRequest } from '../drill/drills.ts';
import { drillDueAt } from '../drill/due.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { GateTimes, Hold } from '../load/gate.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { keepLooking } from './keep-looking.ts';
import type { Logger } from './log.ts';
import { report } from './report.ts';
import { stopping } from './rotation-policy.ts';
import type { WorkRegistry } from './work.ts';

export interface DrillPolicyOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly registry: WorkRegistry;
  readonly log: Logger;
  /** Why the host is too busy now; undefined where it is not. */
  readonly tooBusy: (times: GateTimes) => Hold | undefined;
  /** Makes the service wait for this before it ends. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Clocks are set, hosts sleep: nothing is relied on for longer. */
const lookEveryMs = 60_000;
/** A day has a low tide: after that a drill is made whatever the load. */
const patienceMs = 86_400_000;

/**
 * Makes drills when `verify.drill` says so: one at a time, while the host is quiet and no backup is being made; and when
 * somebody asks for one.
 */
export class DrillPolicy {
  readonly #options: DrillPolicyOptions;

  constructor(options: DrillPolicyOptions) {
    this.#options = options;
  }

  /** What every start does: tells of what was cut off, and removes what it has left. */
  async recover(): Promise<void> {
    const { installation, log } = this.#options;
    try {
      for (const { id, schedule } of await installation().drills.recover()) {
        log.warn({ schedule, drill: id }, 'a restore drill was cut off when its process ended');
      }
    } catch (thrown) {
      report(log, thrown, 'what restore drills have left could not be removed');
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { installation, log, track } = this.#options;
    await keepLooking(
      () => this.look(signal),
      {
        clock: () => installation().clock,
        everyMs: lookEveryMs,
        track,
        log,
        failure: 'restore drills could not be looked after',
      },
      signal,
    );
  }

  /** Makes the drills that are due now, and are not to wait. */
  async look(signal: AbortSignal): Promise<void> {
    const { installation, tooBusy } = this.#options;
    const { config, catalog, clock } = installation();
    for (const schedule of config.schedules) {
      const dueAt = await this.dueAt(schedule);
      const now = clock.now();
      if (signal.aborted || dueAt === undefined || dueAt > now) continue;
      const deadline = dueAt + patienceMs;
      if (tooBusy({ now, slot: dueAt, deadline }) !== undefined) continue;
      // The backups come first, as long as there is time for both.
      if (now < deadline && (await catalog.runs({ status: 'running', limit: 1 })).length > 0) continue;
      await this.#drill({ schedule, trigger: 'schedule' }, stopping(signal)).catch((thrown: unknown) => {
        // Somebody makes one by hand just now.
        if (LowtideError.from(thrown).code !== 'run_active') throw thrown;
      });
    }
  }

  async dueAt(schedule: ScheduleConfig): Promise<EpochMs | undefined> {
    const { drill: rhythm } = schedule.verify;
    if (rhythm === undefined) return undefined;
    const { catalog } = this.#options.installation();
    const proof = (await catalog.proofs()).find((each) => each.schedule === schedule.id);
    const [last] = (await catalog.drills.list({ schedule: schedule.id, limit: 20 })).filter(
      ({ status }) => status !== 'running' && status !== 'cancelled',
    );
    return drillDueAt(rhythm, schedule.timezone, {
      ...(proof !== undefined && { since: proof.since }),
      ...(last !== undefined && { last }),
    });
  }

  /** As the API asks for one. Throws what keeps it from being begun. */
  async begin(schedule: ScheduleConfig): Promise<Begun<Drill>> {
    const { registry, track } = this.#options;
    const started = Promise.withResolvers<StoredDrill>();
    const over = this.#drill({ schedule, trigger: 'api', onStart: started.resolve });
    over.catch(started.reject);
    void track(
      over.then(
        () => undefined,
        () => undefined,
      ),
    );
    const drill = await started.promise;
    return {
      run: drillView(drill, registry.progressOf(drill.id)),
      ended: over.then((end) => drillView(end, undefined)),
    };
  }

  async #drill(
    request: Pick<DrillRequest, 'schedule' | 'trigger' | 'onStart'>,
    stop?: AbortSignal,
  ): Promise<StoredDrill> {
    const { installation, registry, log } = this.#options;
    using inHand = registry.begin(undefined);
    const { schedule } = request;
    const drill = await installation().drills.run({
      ...request,
      signal: stop === undefined ? inHand.signal : AbortSignal.any([inHand.signal, stop]),
      onStart(begun, backup) {
        inHand.call(begun.id, 'drill');
        // What is restored is verified before, but for folders and files: so these are read once.
        const expected = backup.storedBytes * (backup.type === 'database' ? 2 : 1);
        inHand.onProgressOf(0, expected);
        log.info({ schedule: schedule.id, drill: begun.id, backup: backup.id }, 'restore drill started');
        request.onStart?.(begun, backup);
      },
      onProgress: inHand.onProgress,
    });
    this.#report(drill);
    return drill;
  }

  #report({ id, schedule, backupId, status, restoreSeconds, error, warnings }: StoredDrill): void {
    const { log } = this.#options;
    const fields = { schedule, drill: id, backup: backupId };
    const took =
      restoreSeconds === undefined ? '' : ` after ${formatDuration(Math.round(restoreSeconds) * 1000)}`;
    if (status === 'passed') log.info(fields, `restore drill passed: the data was there${took}`);
    else log.error({ ...fields, code: error?.code }, `restore drill ${status}: ${error?.message ?? ''}`);
    for (const warning of warnings) log.warn(fields, warning);
  }
}
