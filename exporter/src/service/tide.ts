import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { expectedLoad } from '../load/expected-load.ts';
import type { Resource } from '../load/load.ts';
import { recordsOf } from '../load/of-host.ts';
import { dueUntil, following, planJobOf, waysOf, type DueJob } from '../schedule/due-job.ts';
import type { Limits } from '../schedule/limits.ts';
import { planDue } from '../schedule/plan-due.ts';
import type { Plan, PlanRequest, Resources, RunningJob } from '../schedule/planner.ts';
import type { HostLoad } from '../schedule/slot-grid.ts';
import type { EpochMs } from '../units/instant.ts';
import { HostOutlook, type Accuracy, type Forecasts } from './host-outlook.ts';
import { atStep } from './plan-step.ts';
import { Learning, type LearningSources } from './learning.ts';
import type { RunningSchedule } from './scheduler.ts';

const hourMs = 3_600_000;
/** More do not run at once. */
const mostRunning = 10_000;

export interface TideOptions {
  readonly catalog: LearningSources & Pick<Catalog, 'load' | 'hostLoads' | 'schedules'>;
  /** Where this host's day goes by: its load follows the clock on the wall. */
  readonly timezone: string;
  /** What runs share, as it is configured now. Absent: nothing that is counted. */
  readonly limits?: () => Limits;
  /** Above what this host, or one under load.hosts, counts as busy, as it is configured now. Absent: nothing is. */
  readonly highWater?: (host: string | undefined) => Resources;
}

/** Puts due occurrences where the host is expected to be quiet: the history, the forecast and the planner in one place. */
export class Tide {
  readonly #options: TideOptions;
  readonly #here: HostOutlook;
  readonly #elsewhere = new Map<string, HostOutlook>();
  #renewals = 0;

  /** What is expected of runs, from those before. */
  readonly learning: Learning;

  constructor(options: TideOptions) {
    this.#options = options;
    this.#here = new HostOutlook(options.timezone);
    this.learning = new Learning(options.catalog);
  }

