import type { Catalog } from '../../catalog/catalog.ts';
import type { SilentRuns } from '../../catalog/postgres/silent-host.ts';
import type { Clock } from '../../clock/clock.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Fleet, HostFacts, KnownHost, Lease } from '../../fleet/fleet.ts';
import { plannerLease } from '../../fleet/leases.ts';
import { disagreements } from '../../fleet/pool-settings.ts';
import type { Offer, Queue } from '../../queue/queue.ts';
import type { FleetHost, FleetRequest, FleetRun, PreviousRun } from '../../schedule/fleet.ts';
import { describe } from '../describe.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Logger } from '../log.ts';
import { warnOfMissed } from '../missed.ts';
import { atStep, planStepMs } from '../plan-step.ts';
import type { PlanThread } from '../plan-thread.ts';
import { claimSilentAfterMs } from './claims.ts';
import { leastOf } from './shared-limits.ts';
import type { Heard } from './membership.ts';
import { missedTogether } from './missed-together.ts';
import { offerOf, slotsOf } from './planned-runs.ts';

/** Who plans has this long to say that it goes on doing so. */
const leaseMs = 60_000;
/** What begins later may still be planned anew before it is offered. */
const offerAheadMs = 600_000;
/** Between two looks at what the queue need not know any more: each goes through all that it knows. */
const forgetEveryMs = 3_600_000;

export interface FleetPlannerOptions {
  readonly fleet: Fleet;
  readonly queue: Queue;
  readonly thread: Pick<PlanThread, 'fleet'>;
  readonly instance: string;
  /** Ends, as interrupted, the runs of a host that nobody hears of. */
  readonly interruptRunsOf: (instance: string) => Promise<SilentRuns>;
  readonly catalog: Pick<Catalog, 'append' | 'recordMissed'>;
  /** Whose a schedule of this host is; undefined where it is its own, or there is none. */
  readonly poolOf: (schedule: string) => string | undefined;
  /** How far the clock of this host is ahead of PostgreSQL's. */
  readonly aheadMs: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Told {
  readonly revision: number;
  readonly facts: HostFacts;
}

/**
 * One host plans for all, as long as it holds the lease for that: it takes what each has told of itself, makes one plan, and
 * offers what is to begin soon to the queue, so that of a host that dies meanwhile is known what it has not done.
 */
export class FleetPlanner {
  readonly #options: FleetPlannerOptions;
  readonly #told = new Map<string, Told>();
  readonly #offered = new Map<string, number>();
  /** Whether there is still something to be said of them. One look says little: after an outage hosts come back one by one. */
  readonly #silent = new Map<string, 'seen' | 'told' | 'done'>();
  #lease: Lease | undefined;
  #previous: ReadonlyMap<string, readonly PreviousRun[]> | undefined;
  #runs: readonly FleetRun[] = [];
  #plannedFor = '';
  #forgotAt = -Infinity;
  #lookedAt: EpochMs | undefined;
  /** After an outage hosts come back one by one: until then a claim is silent because nobody could be told. */
  #sweepsFrom = -Infinity;
  #planVersion = 0;
  /** What was told of settings that are not the same on all hosts of a pool. */
  #toldOf: ReadonlySet<string> = new Set();

  constructor(options: FleetPlannerOptions) {
    this.#options = options;
  }

  get isLeader(): boolean {
    return this.#lease !== undefined;
  }

  /** Of the last plan that this host has made; 0 where it has made none. */
  get planVersion(): number {
    return this.#planVersion;
  }

