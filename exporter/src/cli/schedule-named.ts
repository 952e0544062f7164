import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';

export function scheduleNamed(id: string, schedules: readonly ScheduleConfig[]): ScheduleConfig {
  const schedule = schedules.find((each) => each.id === id);
  if (schedule !== undefined) return schedule;
  throw new LowtideError('not_found', `there is no schedule ${id}`, {
    hint: `The config has: ${schedules.map((each) => each.id).join(', ') || 'none'}.`,
  });
}
