import type { Installation } from '../compose.ts';
import type { HostSummary } from '../fleet/fleet.ts';

/** What others see of a host at a glance. `isPaused`: of a schedule. */
export async function hostSummary(
  { config, catalog }: Pick<Installation, 'config' | 'catalog'>,
  isPaused: (id: string) => boolean | Promise<boolean>,
): Promise<HostSummary> {
  const { runningBySchedule, lastSuccessBySchedule } = await catalog.totals();
  let paused = 0;
  for (const { id } of config.schedules) if (await isPaused(id)) paused += 1;
  const lastSuccessAt = Math.max(...Object.values(lastSuccessBySchedule));
  return {
    schedules: config.schedules.length,
    paused,
    running: Object.values(runningBySchedule).reduce((sum, runs) => sum + runs, 0),
    ...(Number.isFinite(lastSuccessAt) && { lastSuccessAt }),
  };
}
