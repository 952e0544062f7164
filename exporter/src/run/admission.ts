import type { ScheduleConfig } from '../config/schema.ts';

type Resources = ScheduleConfig['resources'];

/** Sums of tenths are not exact. */
const tolerance = 1e-9;

/** Whether a run fits beside those that are going on. Alone, every run does. */
export function mayStart(wanted: Resources, running: readonly Resources[]): boolean {
  if (running.length === 0) return true;
  return (['cpu', 'memory'] as const).every(
    (resource) => running.reduce((sum, each) => sum + each[resource], wanted[resource]) <= 1 + tolerance,
  );
}
