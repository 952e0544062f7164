import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock/clock.ts';
import { pause } from '../../clock/pause.ts';
import type { Config } from '../../config/schema.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Fleet, HostDetails, Lease, Renewal } from '../../fleet/fleet.ts';
import type { HostGuard } from '../../fleet/host-guard.ts';
import { version } from '../../version.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';

/** A host that is not heard of for so long is silent: others may say of its runs that they were interrupted. */
const silentAfterMs = 60_000;
/** By its own clock a host is that far from PostgreSQL's before anybody is told. */
const skewWorthTellingMs = 60_000;
const certainSkewMs = 5000;

export interface MembershipOptions {
  readonly fleet: Fleet;
  readonly guard: HostGuard;
  /** As others are to see it: a reload changes it. */
  readonly host: () => HostDetails;
  /** Of the folder in which this host's processes see each other. */
  readonly home: string;
  readonly beatMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a host learns with each beat. */
export interface Heard {
  readonly planVersion: number;
  /** Somebody holds the planner's lease. */
  readonly isPlanned: boolean;
  /** Others have just been told who this host is: what else they are to know of it they may have forgotten. */
  readonly isNew: boolean;
  /** Others have asked something of this host. */
  readonly hasRequests: boolean;
  /** A task is left to be done here, of what several were asked to do. */
  readonly hasTasks: boolean;
}

/** As others see it. `listen`: where it answers, `host:port`. */
export function hostDetails(
  { instance, pools }: Pick<Config, 'instance' | 'pools'>,
  listen: readonly string[],
): HostDetails {
  return { instance, version, address: listen.join(', '), machine: hostname(), pools };
}

/** This host among those that share a PostgreSQL: it is heard of every ten seconds, as long as this process is. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #listeners: ((heard: Heard) => void)[] = [];
  /** Of this host, and the same as long as this process works for it. */
  readonly lease: Lease;
  #announced: HostDetails;
  #isHeard = true;
  #aheadMs = 0;
  #toldSkewMs = 0;

  private constructor(options: MembershipOptions, lease: Lease) {
    this.#options = options;
    this.lease = lease;
    this.#announced = options.host();
    options.guard.hold(lease);
  }

  /** Throws `instance_taken` while another process works under the name; from here on what that one writes is refused. */
  static async enter(options: MembershipOptions): Promise<Membership> {
    const { fleet, host, home } = options;
    const membership = new Membership(options, await fleet.enter(host(), home, silentAfterMs));
    await membership.#renew();
    return membership;
  }

  /** How far the clock of this host is ahead of PostgreSQL's. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Called after each beat that has come through. */
  onHeard(listener: (heard: Heard) => void): void {
    this.#listeners.push(listener);
  }

  /** Beats until the signal is aborted. Throws `instance_taken` once another process has taken the name. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#beat();
      await pause(clock, this.#options.beatMs, signal);
    }
  }

  /** Says goodbye, so that nobody waits for this host: once nothing of it goes on any more. */
  async leave(): Promise<void> {
    // Who cannot be told finds out in a minute.
    await this.#options.fleet.leases.release(this.lease).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    const { fleet, host, log } = this.#options;
    try {
      const renewal = await this.#renew();
      this.#tellSkew(this.#aheadMs);
      const details = host();
      const isNew = !renewal.isKnown || !isDeepStrictEqual(details, this.#announced);
      if (isNew) await fleet.announce(details);
      this.#announced = details;
      if (!this.#isHeard) log.info('the other hosts hear of this one again');
      this.#isHeard = true;
      for (const listener of this.#listeners) listener({ ...renewal, isNew });
    } catch (thrown) {
      const error = LowtideError.from(thrown);
      if (error.code === 'lease_lost') throw this.#replaced();
      if (this.#isHeard) log.warn({ err: describe(error) }, 'the other hosts do not hear of this one');
      this.#isHeard = false;
    }
  }

  async #renew(): Promise<Renewal> {
    const { fleet, guard, clock } = this.#options;
    const asked = clock.now();
    const askedAt = guard.moment();
    const renewal = await fleet.leases.renew(this.lease, silentAfterMs, true);
    guard.confirmed(askedAt);
    const aheadMs = (asked + clock.now()) / 2 - renewal.databaseNow;
    // As far as the way there and back tells: on a busy machine it takes a second.
    this.#aheadMs = Math.abs(aheadMs) < certainSkewMs ? 0 : aheadMs;
    return renewal;
  }

  #replaced(): LowtideError {
    const { instance } = this.#options.host();
    return new LowtideError('instance_taken', `another exporter works under the name ${instance} now`, {
      hint: 'Give each host an `instance` of its own, and do not copy the folder `local` from one to another.',
    });
  }

  #tellSkew(skewMs: number): void {
    const isFar = Math.abs(skewMs) >= skewWorthTellingMs;
    if (!isFar || Math.abs(skewMs - this.#toldSkewMs) < skewWorthTellingMs / 2) return;
    this.#toldSkewMs = skewMs;
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    const way = skewMs > 0 ? 'ahead of' : 'behind';
    this.#options.log.warn(`the clock of this host is ${seconds} s ${way} that of PostgreSQL: set it by NTP`);
  }
}
