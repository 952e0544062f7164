import { expect } from 'vitest';
import { scheduleSchema } from '../../exporter/src/config/schedule-schema.ts';
import type { ScheduleConfig } from '../../exporter/src/config/schema.ts';
import { dueUntil, planJobOf } from '../../exporter/src/schedule/due-job.ts';
import type { PlanJob, PlannedSlot, RunningJob } from '../../exporter/src/schedule/planner.ts';
import type { HostLoad } from '../../exporter/src/schedule/slot-grid.ts';
import type { EpochMs } from '../../exporter/src/units/instant.ts';

export const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A Tuesday; the load of every sample begins here. */
export const now: EpochMs = Date.UTC(2026, 10, 24, 12);

export function load(at: (hour: number) => number): HostLoad {
  const cpu = Float64Array.from({ length: 576 }, (_, step) => at(step / 12));
  return { startsAt: now, stepMs: 5 * minuteMs, cpu, memory: new Float64Array(576).fill(0.2), isKnown: true };
}

export function scheduleOf(id: string, config: object): ScheduleConfig {
  const given = { source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], ...config };
  const schedule = scheduleSchema.parse({ id, ...given });
  return { ...schedule, timezone: 'UTC', estimated_duration: 30 * minuteMs };
}

export interface Wish {
  readonly minutes: number;
  readonly hours?: number;
  readonly cpu?: number;
  readonly at?: EpochMs;
}

/** What a service plans of a schedule of which nothing is waiting. */
export function jobsOf(
  schedule: ScheduleConfig,
  { minutes, hours = 24, cpu = 0.1, at = now }: Wish,
): PlanJob[] {
  return dueUntil(schedule, at, at, at + hours * hourMs).map((due) =>
    planJobOf(due, { durationMs: minutes * minuteMs, resources: { cpu, memory: 0.05 } }),
  );
}

export function runOf(schedule: ScheduleConfig, until: EpochMs): RunningJob {
  const { id, pool } = schedule;
  return {
    ...{ schedule: id, until, resources: { cpu: 0.1, memory: 0.05 }, stores: ['local'] },
    ...(pool !== undefined && { pool }),
  };
}

/** One behind the other, in the order in which they are due, and behind what runs now. */
export function expectInTurn(slots: readonly PlannedSlot[], running = -Infinity): void {
  let over = running;
  let dueAt = -Infinity;
  for (const slot of slots) {
    expect(slot.start).toBeGreaterThanOrEqual(over);
    expect(slot.dueAt).toBeGreaterThan(dueAt);
    over = slot.end;
    dueAt = slot.dueAt;
  }
}
