import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.ts';
import type { Fleet, FleetSlot, HostFacts, Lease } from '../../fleet/fleet.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { PlanOfAll } from '../planning.ts';
import { activeSchedules, type Tide } from '../tide.ts';
import { poolSettings } from './pool-settings.ts';
import type { Pools } from './pools.ts';
import { ownAndShared } from './shared-limits.ts';
import { toldJobs } from './told-jobs.ts';

/** How far ahead all plan together. */
const hoursAhead = 24;
/** Of a schedule that is due every minute: all of a day would take a while to work out. */
const mostOfOne = 300;
/** To work it out takes a while. */
const tellEveryMs = 60_000;

export interface HostPartOptions {
  readonly fleet: Fleet;
  readonly lease: Lease;
  readonly tide: Pick<Tide, 'requestAhead'>;
  readonly pools: Pick<Pools, 'schedules' | 'isTaken'>;
  readonly config: () => Config;
  /** Called when this host's part of the plan is another one. */
  readonly onChange: () => void;
}

/** A host's part in the plan of all: what it tells whoever plans, and what it is told to run when. */
export class HostPart implements PlanOfAll {
  readonly #options: HostPartOptions;
  #told: HostFacts | undefined;
  #toldAt = -Infinity;
  #planVersion = 0;
  #slots: readonly FleetSlot[] = [];

  constructor(options: HostPartOptions) {
    this.#options = options;
  }

  /** Of the plan that was read last. */
  get planVersion(): number {
    return this.#planVersion;
  }

  /** What belongs to a pool and is not given to this host is left to the others, up to its last call. */
  startOf(schedule: string, dueAt: EpochMs): EpochMs | undefined {
    const own = this.#slots.find((slot) => slot.schedule === schedule && slot.dueAt === dueAt);
    if (own !== undefined) return own.start;
    const { schedules } = this.#options.config();
    return schedules.find(({ id }) => id === schedule)?.pool === undefined ? undefined : Infinity;
  }

  /** The next look tells anew what there is to run. */
  poke(): void {
    this.#toldAt = -Infinity;
  }

  /** All that was told may have been forgotten. */
  forget(): void {
    this.#told = undefined;
    this.poke();
  }

  /** Tells what has changed since the last time: with each step of a minute, and once it was poked. */
  async tell(now: EpochMs): Promise<void> {
    const { fleet, lease } = this.#options;
    if (Math.abs(now - this.#toldAt) < tellEveryMs) return;
    this.#toldAt = now;
    const facts = await this.#facts(now);
    if (isDeepStrictEqual(facts, this.#told)) return;
    await fleet.facts.publish(lease, facts);
    this.#told = facts;
  }

  /** `planVersion`: of the newest plan. */
  async follow(planVersion: number): Promise<void> {
    const { fleet, config, onChange } = this.#options;
    if (planVersion === this.#planVersion) return;
    const { version, slots } = await fleet.plan.read(config().instance);
    this.#planVersion = version;
    if (isDeepStrictEqual(slots, this.#slots)) return;
    this.#slots = slots;
    onChange();
  }

  async #facts(now: EpochMs): Promise<HostFacts> {
    const { tide, pools, config } = this.#options;
    const { schedules, stores } = config();
    const active = await activeSchedules(pools, schedules);
    const {
      jobs,
      running = [],
      load,
      limits = {},
    } = await tide.requestAhead(active, now, hoursAhead, mostOfOne);
    const open = jobs.filter(({ schedule, occurrence }) => !pools.isTaken(schedule, occurrence.dueAt));
    const pooled = poolSettings(schedules);
    return {
      jobs: toldJobs(open),
      running,
      load,
      ...ownAndShared(stores, limits),
      ...(pooled !== undefined && { pooled }),
    };
  }
}
