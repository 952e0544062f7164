import type { ScheduleConfig } from '../../config/schema.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Planning } from '../planning.ts';
import type { Answering, AnsweringOptions } from './answering.ts';
import type { Outcome } from './claims.ts';
import { withMissedInLog } from '../missed.ts';
import type { Hold } from './held-claim.ts';
import { FleetMember, type FleetMemberOptions } from './member.ts';
import type { ScheduleRecords } from './pools.ts';
import { scheduleRecords } from './schedule-records.ts';

export interface FleetSideOptions extends FleetMemberOptions {
  readonly planning: Pick<Planning, 'follow'>;
}

/** What a member does for others, and hears from them, once all of the service is there. */
export interface Attending extends Pick<
  AnsweringOptions,
  'commands' | 'act' | 'taskWork' | 'planVersion' | 'isStopping'
> {
  /** Called when another start is planned for something of this host. */
  readonly onPlan: () => void;
}

/**
 * The side of a service that is turned to the hosts which share its state: nothing where the state is this host's alone. Where
 * PostgreSQL is away at the start, it joins them as soon as that is there.
 */
export class FleetSide implements AsyncDisposable {
  readonly #options: FleetSideOptions;
  #member: FleetMember | undefined;
  #attending: Attending | undefined;
  #answering: Answering | undefined;
  #over = Promise.resolve();

  private constructor(options: FleetSideOptions) {
    this.#options = options;
  }

  /** Throws what `FleetMember.join` throws. */
  static async begin(options: FleetSideOptions): Promise<FleetSide> {
    const side = new FleetSide(options);
    if (!side.#isAway()) await side.#join();
    return side;
  }

  /** Nobody else can be asked: PostgreSQL is away, or was at the start and this host has not joined since. */
  readonly isCutOff = (): boolean => {
    const { standIn } = this.#options.installation();
    return standIn !== undefined && (standIn.isAway() || this.#member === undefined);
  };

  /** Whether this host plans, be it for itself alone. */
  readonly isPlanner = (): boolean =>
    this.#member?.isPlanner ?? this.#options.installation().standIn === undefined;

  /** When a host of its pool last made a backup of the schedule, as far as that was heard. */
  readonly completedAt = (schedule: string): EpochMs | undefined => this.#member?.pools.completedAt(schedule);

  /** The records that the scheduler works on. */
  records(): ScheduleRecords {
    const { installation, log } = this.#options;
    return scheduleRecords({
      catalog: withMissedInLog(installation().catalog, log),
      isCutOff: this.isCutOff,
      pools: () => this.#member?.pools,
      schedules: () => installation().config.schedules,
    });
  }

  /** Once runs that were cut off are on record, and before others begin. */
  async reconcile(): Promise<void> {
    await this.#member?.reconcile();
  }

  /**
   * Among hosts that share a state, only once none of the others does, and where theirs leave room for it; while it is away nobody can be
   * asked. Answers what they leave no room in.
   */
  async runScheduled(
    schedule: ScheduleConfig,
    dueAt: EpochMs,
    work: (hold?: Hold) => Promise<Outcome>,
  ): Promise<string | undefined> {
    const isAlone = this.#isAway() && schedule.pool === undefined;
    if (this.#member !== undefined && !isAlone) return await this.#member.runOnce(schedule, dueAt, work);
    if (this.#member === undefined) await work();
    else await this.#member.runUnasked(schedule, dueAt, work);
    return undefined;
  }

  /** From now on, or from when it has joined. */
  attend(attending: Attending): void {
    this.#attending = attending;
    if (this.#member !== undefined) this.#begin(this.#member, attending);
  }

  /** PostgreSQL is back. Throws what keeps it from joining; then it is to be tried again. */
  async comeBack(): Promise<void> {
    if (this.#member === undefined) await this.#join();
    if (this.#member === undefined || this.#answering !== undefined || this.#attending === undefined) return;
    await this.#member.reconcile();
    this.#begin(this.#member, this.#attending);
  }

  /** The config has changed: whoever plans for all is told at once. */
  renew(): void {
    this.#member?.part.poke();
    this.#answering?.renew();
  }

  /** Resolves once the service was stopped, and no beat follows. */
  async ended(): Promise<void> {
    await this.#over;
  }

  /** Once nothing of this host goes on any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#member?.leave();
  }

  #isAway(): boolean {
    return this.#options.installation().standIn?.isAway() === true;
  }

  async #join(): Promise<void> {
    const { planning, onDismissed } = this.#options;
    try {
      this.#member = await FleetMember.join(this.#options);
    } catch (thrown) {
      if (LowtideError.from(thrown).code === 'instance_taken') onDismissed(thrown);
      throw thrown;
    }
    if (this.#member !== undefined) planning.follow(this.#member.part);
  }

  #begin(member: FleetMember, { onPlan, ...parts }: Attending): void {
    member.onPlan(onPlan);
    this.#answering = member.answerForOthers(parts);
    this.#over = member.run(this.#options.stopping);
  }
}
