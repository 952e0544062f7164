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
  type PlannedSlot,
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
    const load = hostLoad(this.forecasts(now));
    const { free = [], fixed = [] } = Object.groupBy(
      due.map((job) => this.#jobOf(job)),
      ({ occurrence }) => (occurrence.deadline - occurrence.windowStart < load.stepMs ? 'fixed' : 'free'),
    );
    return withFixed(planSlots({ now, jobs: free, load, ...more }), fixed, load, now);
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

/**
 * Adds what may start at one time only, as a schedule that is due every minute does: there is nothing to plan, and in a grid of
 * five minutes it would be in its own way.
 */
function withFixed(plan: Plan, fixed: readonly PlanJob[], load: HostLoad, now: EpochMs): Plan {
  const slots = fixed.map((job): PlannedSlot => {
    const start = Math.max(now, job.occurrence.windowStart);
    return {
      schedule: job.schedule,
      dueAt: job.occurrence.dueAt,
      start,
      end: start + job.durationMs,
      job,
    };
  });
  const added = new Set(slots);
  const explain: Plan['explain'] = (slot) => {
    if (!added.has(slot)) return plan.explain(slot);
    const step = Math.floor((slot.start - load.startsAt) / load.stepMs);
    const there = { cpu: load.cpu[step] ?? 0, memory: load.memory[step] ?? 0 };
    const best = { start: slot.start, load: there };
    return { code: 'only_start', text: 'it may start at no other time', load: there, best, others: [] };
  };
  return { ...plan, slots: [...plan.slots, ...slots].sort((a, b) => a.start - b.start), explain };
}

function hostLoad({ cpu, memory }: Forecasts): HostLoad {
  return {
    startsAt: cpu.startsAt,
    stepMs: cpu.stepMs,
    cpu: capacityTaken(cpu),
    memory: capacityTaken(memory),
    isKnown: cpu.basis === 'days' || cpu.basis === 'weeks',
  };
}

/** Nothing known is no reason to leave room for: the gate looks at the load itself when the time has come. */
function capacityTaken({ basis, expected }: LoadForecast): Float64Array {
  return basis === 'none' ? new Float64Array(expected.length) : expected;
}
