import type { ScheduleConfig } from '../../config/schema.ts';
import type { PoolSettings } from '../../fleet/pool-settings.ts';
import { createSource } from '../../source/create.ts';

/** Of the schedules that belong to pools, by id. */
export function poolSettings(
  schedules: readonly ScheduleConfig[],
): Readonly<Record<string, PoolSettings>> | undefined {
  const pooled = schedules.flatMap(({ id, pool, source, every, cron, window, ...schedule }) => {
    if (pool === undefined) return [];
    const settings: PoolSettings = {
      pool,
      source: `${source.type} ${createSource(source).label}`,
      ...(every !== undefined && { every }),
      ...(cron !== undefined && { cron }),
      ...(window !== undefined && { window: JSON.stringify(window) }),
      timezone: schedule.timezone,
      max_delay: schedule.max_delay,
      priority: schedule.priority,
      stores: schedule.stores,
    };
    return [[id, settings] as const];
  });
  return pooled.length === 0 ? undefined : Object.fromEntries(pooled);
}
