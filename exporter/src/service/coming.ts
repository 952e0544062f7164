import type { Catalog, Missed, ScheduleState } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { absent, absentAfter, stillRunning } from '../events/events.ts';
import { latestStart, type DueJob } from '../schedule/due-job.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { firstAfter, Standings } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Deferrals, Telling } from './deferrals.ts';
import type { WhyAbsent } from './why-absent.ts';

export interface ComingOptions {
  readonly schedules: readonly ScheduleConfig[];
  readonly catalog: Pick<Catalog, 'schedules' | 'settleUpTo' | 'recordMissed'>;
  readonly deferrals: Deferrals;
  /** Why nothing was run of what this process has not seen wait. Absent: nobody was there. */
  readonly whyAbsent?: WhyAbsent;
  /** Between one look and the next there is no more time than this while this process runs and its host is awake. */
  readonly longestSleepMs: number;
  /** By schedule, as it stands when it is asked for: what runs, and when the last run was over. */
  readonly running: ReadonlyMap<string, unknown>;
  readonly endedAt: ReadonlyMap<string, EpochMs>;
}

export interface Look {
  readonly now: EpochMs;
  /**
   * When the look before was over; -Infinity: this is the first. A host that sleeps does not look, and what could have begun meanwhile has
   * waited for nothing else.
   */
  readonly lookedAt: EpochMs;
}

/** What is to be run of each schedule next. Puts on record what has been missed of it meanwhile, with the reason. */
export class Coming {
  readonly #options: ComingOptions;
  readonly #paused = new Set<string>();
  readonly #standings = new Standings();
  /** By schedule, until nothing is missed of it any more. */
  #changed = new Map<string, Changed>();

  #schedules: readonly ScheduleConfig[];

  constructor(options: ComingOptions) {
    this.#options = options;
    this.#schedules = options.schedules;
  }

  /** From now on these are run, and no others. */
  replaceSchedules(schedules: readonly ScheduleConfig[], at: EpochMs): void {
    const known = new Map(this.#schedules.map((schedule) => [schedule.id, schedule]));
    this.#changed = new Map(
      schedules.map(({ id }) => {
        const before = known.get(id);
        return [id, (before && this.#changed.get(id)) ?? { before, at }];
      }),
    );
    this.#schedules = schedules;
    this.#standings.clear();
  }

  /** Whether it was paused when it was last asked for. */
  isPaused(schedule: string): boolean {
    return this.#paused.has(schedule);
  }

  /** By one look at all of them; what there is to tell of others is put on record behind that. */
  async at(look: Look): Promise<readonly DueJob[]> {
    const { catalog, running } = this.#options;
    // One that ends while they are read is as it was before in what is read.
    const ran = new Set(running.keys());
    const states = await catalog.schedules();
    const coming: DueJob[] = [];
    const told: Telling[] = [];
    const asked = this.#schedules;
    for (const schedule of asked) {
      const state = states.get(schedule.id) ?? { paused: false };
      if (state.paused) this.#paused.add(schedule.id);
      else this.#paused.delete(schedule.id);
      if (ran.has(schedule.id) || running.has(schedule.id)) continue;
      const job = this.#nextOf(schedule, state, look, told);
      if (job !== undefined) coming.push(job);
    }
    for (const put of told) await put();
    if (this.#schedules !== asked) return await this.at(look);
    // Those that were started meanwhile are not to come any more.
    return coming.filter(({ schedule: { id } }) => !running.has(id));
  }

  #nextOf(
    schedule: ScheduleConfig,
    { paused, settledUntil }: ScheduleState,
    look: Look,
    told: Telling[],
  ): DueJob | undefined {
    const { now } = look;
    const { catalog, deferrals } = this.#options;
    const { id } = schedule;
    // A schedule that is new has missed nothing.
    if (settledUntil === undefined) told.push(() => catalog.settleUpTo(id, now));
    const { missed, next } = this.#standings.of(schedule, settledUntil ?? now, now);
    const changed = this.#changed.get(id);
    if (missed === undefined) this.#changed.delete(id);
    const tellMissed = (upTo: Missed): void => {
      const most = changed && mostMissed(schedule, changed, settledUntil ?? now, upTo.dueAt);
      const occurrences = paused ? 0 : Math.min(upTo.occurrences, most ?? Infinity);
      told.push(
        occurrences === 0
          ? () => catalog.settleUpTo(id, upTo.dueAt)
          : this.#tellingMissed(schedule, { ...upTo, occurrences }, look),
      );
    };
    const late = deferrals.waitingForRoom(schedule, missed?.dueAt);
    const nextOpensAt = next?.windowStart;
    if (late !== undefined && !paused && (nextOpensAt === undefined || nextOpensAt > now)) {
      // While the state was away, what came before could not be put on record.
      if (missed !== undefined && missed.occurrences > 1) {
        const before = nextOccurrences(schedule, settledUntil ?? now, late.dueAt - 1).at(-1);
        if (before !== undefined) tellMissed({ dueAt: before.dueAt, occurrences: missed.occurrences - 1 });
      }
      return { schedule, occurrence: late, ...(nextOpensAt !== undefined && { nextOpensAt }) };
    }
    if (missed !== undefined) tellMissed(missed);
    return paused ? undefined : next && { schedule, occurrence: next };
  }

  #tellingMissed(schedule: ScheduleConfig, missed: Missed, look: Look): Telling {
    const why = this.#whyMissed(schedule, missed.dueAt, look);
    return async () => {
      await this.#options.catalog.recordMissed(schedule.id, { ...missed, reason: await why() }, look.now);
    };
  }

  /** As it stands now; what is not known is looked for as it is put on record. */
  #whyMissed(schedule: ScheduleConfig, dueAt: EpochMs, { now, lookedAt }: Look): () => Promise<string> {
    const { deferrals, endedAt, longestSleepMs, whyAbsent } = this.#options;
    const { id } = schedule;
    const occurrence = firstAfter(schedule, dueAt - 1);
    const lastLook = (occurrence ? latestStart({ schedule, occurrence }) : dueAt) - longestSleepMs;
    const waited = deferrals.of(id, dueAt);
    if (waited !== undefined) {
      const reason = lookedAt < lastLook ? absentAfter(waited.reason) : waited.reason;
      return () => Promise.resolve(reason);
    }
    if ((endedAt.get(id) ?? -Infinity) > Math.max(dueAt, lastLook))
      return () => Promise.resolve(stillRunning);
    const opensAt = occurrence?.windowStart ?? dueAt;
    return async () => (await whyAbsent?.({ schedule: id, dueAt, opensAt, lastLook }, now)) ?? absent;
  }
}

/** A reload: what a schedule was like before; undefined where there was none. */
interface Changed {
  readonly before: ScheduleConfig | undefined;
  readonly at: EpochMs;
}

/** Up to the reload a schedule can have missed no more than was due by its times of before, and from then on by those of now. */
function mostMissed(
  schedule: ScheduleConfig,
  { before, at }: Changed,
  settledUntil: EpochMs,
  dueAt: EpochMs,
): number {
  const until = before === undefined ? [] : nextOccurrences(before, settledUntil, Math.min(at, dueAt));
  return until.length + nextOccurrences(schedule, Math.max(settledUntil, at), dueAt).length;
}
