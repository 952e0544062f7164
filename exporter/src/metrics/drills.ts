import type { LatestDrills } from '../catalog/drills.ts';
import type { WatchedSchedule } from '../health/facts.ts';
import type { GaugeName, Metrics } from './registry.ts';

export const drillGauges = [
  'backup_restore_drill_last_success_timestamp_seconds',
  'backup_restore_drill_passed',
  'backup_restore_drill_duration_seconds',
  'backup_restore_drill_data_age_seconds',
  'backup_restore_drill_interval_seconds',
] as const satisfies readonly GaugeName[];

/** Of configured schedules alone: the last success of another would age for ever. */
export function showDrills(
  metrics: Metrics<(typeof drillGauges)[number]>,
  schedules: readonly WatchedSchedule[],
  latest: Readonly<Record<string, LatestDrills>>,
): void {
  const bySchedule = new Map(Object.entries(latest));
  for (const { id: schedule, drillIntervalSeconds } of schedules) {
    if (drillIntervalSeconds !== undefined) {
      metrics.backup_restore_drill_interval_seconds.set({ schedule }, drillIntervalSeconds);
    }
    const drills = bySchedule.get(schedule);
    if (drills === undefined) continue;
    const { last, passed } = drills;
    metrics.backup_restore_drill_passed.set({ schedule }, last.status === 'passed' ? 1 : 0);
    metrics.backup_restore_drill_data_age_seconds.set({ schedule }, last.dataAgeSeconds);
    const restored = last.restoreSeconds === undefined ? passed : last;
    if (restored?.restoreSeconds !== undefined) {
      metrics.backup_restore_drill_duration_seconds.set({ schedule }, restored.restoreSeconds);
    }
    if (passed?.finishedAt !== undefined) {
      metrics.backup_restore_drill_last_success_timestamp_seconds.set({ schedule }, passed.finishedAt / 1000);
    }
  }
}
