import type { ScheduleConfig } from '../config/schema.ts';
import { drillIntervalMs } from '../drill/due.ts';
import type { ShownSchedule } from '../metrics/from-state.ts';
import { firstAfter } from '../schedule/standing.ts';
import { createSource } from '../source/create.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Scheduler } from './scheduler.ts';

/** What is known of schedules beyond their config. */
export interface ScheduleWatch {
  readonly scheduler: Pick<Scheduler, 'nextRunAt' | 'isPaused'>;
  readonly expectedMs: (schedule: ScheduleConfig) => number;
  readonly completedInPoolAt: (schedule: string) => EpochMs | undefined;
}

interface Configured {
  readonly config: ScheduleConfig;
  readonly facts: Pick<ShownSchedule, 'id' | 'type' | 'intervalSeconds' | 'maxDelayMs'>;
}

/** The configured schedules as metrics and health checks look at them. */
export class WatchedSchedules {
  #schedules: readonly Configured[];
  readonly #watch: ScheduleWatch;

  constructor(schedules: readonly ScheduleConfig[], watch: ScheduleWatch, now: EpochMs) {
    this.#watch = watch;
    this.#schedules = schedules.map((schedule) => configured(schedule, now));
  }

  replaceSchedules(schedules: readonly ScheduleConfig[], now: EpochMs): void {
    this.#schedules = schedules.map((schedule) => configured(schedule, now));
  }

  intervalSeconds(id: string): number {
    return this.#schedules.find(({ facts }) => facts.id === id)?.facts.intervalSeconds ?? 0;
  }

  completedInPoolAt(id: string): EpochMs | undefined {
    return this.#watch.completedInPoolAt(id);
  }

  list(): readonly ShownSchedule[] {
    const { scheduler, expectedMs } = this.#watch;
    return this.#schedules.map(({ config, facts }) => {
      const nextRunAt = scheduler.nextRunAt(facts.id);
      const completedInPoolAt = this.completedInPoolAt(facts.id);
      return {
        ...facts,
        isPaused: scheduler.isPaused(facts.id),
        expectedSeconds: expectedMs(config) / 1000,
        ...(nextRunAt !== undefined && { nextRunAt }),
        ...(completedInPoolAt !== undefined && { completedInPoolAt }),
      };
    });
  }
}

function configured(config: ScheduleConfig, now: EpochMs): Configured {
  const { drill } = config.verify;
  const drillMs = drill && drillIntervalMs(drill, config.timezone, now);
  return {
    config,
    facts: {
      id: config.id,
      type: createSource(config.source).kind,
      intervalSeconds: intervalOf(config, now) / 1000,
      maxDelayMs: config.max_delay,
      ...(drillMs !== undefined && { drillIntervalSeconds: drillMs / 1000 }),
    },
  };
}

/** From the next due time to the one behind it: exact for `every`, and near enough for an uneven cron pattern. */
function intervalOf(schedule: ScheduleConfig, now: EpochMs): number {
  const first = firstAfter(schedule, now);
  const second = first && firstAfter(schedule, first.dueAt);
  return first === undefined || second === undefined ? (schedule.every ?? 0) : second.dueAt - first.dueAt;
}