  /** After each beat of this host: plans where it is its turn and something has changed. */
  async look({ isPlanned }: Heard): Promise<void> {
    const now = this.#now();
    if (now - (this.#lookedAt ?? now) > claimSilentAfterMs / 2) this.#sweepsFrom = now + claimSilentAfterMs;
    this.#lookedAt = now;
    try {
      const lease = await this.#hold(isPlanned);
      if (lease === undefined) return;
      const hosts = await this.#options.fleet.hosts();
      // One duty that cannot be done must not keep the others from being done: nobody else does them meanwhile.
      await this.#duty('planned', () => this.#plan(lease, hosts));
      await this.#duty('offered', () => this.#offerSoon());
      await this.#duty('given out again', () => this.#sweep());
      await this.#standFor(hosts);
      await this.#duty('said to be missed', () => this.#tellMissed(hosts));
      await this.#duty('forgotten', () => this.#forget());
    } catch (thrown) {
      if (LowtideError.from(thrown).code !== 'lease_lost') throw thrown;
      this.#options.log.info('this host does not plan for all any more: its lease has gone');
      this.#lease = undefined;
    }
  }

  /** Lets another plan at once. */
  async giveUp(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    // Who cannot be told finds out in a minute.
    if (lease !== undefined) await this.#options.fleet.leases.release(lease).catch(() => undefined);
  }

  async #duty(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (error.code === 'lease_lost') throw error;
      this.#options.log.warn({ err: describe(error) }, `what all hosts have to run could not be ${what}`);
    }
  }

  /** By PostgreSQL's clock: this host's own may be off. */
  #now(): EpochMs {
    return Math.round(this.#options.clock.now() - this.#options.aheadMs());
  }

  async #hold(isPlanned: boolean): Promise<Lease | undefined> {
    const { fleet, instance, log } = this.#options;
    if (this.#lease !== undefined) {
      await fleet.leases.renew(this.#lease, leaseMs);
      return this.#lease;
    }
    if (isPlanned) return undefined;
    this.#lease = await fleet.leases.acquire(plannerLease, instance, leaseMs);
    if (this.#lease === undefined) return undefined;
    log.info('this host plans for all from now on');
    this.#told.clear();
    this.#offered.clear();
    this.#silent.clear();
    this.#plannedFor = '';
    this.#previous = await fleet.plan.readAll();
    return this.#lease;
  }

  async #plan(lease: Lease, hosts: readonly KnownHost[]): Promise<void> {
    const { fleet, thread } = this.#options;
    const changed = await this.#hear();
    const alive = hosts.filter(({ state }) => state === 'alive');
    const now = atStep(this.#now());
    if (changed.size > 0) this.#tellDisagreements(alive);
    const key = JSON.stringify([Math.floor(now / planStepMs), alive.map(({ instance }) => instance)]);
    if (changed.size === 0 && key === this.#plannedFor) return;
    const request = this.#request(alive, changed, now);
    const runs = await thread.fleet(request);
    this.#planVersion = await fleet.plan.write(lease, slotsOf(runs));
    this.#plannedFor = key;
    this.#runs = runs;
    this.#previous = Map.groupBy(runs, ({ runsOn }) => runsOn);
  }

  /** Each once, and again where it was put right in between. */
  #tellDisagreements(alive: readonly KnownHost[]): void {
    const settings = alive.flatMap(({ instance }) => {
      const pooled = this.#told.get(instance)?.facts.pooled;
      return pooled === undefined ? [] : [[instance, pooled] as const];
    });
    const told = new Set<string>();
    for (const { pool, schedule, setting, hosts } of disagreements(new Map(settings))) {
      const key = JSON.stringify([pool, schedule, setting]);
      told.add(key);
      if (this.#toldOf.has(key)) continue;
      const what = `${schedule} of the pool ${pool} has another \`${setting}\` on ${hosts[0]} than on ${hosts[1]}`;
      this.#options.log.warn({ schedule, hosts }, `${what}: what is made of it depends on who runs it`);
    }
    this.#toldOf = told;
  }

  /** Which hosts have told something new. */
  async #hear(): Promise<ReadonlySet<string>> {
    const known = new Map([...this.#told].map(([instance, { revision }]) => [instance, revision]));
    const news = await this.#options.fleet.facts.read(known);
    for (const [instance, told] of news) this.#told.set(instance, told);
    return new Set(news.keys());
  }

  #request(alive: readonly KnownHost[], changed: ReadonlySet<string>, now: number): FleetRequest {
    const hosts = new Map<string, FleetHost>();
    const shared: HostFacts['shared'][] = [];
    for (const { instance, capacity } of alive) {
      const facts = this.#told.get(instance)?.facts;
      if (facts === undefined) continue;
      shared.push(facts.shared);
      hosts.set(instance, {
        jobs: facts.jobs.filter(({ occurrence }) => occurrence.deadline > now),
        running: facts.running,
        load: facts.load,
        limits: facts.limits,
        ...(capacity !== undefined && { capacity }),
      });
    }
    const previous = this.#previous;
    return {
      now,
      hosts,
      shared: leastOf(shared),
      ...(previous !== undefined && { previous }),
      // A host that has come or gone changes what is there for the pools, and a step of the forecasts changes all.
      ...(this.#plannedFor.startsWith(`[${Math.floor(now / planStepMs)},`) && { changed }),
    };
  }

  async #offerSoon(): Promise<void> {
    const { queue } = this.#options;
    const now = this.#now();
    const until = now + offerAheadMs;
    const offers = this.#runs.flatMap((run): Offer[] => {
      const key = `${run.owner} ${run.schedule} ${run.dueAt}`;
      if (run.start > until || this.#offered.get(key) === run.start) return [];
      // While it was planned its time has gone by: its hosts have said what they missed of it, and no offer is to put that off.
      if (run.job.occurrence.deadline <= now) return [];
      this.#offered.set(key, run.start);
      return [offerOf(run)];
    });
    if (offers.length > 0) await queue.offer(offers);
    for (const [key, start] of this.#offered) if (start < until - 2 * 86_400_000) this.#offered.delete(key);
  }

  /** Of hosts that are silent, says what they cannot say themselves. */
  async #standFor(hosts: readonly KnownHost[]): Promise<void> {
    const { log } = this.#options;
    for (const { instance, state } of hosts) {
      const known = this.#silent.get(instance);
      if (state !== 'silent') {
        this.#silent.delete(instance);
      } else if (known === undefined) {
        this.#silent.set(instance, 'seen');
      } else if (known !== 'done') {
        if (known === 'seen') log.warn({ host: instance }, `nothing is heard of ${instance} any more`);
        this.#silent.set(instance, 'told');
        await this.#duty(`said of ${instance}`, () => this.#endRunsOf(instance));
      }
    }
  }

  async #endRunsOf(instance: string): Promise<void> {
    const { interruptRunsOf, log } = this.#options;
    const { ended, isDone } = await interruptRunsOf(instance);
    for (const { id: run, schedule } of ended) {
      log.warn({ host: instance, schedule, run }, 'a run was cut off when its host fell silent');
    }
    if (isDone) this.#silent.set(instance, 'done');
  }

