import { homeOf } from '../../catalog/postgres/home.ts';
import { evictOthers } from '../../catalog/postgres/owners.ts';
import { interruptRunsOf } from '../../catalog/postgres/silent-host.ts';
import type { Installation } from '../../compose.ts';
import type { ScheduleConfig } from '../../config/schema.ts';
import type { FleetAccess } from '../../fleet/access.ts';
import type { Fleet, HostDetails } from '../../fleet/fleet.ts';
import { InTurn } from '../../probe/in-turn.ts';
import type { Queue } from '../../queue/queue.ts';
import { waysOf } from '../../schedule/due-job.ts';
import type { EpochMs } from '../../units/instant.ts';
import { describe } from '../describe.ts';
import { keepLooking } from '../keep-looking.ts';
import type { Logger } from '../log.ts';
import { withMissedInLog } from '../missed.ts';
import type { PlanThread } from '../plan-thread.ts';
import type { Tide } from '../tide.ts';
import { Answering, type AnsweringOptions } from './answering.ts';
import { Claims, type Outcome } from './claims.ts';
import type { Hold } from './held-claim.ts';
import { HostPart } from './host-part.ts';
import { hostDetails, Membership, type Heard } from './membership.ts';
import { FleetPlanner } from './planner.ts';
import { Pools } from './pools.ts';
import { WaysTaken } from './ways-taken.ts';

const reconcileEveryMs = 60_000;
const beatMs = 10_000;
/** Once a minute it is asked what PostgreSQL has of this host's runs. */
const beatsPerReconcile = 6;

export interface FleetMemberOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  /** Where this host answers, `host:port`. */
  readonly listen: readonly string[];
  readonly log: Logger;
  /** Aborted when the service is to stop. */
  readonly stopping: AbortSignal;
  /** Called where another process has taken the place of this one: it is to stop, and to throw this. */
  readonly onDismissed: (reason: unknown) => void;
  readonly track: (work: Promise<void>) => Promise<void>;
  readonly tide: Tide;
  readonly thread: Pick<PlanThread, 'fleet'>;
  /** Absent: as often as a thousand hosts bear. */
  readonly beatMs?: number;
}

/** This service as one of the hosts that share a PostgreSQL. */
export class FleetMember {
  readonly #options: FleetMemberOptions;
  readonly #membership: Membership;
  readonly #fleet: Fleet;
  readonly #claims: Claims;
  readonly #ways: WaysTaken;
  readonly #planner: FleetPlanner;
  readonly #looks = new InTurn();
  #beats = Promise.resolve();
  #beatsHeard = 0;
  #onPlan: () => void = () => undefined;
  /** This host's part in the plan of all. */
  readonly part: HostPart;
  /** The records of this host's schedules, with what other hosts have done of them. */
  readonly pools: Pools;

