import type { Clock } from '../../../exporter/src/clock/clock.ts';
import type { ScheduleConfig } from '../../../exporter/src/config/schema.ts';
import type { Fleet, Lease, Renewal } from '../../../exporter/src/fleet/fleet.ts';
import type { Queue } from '../../../exporter/src/queue/queue.ts';
import { limitsOf } from '../../../exporter/src/run/admission.ts';
import { dueUntil, planJobOf, waysOf, type ExpectedRun } from '../../../exporter/src/schedule/due-job.ts';
import type { PlanJob, PlanRequest } from '../../../exporter/src/schedule/planner.ts';
import { Claims, type Outcome } from '../../../exporter/src/service/fleet/claims.ts';
import type { Hold } from '../../../exporter/src/service/fleet/held-claim.ts';
import { HostPart } from '../../../exporter/src/service/fleet/host-part.ts';
import { Pools } from '../../../exporter/src/service/fleet/pools.ts';
import { FleetPlanner } from '../../../exporter/src/service/fleet/planner.ts';
import { WaysTaken } from '../../../exporter/src/service/fleet/ways-taken.ts';
import type { Logger } from '../../../exporter/src/service/log.ts';
import type { PlanThread } from '../../../exporter/src/service/plan-thread.ts';
import { Scheduler } from '../../../exporter/src/service/scheduler.ts';
import { asCatalog, HostRecords, type RunOfHost } from './records.ts';
import { seeded } from './seeded.ts';
import { bytesPerSecond, hourMs, minuteMs, type HostPlanOfWorld } from './world.ts';

/** As in service/fleet/membership.ts. */
const silentAfterMs = 60_000;
const attempts = 3;
/** How long a host's schedules are not looked at where nothing begins or changes. */
const restMs = 6 * hourMs;

export interface HostParts {
  readonly fleet: Fleet;
  readonly queue: Queue;
  readonly clock: Clock;
  /** True time. */
  readonly now: () => number;
  readonly thread: Pick<PlanThread, 'fleet'>;
  readonly log: Logger;
  /** The records of any host, for who plans. */
  readonly recordsOf: (instance: string) => HostRecords | undefined;
}

interface Life {
  readonly over: AbortController;
  readonly lease: Lease;
  readonly part: HostPart;
  readonly pools: Pools;
  readonly claims: Claims;
  readonly planner: FleetPlanner;
  readonly scheduler: Scheduler;
}

/** A host of the simulation: the scheduler, the claims, the part in the plan and the planner of a service, over its own records. */
export class SimulatedHost {
  readonly world: HostPlanOfWorld;
  readonly records = new HostRecords();
  readonly #parts: HostParts;
  readonly #expected: ReadonlyMap<string, ExpectedRun>;
  #life: Life | undefined;
  /** What the death of the host has ended. */
  readonly #cutOff: RunOfHost[] = [];
  #runs = 0;
  #heard: Renewal | undefined;
  #aheadMs = 0;

  constructor(world: HostPlanOfWorld, parts: HostParts) {
    this.world = world;
    this.#parts = parts;
    this.#expected = new Map(world.config.schedules.map((schedule) => [schedule.id, expectedOf(schedule)]));
  }