  /** What the load of each resource will be in the next 48 hours: of this host, or of one under load.hosts. */
  async forecasts(now: EpochMs, host?: string): Promise<Forecasts> {
    return (await this.#look(now, host)).view.forecasts;
  }

  /** How good the forecasts were of late, and which is followed. */
  async accuracy(now: EpochMs, host?: string): Promise<Accuracy> {
    return (await this.#look(now, host)).view.accuracy;
  }

  /** Takes notice of what has been filed of a host's past: forecasts, and what rests on them, are made anew. */
  renew(host?: string): void {
    this.#of(host).renew();
    this.#renewals += 1;
  }

  /** Another one each time that forecasts are made anew for other reasons than that time has gone by. */
  get renewals(): number {
    return this.#renewals;
  }

  #of(host: string | undefined): HostOutlook {
    if (host === undefined) return this.#here;
    const known = this.#elsewhere.get(host);
    if (known !== undefined) return known;
    const made = new HostOutlook(this.#options.timezone);
    this.#elsewhere.set(host, made);
    return made;
  }

  async #look(now: EpochMs, host: string | undefined): Promise<HostOutlook> {
    const outlook = this.#of(host);
    if (!outlook.isOf(now)) {
      await outlook.lookBack(now, (from, until) => recordsOf(this.#options.catalog, host, from, until));
    }
    return outlook;
  }

  /**
   * The lowest load of a resource that is to come before `until`; undefined where no hour can be told from another, and where
   * that is closer than the next step. By the forecasts that the last plan was made by.
   */
  lowestExpected(resource: Resource, now: EpochMs, until: EpochMs, host?: string): number | undefined {
    const { basis, startsAt, stepMs, expected } = this.#of(host).view.forecasts[resource];
    if (basis === 'none' || basis === 'level') return undefined;
    const stepOf = (at: EpochMs): number => Math.max(0, Math.ceil((at - startsAt) / stepMs));
    const coming = expected.subarray(stepOf(now), stepOf(until));
    return coming.length === 0 ? undefined : coming.reduce((low, load) => Math.min(low, load));
  }

  /** What the planner is asked. */
  async request(due: readonly DueJob[], now: EpochMs): Promise<PlanRequest> {
    const schedules = due.map(({ schedule }) => schedule);
    await this.learning.learn(schedules, now);
    const hosts: Record<string, HostLoad> = {};
    for (const host of hostsOf(schedules)) hosts[host] = await this.#expected(now, host);
    return {
      now,
      jobs: due.map((job) => planJobOf(job, this.learning.of(job.schedule))),
      load: await this.#expected(now, undefined),
      hosts,
      limits: this.#options.limits?.() ?? {},
    };
  }

  async #expected(now: EpochMs, host: string | undefined): Promise<HostLoad> {
    const highWater = this.#options.highWater?.(host);
    return {
      ...expectedLoad(await this.forecasts(now, host)),
      ...(highWater !== undefined && { highWater }),
    };
  }

  /**
   * The same for all that the schedules have to run within `hours`: what is due now and has not been run, and what comes, beside
   * what runs already. `mostOfOne`: of one schedule, the next ones.
   */
  async requestAhead(
    schedules: readonly ScheduleConfig[],
    now: EpochMs,
    hours: number,
    mostOfOne = Infinity,
  ): Promise<PlanRequest> {
    return await this.#requestFor(await this.#dueAhead(schedules, now, hours, mostOfOne), schedules, now);
  }

  /** The same for all of it, beside what comes later, as it is planned when the time has come. */
  async requestToShow(
    schedules: readonly ScheduleConfig[],
    now: EpochMs,
    hours: number,
  ): Promise<PlanRequest> {
    const due = await this.#dueAhead(schedules, now, hours);
    const until = now + hours * hourMs;
    const last = new Map(due.map((job) => [job.schedule, job]));
    const later = following(
      [...last.values()],
      schedules.filter((schedule) => !last.has(schedule)),
      { now: until, durationOf: (schedule) => this.learning.of(schedule).durationMs },
    );
    const asked = await this.#requestFor([...due, ...later], schedules, now);
    return { ...asked, jobs: asked.jobs.slice(0, due.length), beside: asked.jobs.slice(due.length) };
  }

  async #dueAhead(
    schedules: readonly ScheduleConfig[],
    now: EpochMs,
    hours: number,
    mostOfOne = Infinity,
  ): Promise<readonly DueJob[]> {
    const states = await this.#options.catalog.schedules();
    return schedules.flatMap((schedule) => {
      const { settledUntil = now } = states.get(schedule.id) ?? {};
      return dueUntil(schedule, settledUntil, now, now + hours * hourMs).slice(0, mostOfOne);
    });
  }

  /** Beside what runs already. */
  async #requestFor(
    due: readonly DueJob[],
    schedules: readonly ScheduleConfig[],
    now: EpochMs,
  ): Promise<PlanRequest> {
    const goingOn = await this.#options.catalog.runs({ status: 'running', limit: mostRunning });
    const since = new Map(goingOn.map((run) => [run.schedule, run.startedAt]));
    const running = schedules.flatMap((schedule) => {
      const startedAt = since.get(schedule.id);
      return startedAt === undefined ? [] : [{ schedule, since: startedAt }];
    });
    return { ...(await this.request(due, now)), running: await this.running(running, now) };
  }

  /** What goes on, as the planner is told. */
  async running(runs: readonly RunningSchedule[], now: EpochMs): Promise<readonly RunningJob[]> {
    await this.learning.learn(
      runs.map(({ schedule }) => schedule),
      now,
    );
    return runs.map(({ schedule, since }) => {
      const expected = this.learning.of(schedule);
      const { durationMs, resources: taken } = expected;
      return {
        schedule: schedule.id,
        ...(schedule.pool !== undefined && { pool: schedule.pool }),
        until: Math.max(now, atStep(since + durationMs)),
        priority: schedule.priority,
        durationMs,
        resources: taken,
        ...waysOf(schedule, expected),
      };
    });
  }

  async planAhead(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Promise<Plan> {
    return planDue(await this.requestToShow(schedules, now, hours));
  }
}

function hostsOf(schedules: readonly ScheduleConfig[]): readonly string[] {
  return [...new Set(schedules.flatMap(({ host }) => host ?? []))];
}

/** Those that nobody has paused. */
export async function activeSchedules(
  catalog: Pick<Catalog, 'schedules'>,
  schedules: readonly ScheduleConfig[],
): Promise<readonly ScheduleConfig[]> {
  const states = await catalog.schedules();
  return schedules.filter(({ id }) => !states.get(id)?.paused);
}
