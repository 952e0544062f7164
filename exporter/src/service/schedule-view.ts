import type { Schedule } from '../api/contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { formatWindow } from '../config/scalars.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { createSource } from '../source/create.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';

export interface ScheduleFacts {
  /** The schedule whose source it backs up; of those that were added through the API. */
  readonly like: string | undefined;
  readonly nextRunAt: EpochMs | undefined;
  readonly lastSuccessAt: EpochMs | undefined;
}

/** A schedule in the words of the API: no URL, no path of a secret, no command line. */
export function scheduleView(
  schedule: ScheduleConfig,
  catalog: Pick<Catalog, 'schedule' | 'runs'>,
  { like, nextRunAt, lastSuccessAt }: ScheduleFacts,
): Schedule {
  const { id, every, cron, window, keep } = schedule;
  const source = createSource(schedule.source);
  const [running] = catalog.runs({ schedule: id, status: 'running', limit: 1 });
  return {
    id,
    origin: like === undefined ? 'config' : 'api',
    ...(like !== undefined && { like }),
    type: source.kind,
    source: { type: source.type, label: source.label },
    ...(every !== undefined && { everySeconds: every / 1000 }),
    ...(cron !== undefined && { cron }),
    ...(window !== undefined && { window: windowView(window) }),
    timezone: schedule.timezone,
    priority: schedule.priority,
    maxDelaySeconds: schedule.max_delay / 1000,
    estimatedDurationSeconds: schedule.estimated_duration / 1000,
    resources: schedule.resources,
    stores: [...schedule.stores],
    ...(keep !== undefined && { keep: { ...keep } }),
    verifyAfterBackup: schedule.verify.after_backup,
    paused: catalog.schedule(id).paused,
    ...(nextRunAt !== undefined && { nextRunAt: toRfc3339(nextRunAt) }),
    ...(lastSuccessAt !== undefined && { lastSuccessAt: toRfc3339(lastSuccessAt) }),
    ...(running !== undefined && { runningRunId: running.id }),
  };
}

function windowView(window: NonNullable<ScheduleConfig['window']>): NonNullable<Schedule['window']> {
  const [start = '', end = ''] = formatWindow(window.startMinute, window.endMinute).split('-');
  return { start, end };
}