  get instance(): string {
    return this.world.config.instance;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get isLeader(): boolean {
    return this.#life?.planner.isLeader ?? false;
  }

  async start(): Promise<void> {
    const { fleet, queue, clock, thread, log, recordsOf, now } = this.#parts;
    const { instance } = this;
    const { config } = this.world;
    const catalog = this.records;
    const over = new AbortController();
    const host = { instance, version: 'bench', address: `${instance}:10210`, pools: config.pools };
    const lease = await fleet.enter(host, `home of ${instance}`, silentAfterMs);
    for (const run of this.#cutOff.splice(0)) this.#interrupt(run);
    const claims = new Claims({
      ...{ queue, catalog, instance, clock, log, stopping: over.signal },
      elapsed: now,
      aheadMs: () => this.#aheadMs,
    });
    const ways = new WaysTaken({
      ...{ ways: fleet.ways, lease, log, stopping: over.signal },
      config: () => config,
      waysOf: (schedule) => waysOf(schedule, this.#expected.get(schedule.id) ?? expectedOf(schedule)),
    });
    const pools = new Pools({
      ...{ queue, catalog },
      schedules: () => config.schedules,
      offerOf: (schedule, dueAt) => claims.offerOf(schedule, dueAt),
      queueNow: () => clock.now() - this.#aheadMs,
    });
    await pools.look();
    await claims.reconcile(config.schedules, true);
    const part = new HostPart({
      ...{ fleet, lease, pools, tide: this },
      config: () => config,
      onChange: () => this.#life?.scheduler.poke(),
    });
    const planner = new FleetPlanner({
      ...{ fleet, queue, thread, instance, catalog, clock, log },
      aheadMs: () => this.#aheadMs,
      poolOf: (id) => config.schedules.find((schedule) => schedule.id === id)?.pool,
      interruptRunsOf: (silent) =>
        Promise.resolve({
          ended: (recordsOf(silent)?.running() ?? []).map((run) => {
            run.status = 'interrupted';
            return asCatalog(run);
          }),
          isDone: true,
        }),
    });
    const scheduler = new Scheduler({
      schedules: config.schedules,
      catalog: pools,
      clock,
      // Nobody else has a hand in it, and whatever changes pokes.
      longestSleepMs: restMs,
      plan: (due) =>
        Promise.resolve(
          new Map(
            due.flatMap(({ schedule, occurrence }) => {
              const planned = part.startOf(schedule.id, occurrence.dueAt);
              return planned === undefined ? [] : [[schedule.id, planned] as const];
            }),
          ),
        ),
      start: async (schedule, dueAt) => {
        const work = ({ lost }: Hold): Promise<Outcome> =>
          this.#work(schedule, dueAt, AbortSignal.any([lost, over.signal]));
        let full: string | undefined;
        part.poke();
        await claims.run(schedule, dueAt, (hold) =>
          ways.during(schedule, dueAt, { work: () => work(hold), onFull: (way) => (full = way) }),
        );
        part.poke();
        if (schedule.pool !== undefined && !over.signal.aborted) await pools.look().catch(() => undefined);
        return full;
      },
      onError: (thrown) => log.error({ err: thrown }, 'the schedules could not be looked at'),
    });
    this.#life = { over, lease, part, pools, claims, planner, scheduler };
    log.debug({ instance, at: now() }, 'up');
    await this.beat();
    await this.askPools();
    await this.tell();
    await this.follow();
    void scheduler.run(over.signal);
  }

  /** Nobody is told. */
  die(): void {
    const at = this.#parts.now();
    for (const run of this.records.running()) {
      run.until = Math.min(run.until, at);
      this.#cutOff.push(run);
    }
    this.#life?.over.abort(new Error(`${this.instance} is dead`));
    this.#life = undefined;
  }

  async beat(): Promise<void> {
    if (this.#life === undefined) return;
    const { fleet, clock } = this.#parts;
    this.#heard = await fleet.leases.renew(this.#life.lease, silentAfterMs, true);
    this.#aheadMs = clock.now() - this.#heard.databaseNow;
  }

  /** Asks how far the pools have come. */
  async askPools(): Promise<void> {
    if (!(await this.#life?.pools.look())) return;
    this.#life?.part.poke();
    this.#life?.scheduler.poke();
  }

  async tell(): Promise<void> {
    await this.#life?.part.tell(this.#parts.clock.now());
  }

  /** Plans where it is its turn. What others are told of the host never changes. */
  async look(): Promise<void> {
    if (this.#heard !== undefined) await this.#life?.planner.look({ ...this.#heard, isNew: false });
  }

  async follow(planVersion = this.#heard?.planVersion ?? 0): Promise<void> {
    await this.#life?.part.follow(planVersion);
  }

  async reconcile(): Promise<void> {
    await this.#life?.claims.reconcile(this.world.config.schedules);
  }

  /** What a service's Tide answers, with forecasts and expectations that are given. */
  async requestAhead(
    schedules: readonly ScheduleConfig[],
    now: number,
    hours: number,
    mostOfOne = Infinity,
  ): Promise<PlanRequest> {
    const jobs: PlanJob[] = [];
    const states = await (this.#life?.pools ?? this.records).schedules();
    for (const schedule of schedules) {
      const { settledUntil = now } = states.get(schedule.id) ?? {};
      const expected = this.#of(schedule.id);
      const due = dueUntil(schedule, settledUntil, now, now + hours * 3_600_000).slice(0, mostOfOne);
      jobs.push(...due.map((each) => planJobOf(each, expected)));
    }
    const running = this.records.running().flatMap(({ schedule: id, startedAt }) => {
      const schedule = schedules.find((each) => each.id === id);
      if (schedule === undefined) return [];
      const expected = this.#of(id);
      const { durationMs, resources } = expected;
      return [
        {
          schedule: id,
          ...(schedule.pool !== undefined && { pool: schedule.pool }),
          until: Math.max(now, startedAt + durationMs),
          resources,
          ...waysOf(schedule, expected),
        },
      ];
    });
    return {
      now,
      jobs,
      running,
      load: this.world.loadAt(now),
      limits: limitsOf(this.world.config),
    };
  }

  #of(schedule: string): ExpectedRun {
    const expected = this.#expected.get(schedule);
    if (expected === undefined) throw new Error(`there is no schedule ${schedule}`);
    return expected;
  }

  async #work(schedule: ScheduleConfig, dueAt: number, signal: AbortSignal): Promise<Outcome> {
    const { clock, now } = this.#parts;
    const from = now();
    const run: RunOfHost = {
      ...{ id: `${this.instance} ${(this.#runs += 1)}`, host: this.instance, schedule: schedule.id, dueAt },
      ...{ startedAt: clock.now(), from, status: 'running' },
      until: from + takes(schedule, this.instance, dueAt),
    };
    this.records.begin(run);
    try {
      await clock.wakeAt(clock.now() + run.until - from, signal);
    } catch (thrown) {
      // Dead, or replaced: in the second case it is known here.
      if (this.#cutOff.includes(run)) throw thrown;
      run.until = Math.min(run.until, now());
      run.status = 'interrupted';
      return run.status;
    }
    run.status = seeded('fails', this.instance, schedule.id, dueAt) < 0.01 ? 'failed' : 'completed';
    return run.status;
  }

  /** As a service does once it is back. */
  #interrupt(run: RunOfHost): void {
    run.status = 'interrupted';
    const before = this.records.ofRuns.filter(
      ({ schedule, dueAt }) => schedule === run.schedule && dueAt === run.dueAt,
    );
    if (before.length < attempts) this.records.offerAgain(run);
  }
}

function expectedOf({ estimated_duration: durationMs, resources }: ScheduleConfig): ExpectedRun {
  return { durationMs, resources, storedBytes: (bytesPerSecond * durationMs) / 1000 };
}

/** Most take about what was expected; one of fifty takes up to three times that. */
function takes({ id, estimated_duration: expected }: ScheduleConfig, host: string, dueAt: number): number {
  const luck = seeded('takes', host, id, dueAt);
  const times = luck < 0.02 ? 1 + luck * 100 : 0.7 + 0.4 * seeded('about', host, id, dueAt);
  return Math.max(minuteMs, Math.round(expected * times));
}