  /** What a pool has missed is nobody else's to tell. */
  async #tellMissed(hosts: readonly KnownHost[]): Promise<void> {
    const { queue, catalog, clock, poolOf, log } = this.#options;
    const pools = [...new Set(hosts.flatMap(({ pools: labels }) => labels))].map((pool) => ({ pool }));
    if (pools.length === 0) return;
    const reports = await queue.reports(pools);
    for (const { owner, schedule, ...missed } of missedTogether(reports)) {
      // A schedule of this host's own may be called the same.
      const isMine = 'pool' in owner && poolOf(schedule) === owner.pool;
      if (isMine) await catalog.recordMissed(schedule, missed, clock.now());
      else await catalog.append({ name: 'run:missed', schedule, ...missed }, clock.now());
      warnOfMissed(log, schedule, missed);
    }
    await queue.acknowledge(reports);
  }

  /** Of the twenty thousand jobs a day of a large fleet none would ever be deleted else. */
  async #forget(): Promise<void> {
    const { queue, clock } = this.#options;
    const now = clock.now();
    if (Math.abs(now - this.#forgotAt) < forgetEveryMs) return;
    await queue.forget();
    this.#forgotAt = now;
  }

  async #sweep(): Promise<void> {
    if (this.#now() < this.#sweepsFrom) return;
    const { queue, log, instance } = this.#options;
    for (const { owner, schedule, state, reason, claimer } of await queue.sweep(claimSilentAfterMs)) {
      // That is told where it is put on record, unless that is another host, which may be silent.
      if (state === 'missed' && ('pool' in owner || owner.host === instance)) continue;
      const whose = 'host' in owner ? owner.host : `the pool ${owner.pool}`;
      const what = state === 'waiting' ? 'is given out again' : `is ${state}`;
      log.warn({ schedule, host: claimer ?? whose }, `a backup of ${whose} ${what}: ${reason?.text ?? ''}`);
    }
  }
}
