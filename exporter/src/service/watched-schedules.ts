import type { ScheduleConfig } from '../config/schema.ts';
import type { WatchedSchedule } from '../health/facts.ts';
import { firstAfter } from '../schedule/standing.ts';
import { createSource } from '../source/create.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Scheduler } from './scheduler.ts';

/** The configured schedules as metrics and health checks look at them. */
export class WatchedSchedules {
  #schedules: readonly Omit<WatchedSchedule, 'nextRunAt'>[];
  readonly #scheduler: Pick<Scheduler, 'nextRunAt'>;

  constructor(schedules: readonly ScheduleConfig[], scheduler: Pick<Scheduler, 'nextRunAt'>, now: EpochMs) {
    this.#scheduler = scheduler;
    this.#schedules = schedules.map((schedule) => factsOf(schedule, now));
  }

  replaceSchedules(schedules: readonly ScheduleConfig[], now: EpochMs): void {
    this.#schedules = schedules.map((schedule) => factsOf(schedule, now));
  }

  intervalSeconds(id: string): number {
    return this.#schedules.find((schedule) => schedule.id === id)?.intervalSeconds ?? 0;
  }

  list(): readonly WatchedSchedule[] {
    return this.#schedules.map((schedule) => {
      const nextRunAt = this.#scheduler.nextRunAt(schedule.id);
      return { ...schedule, ...(nextRunAt !== undefined && { nextRunAt }) };
    });
  }
}

function factsOf(schedule: ScheduleConfig, now: EpochMs): Omit<WatchedSchedule, 'nextRunAt'> {
  return {
    id: schedule.id,
    type: createSource(schedule.source).kind,
    intervalSeconds: intervalOf(schedule, now) / 1000,
    maxDelayMs: schedule.max_delay,
  };
}

/** From the next due time to the one behind it: exact for `every`, and near enough for an uneven cron pattern. */
function intervalOf(schedule: ScheduleConfig, now: EpochMs): number {
  const first = firstAfter(schedule, now);
  const second = first && firstAfter(schedule, first.dueAt);
  return first === undefined || second === undefined ? (schedule.every ?? 0) : second.dueAt - first.dueAt;
}
