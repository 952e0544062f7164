import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { ForecastAccuracy } from '../load/champion.ts';
import { expectedLoad } from '../load/expected-load.ts';
import type { LoadForecast } from '../load/forecast.ts';
import { Forecaster } from '../load/forecaster.ts';
import { coarseStepMs, resources, type LoadRecord, type Resource } from '../load/load.ts';
import { recordsOf } from '../load/of-host.ts';
import { seriesOf } from '../load/series.ts';
import type { StoreStreams } from '../run/admission.ts';
import { dueUntil, planJobOf, type DueJob } from '../schedule/due-job.ts';
import { planDue } from '../schedule/plan-due.ts';
import type { Plan, PlanRequest, PreviousSlot, RunningJob } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';
import { Learning, type LearningSources } from './learning.ts';
import type { RunningSchedule } from './scheduler.ts';

const historyMs = 92 * 86_400_000;
const horizonMs = 48 * 3_600_000;
/** More do not run at once. */
const mostRunning = 10_000;

export type Forecasts = Readonly<Record<Resource, LoadForecast>>;
export type Accuracy = Readonly<Record<Resource, ForecastAccuracy>>;

/** The forecasts of one host, made once for each step of its history. */
class HostOutlook {
  readonly #records: (from: EpochMs, until: EpochMs) => readonly LoadRecord[];
  readonly #timezone: string;
  readonly #forecasters = byResource(() => new Forecaster());
  #made: { readonly step: number; readonly forecasts: Forecasts; readonly accuracy: Accuracy } | undefined;

  constructor(records: (from: EpochMs, until: EpochMs) => readonly LoadRecord[], timezone: string) {
    this.#records = records;
    this.#timezone = timezone;
  }

  renew(): void {
    this.#made = undefined;
  }

  at(now: EpochMs): { readonly forecasts: Forecasts; readonly accuracy: Accuracy } {
    const step = Math.floor(now / coarseStepMs);
    if (this.#made?.step === step) return this.#made;
    const records = this.#records(now - historyMs, now);
    const times = records.map(({ at }) => at);
    const outlook = byResource((resource) => {
      const series = seriesOf(times, loadsOf(records, resource), coarseStepMs, this.#timezone);
      return this.#forecasters[resource].outlook(series, now, horizonMs);
    });
    this.#made = {
      step,
      forecasts: byResource((resource) => outlook[resource].forecast),
      accuracy: byResource((resource) => outlook[resource].accuracy),
    };
    return this.#made;
  }
}

export interface TideOptions {
  readonly catalog: LearningSources & Pick<Catalog, 'load' | 'hostLoads' | 'schedule'>;
  /** Where this host's day goes by: its load follows the clock on the wall. */
  readonly timezone: string;
  /** How many runs each store takes at once. Absent: any number. */
  readonly streams?: () => StoreStreams;
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
    const { catalog, timezone } = options;
    this.#here = new HostOutlook((from, until) => recordsOf(catalog, undefined, from, until), timezone);
    this.learning = new Learning({ runs: (filter) => catalog.runs(filter), reviews: catalog.reviews });
  }

  /** What the load of each resource will be in the next 48 hours: of this host, or of one under load.hosts. */
  forecasts(now: EpochMs, host?: string): Forecasts {
    return this.#of(host).at(now).forecasts;
  }

  /** How good the forecasts were of late, and which is followed. */
  accuracy(now: EpochMs, host?: string): Accuracy {
    return this.#of(host).at(now).accuracy;
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
    const { catalog, timezone } = this.#options;
    const known = this.#elsewhere.get(host);
    if (known !== undefined) return known;
    const made = new HostOutlook((from, until) => recordsOf(catalog, host, from, until), timezone);
    this.#elsewhere.set(host, made);
    return made;
  }

  /**
   * The lowest load of a resource that is to come before `until`; undefined where no hour can be told from another, and where
   * that is closer than the next step.
   */
  lowestExpected(resource: Resource, now: EpochMs, until: EpochMs, host?: string): number | undefined {
    const { basis, startsAt, stepMs, expected } = this.forecasts(now, host)[resource];
    if (basis === 'none' || basis === 'level') return undefined;
    const stepOf = (at: EpochMs): number => Math.max(0, Math.ceil((at - startsAt) / stepMs));
    const coming = expected.subarray(stepOf(now), stepOf(until));
    return coming.length === 0 ? undefined : coming.reduce((low, load) => Math.min(low, load));
  }

  plan(
    due: readonly DueJob[],
    now: EpochMs,
    more: { readonly running?: readonly RunningJob[]; readonly previous?: readonly PreviousSlot[] } = {},
  ): Plan {
    return planDue({ ...this.request(due, now), ...more });
  }

  /** What the planner is asked. */
  request(due: readonly DueJob[], now: EpochMs): PlanRequest {
    return {
      now,
      jobs: due.map((job) => planJobOf(job, this.learning.of(job.schedule, now))),
      load: expectedLoad(this.forecasts(now)),
      hosts: Object.fromEntries(
        hostsOf(due.map(({ schedule }) => schedule)).map((host) => [
          host,
          expectedLoad(this.forecasts(now, host)),
        ]),
      ),
      streams: this.#options.streams?.() ?? {},
    };
  }

  /**
   * The same for all that the schedules have to run within `hours`: what is due now and has not been run, and what comes, beside
   * what runs already. `previous`: the plan that is followed.
   */
  requestAhead(
    schedules: readonly ScheduleConfig[],
    now: EpochMs,
    hours: number,
    previous: readonly PreviousSlot[] = [],
  ): PlanRequest {
    const { catalog } = this.#options;
    const until = now + hours * 3_600_000;
    const due = schedules.flatMap((schedule) =>
      dueUntil(schedule, catalog.schedule(schedule.id).settledUntil ?? now, now, until),
    );
    const since = new Map(
      catalog.runs({ status: 'running', limit: mostRunning }).map((run) => [run.schedule, run.startedAt]),
    );
    const running = schedules.flatMap((schedule) => {
      const startedAt = since.get(schedule.id);
      return startedAt === undefined ? [] : [{ schedule, since: startedAt }];
    });
    return { ...this.request(due, now), previous, running: this.running(running, now) };
  }

  /** What goes on, as the planner is told. */
  running(runs: readonly RunningSchedule[], now: EpochMs): readonly RunningJob[] {
    return runs.map(({ schedule, since }) => {
      const { durationMs, resources: taken } = this.learning.of(schedule, now);
      return { until: Math.max(now, since + durationMs), resources: taken, stores: schedule.stores };
    });
  }

  planAhead(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Plan {
    return planDue(this.requestAhead(schedules, now, hours));
  }
}

function byResource<T>(make: (resource: Resource) => T): Readonly<Record<Resource, T>> {
  return Object.fromEntries(resources.map((resource) => [resource, make(resource)])) as Record<Resource, T>;
}

function loadsOf(records: readonly LoadRecord[], resource: Resource): readonly number[] {
  return records.map((record) => record[resource]);
}

function hostsOf(schedules: readonly ScheduleConfig[]): readonly string[] {
  return [...new Set(schedules.flatMap(({ host }) => host ?? []))];
}