  private constructor(
    options: FleetMemberOptions,
    membership: Membership,
    { fleet, queue, access }: { readonly fleet: Fleet; readonly queue: Queue; readonly access: FleetAccess },
  ) {
    const { installation, tide, thread, log, stopping } = options;
    const { config, catalog, clock } = installation();
    const { instance } = config;
    this.#options = options;
    this.#membership = membership;
    this.#fleet = fleet;
    this.#claims = new Claims({
      ...{ queue, catalog, instance, clock, log, stopping },
      elapsed: access.elapsed,
      aheadMs: () => membership.aheadMs,
    });
    this.#ways = new WaysTaken({
      ...{ ways: fleet.ways, lease: membership.lease, log, stopping },
      config: () => installation().config,
      waysOf: (schedule) => waysOf(schedule, tide.learning.of(schedule)),
    });
    this.#planner = new FleetPlanner({
      ...{ fleet, queue, thread, instance, catalog, clock, log },
      interruptRunsOf: (silent) => interruptRunsOf(access.postgres, silent, clock.now()),
      aheadMs: () => membership.aheadMs,
      poolOf: (schedule) => installation().config.schedules.find(({ id }) => id === schedule)?.pool,
    });
    this.pools = new Pools({
      queue,
      catalog: withMissedInLog(catalog, log),
      schedules: () => installation().config.schedules,
      offerOf: (schedule, dueAt) => this.#claims.offerOf(schedule, dueAt),
      queueNow: () => Math.round(clock.now() - membership.aheadMs),
    });
    this.part = new HostPart({
      ...{ fleet, tide, pools: this.pools },
      lease: membership.lease,
      config: () => installation().config,
      onChange: () => this.#onPlan(),
    });
    membership.onHeard((heard) => {
      // One look after the other, and none is skipped for long: a beat comes every ten seconds.
      void this.#looks.do(() => this.#look(heard));
    });
  }

  /**
   * Undefined where the state is this host's alone. Throws `instance_taken`, and what PostgreSQL throws. From here on the host's
   * state is written to by this process alone.
   */
  static async join(options: FleetMemberOptions): Promise<FleetMember | undefined> {
    const { config, clock, fleet: access } = options.installation();
    if (access === undefined) return undefined;
    const { log } = options;
    const { guard, folder, postgres } = access;
    const host = (): HostDetails => hostDetails(options.installation().config, options.listen);
    const home = homeOf(folder);
    const fleet = await access.open();
    const membership = await Membership.enter({
      ...{ fleet, guard, host, home, clock, log },
      beatMs: options.beatMs ?? beatMs,
    });
    await evictOthers(postgres, config.instance, folder);
    const member = new FleetMember(options, membership, { fleet, queue: await access.queue(), access });
    // From now on it is heard of, however long it takes until all is up.
    member.#beats = member.#beat();
    return member;
  }

  /** Runs an occurrence once it is certain that nobody else does; answers what of what hosts share has no room for it. */
  async runOnce(
    schedule: ScheduleConfig,
    dueAt: EpochMs,
    work: (hold: Hold) => Promise<Outcome>,
  ): Promise<string | undefined> {
    let full: string | undefined;
    const begin = (hold: Hold): Promise<Outcome> => {
      this.part.poke();
      return work(hold);
    };
    const onWays = (hold: Hold): Promise<Outcome> =>
      this.#ways.during(schedule, dueAt, { work: () => begin(hold), onFull: (way) => (full = way) });
    await this.#claims.run(schedule, dueAt, onWays, () => full);
    // It is asked for every ten seconds, and nothing has changed.
    if (full !== undefined) return full;
    this.part.poke();
    if (schedule.pool !== undefined) await this.pools.look().catch(() => undefined);
    return undefined;
  }

  /** The same while nobody can be asked. The others hear of it as soon as they can. */
  async runUnasked(schedule: ScheduleConfig, dueAt: EpochMs, work: () => Promise<Outcome>): Promise<void> {
    await this.#ways.during(schedule, dueAt, { work });
  }

  /** From the next beat on others can answer for this host. */
  answerForOthers(
    parts: Pick<AnsweringOptions, 'commands' | 'act' | 'taskWork' | 'planVersion' | 'isStopping'>,
  ): Answering {
    const { installation, log } = this.#options;
    const { lease } = this.#membership;
    const { clock, config } = installation();
    const { instance } = config;
    const answering = new Answering({ ...parts, fleet: this.#fleet, instance, lease, clock, log });
    this.#membership.onHeard((heard) => answering.heard(heard));
    return answering;
  }

  /** Once runs that were cut off are on record, and before others begin. */
  async reconcile(): Promise<void> {
    await this.pools.look();
    await this.#claims.reconcile(this.#options.installation().config.schedules, true);
  }

  /** Whether this host plans for all. */
  get isPlanner(): boolean {
    return this.#planner.isLeader;
  }

  /** Called when another start is planned for something of this host. */
  onPlan(listener: () => void): void {
    this.#onPlan = listener;
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { installation, log, track } = this.#options;
    const schedules = (): readonly ScheduleConfig[] => installation().config.schedules;
    const keep = { clock: () => installation().clock, track, log };
    const reconciling = keepLooking(
      () => this.#claims.reconcile(schedules()),
      { ...keep, everyMs: reconcileEveryMs, failure: 'the queue of the hosts could not be looked at' },
      signal,
    );
    await Promise.all([this.#beats, reconciling]);
  }

  async #beat(): Promise<void> {
    const { log, stopping, onDismissed } = this.#options;
    try {
      await this.#membership.run(stopping);
    } catch (thrown) {
      log.error({ err: describe(thrown) }, 'this host stops, for another works under its name');
      onDismissed(thrown);
    }
  }

  /** Once nothing of this host goes on any more. */
  async leave(): Promise<void> {
    await this.#looks.do(() => this.#planner.giveUp());
    await this.#membership.leave();
  }

  async #look(heard: Heard): Promise<void> {
    const { installation, log, stopping } = this.#options;
    if (stopping.aborted) return;
    try {
      await this.#claims.tellLate();
      await (this.#beatsHeard % beatsPerReconcile === 0 ? this.#ways.reconcile() : this.#ways.tellLate());
      this.#beatsHeard += 1;
      if (await this.pools.look()) {
        this.part.poke();
        this.#onPlan();
      }
      if (heard.isNew) this.part.forget();
      await this.part.tell(installation().clock.now());
      await this.#planner.look(heard);
      await this.part.follow(Math.max(heard.planVersion, this.#planner.planVersion));
    } catch (thrown) {
      log.warn({ err: describe(thrown) }, 'the plan of all hosts could not be looked at');
    }
  }
}
