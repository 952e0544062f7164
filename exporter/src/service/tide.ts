import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { forecastLoad, type LoadForecast } from '../load/forecast.ts';
import { coarseStepMs, resources, type LoadRecord, type Resource } from '../load/load.ts';
import { seriesOf } from '../load/series.ts';
import { expectedDuration } from '../schedule/learned.ts';
import {
  planSlots,
  type Plan,
  type PlanJob,
  type PreviousSlot,
  type RunningJob,
} from '../schedule/planner.ts';
import { nextOccurrences, type Occurrence } from '../schedule/recurrence.ts';
import type { HostLoad } from '../schedule/slot-grid.ts';
import { firstAfter } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';

const historyMs = 92 * 86_400_000;
const horizonMs = 48 * 3_600_000;
const runsLearnedFrom = 10;

export type Forecasts = Readonly<Record<Resource, LoadForecast>>;

export interface DueJob {
  readonly schedule: ScheduleConfig;
  readonly occurrence: Occurrence;
}

export interface TideOptions {
  readonly catalog: Pick<Catalog, 'load' | 'runs'>;
  /** Where this host's day goes by: its load follows the clock on the wall. */
  readonly timezone: string;
}

/** Puts due occurrences where the host is expected to be quiet: the history, the forecast and the planner in one place. */
export class Tide {
  readonly #options: TideOptions;
  #forecasts: { readonly step: number; readonly forecasts: Forecasts } | undefined;

  constructor(options: TideOptions) {
    this.#options = options;
  }

  /** What each resource's load will be in the next 48 hours; made once for each step of the history. */
  forecasts(now: EpochMs): Forecasts {
    const step = Math.floor(now / coarseStepMs);
    if (this.#forecasts?.step !== step) {
      const { catalog, timezone } = this.#options;
      const records = catalog.load.records('coarse', now - historyMs, now);
      const times = records.map(({ at }) => at);
      const forecastOf = (resource: Resource): LoadForecast =>
        forecastLoad(seriesOf(times, loadsOf(records, resource), coarseStepMs, timezone), now, horizonMs);
      const forecasts = Object.fromEntries(
        resources.map((resource) => [resource, forecastOf(resource)]),
      ) as unknown as Forecasts;
      this.#forecasts = { step, forecasts };
    }
    return this.#forecasts.forecasts;
  }

  plan(
    due: readonly DueJob[],
    now: EpochMs,
    more: { readonly running?: readonly RunningJob[]; readonly previous?: readonly PreviousSlot[] } = {},
  ): Plan {
    return planSlots({
      now,
      jobs: due.map((job) => this.#jobOf(job)),
      load: hostLoad(this.forecasts(now)),
      ...more,
    });
  }

  /** Every occurrence of the schedules that is due within `hours`, planned as if all were free to run. */
  planAhead(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Plan {
    const until = now + hours * 3_600_000;
    const due = schedules.flatMap((schedule) =>
      nextOccurrences(schedule, now, until).map((occurrence) => ({ schedule, occurrence })),
    );
    return this.plan(due, now);
  }

  /** How long a run of the schedule is expected to take. */
  durationOf(schedule: ScheduleConfig): number {
    const { catalog } = this.#options;
    const runs = catalog.runs({ schedule: schedule.id, status: 'completed', limit: runsLearnedFrom });
    const durations = runs.map(({ startedAt, finishedAt = startedAt }) =>
      Math.max(0, finishedAt - startedAt),
    );
    return expectedDuration(durations, schedule.estimated_duration);
  }

  #jobOf(due: DueJob): PlanJob {
    const { schedule, occurrence } = due;
    const deadline = latestStart(due);
    return {
      schedule: schedule.id,
      occurrence: { ...occurrence, windowEnd: Math.min(occurrence.windowEnd, deadline), deadline },
      durationMs: this.durationOf(schedule),
      resources: schedule.resources,
      stores: schedule.stores,
      priority: schedule.priority,
    };
  }
}

/** Its deadline; or before, as the next one's window opens: that one would take its place. */
export function latestStart({ schedule, occurrence }: DueJob): EpochMs {
  const next = firstAfter(schedule, occurrence.dueAt);
  return Math.min(occurrence.deadline, next?.windowStart ?? Infinity);
}

function loadsOf(records: readonly LoadRecord[], resource: Resource): readonly number[] {
  return records.map((record) => record[resource]);
}

function hostLoad({ cpu, memory }: Forecasts): HostLoad {
  return {
    startsAt: cpu.startsAt,
    stepMs: cpu.stepMs,
    cpu: cpu.expected,
    memory: memory.expected,
    isKnown: cpu.basis === 'days' || cpu.basis === 'weeks',
  };
}
