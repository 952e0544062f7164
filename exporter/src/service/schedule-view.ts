import type { Schedule } from '../api/contract.ts';
import { drillView } from '../api/drill-view.ts';
import type { Catalog, ScheduleState } from '../catalog/catalog.ts';
import type { LatestDrills } from '../catalog/drills.ts';
import { formatWindow } from '../config/scalars.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { createSource } from '../source/create.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { holdReason } from './hold-reason.ts';
import type { LearnedRun } from './learning.ts';
import type { Deferral } from './scheduler.ts';

export interface ScheduleFacts {
  /** The schedule whose source it backs up; of those that were added through the API. */
  readonly like: string | undefined;
  /** From one due time to the next. */
  readonly intervalSeconds: number;
  readonly learned: LearnedRun;
  readonly nextRunAt: EpochMs | undefined;
  readonly lastSuccessAt: EpochMs | undefined;
  readonly deferral: Deferral | undefined;
  readonly drillDueAt: EpochMs | undefined;
  readonly drills: LatestDrills | undefined;
}

/** A schedule in the words of the API: no URL, no path of a secret, no command line. */
export async function scheduleView(
  schedule: ScheduleConfig,
  catalog: Pick<Catalog, 'schedule' | 'runs'>,
  facts: ScheduleFacts,
): Promise<Schedule> {
  const { like, intervalSeconds, learned, nextRunAt, lastSuccessAt, deferral } = facts;
  const { id, every, cron, window, keep, run } = schedule;
  const { paused, lastMissed } = await catalog.schedule(id);
  const source = createSource(schedule.source);
  const [running] = await catalog.runs({ schedule: id, status: 'running', limit: 1 });
  return {
    id,
    origin: like === undefined ? 'config' : 'api',
    ...(like !== undefined && { like }),
    type: source.kind,
    source: { type: source.type, label: source.label },
    ...(every !== undefined && { everySeconds: every / 1000 }),
    ...(cron !== undefined && { cron }),
    intervalSeconds,
    ...(window !== undefined && { window: windowView(window) }),
    timezone: schedule.timezone,
    ...(schedule.host !== undefined && { host: schedule.host }),
    priority: schedule.priority,
    maxDelaySeconds: schedule.max_delay / 1000,
    onDeadline: schedule.on_deadline,
    run: { nice: run.nice, ioPriority: run.io_priority, pause: run.pause },
    estimatedDurationSeconds: schedule.estimated_duration / 1000,
    resources: schedule.resources,
    expected: {
      runs: learned.runs,
      durationSeconds: learned.durationMs / 1000,
      resources: learned.resources,
      ...(learned.sizeBytes !== undefined && { sizeBytes: learned.sizeBytes }),
      ...(learned.storedBytes !== undefined && { storedBytes: learned.storedBytes }),
    },
    stores: [...schedule.stores],
    ...(keep !== undefined && { keep: { ...keep } }),
    verifyAfterBackup: schedule.verify.after_backup,
    ...drillsView(schedule, facts),
    paused,
    ...(nextRunAt !== undefined && { nextRunAt: toRfc3339(nextRunAt) }),
    ...(lastSuccessAt !== undefined && { lastSuccessAt: toRfc3339(lastSuccessAt) }),
    ...(running !== undefined && { runningRunId: running.id }),
    ...(deferral !== undefined && { deferral: deferralView(deferral) }),
    ...(lastMissed !== undefined && { lastMissed: missedView(lastMissed) }),
  };
}

function drillsView(
  { verify: { drill: rhythm } }: ScheduleConfig,
  { drillDueAt, drills }: ScheduleFacts,
): Pick<Schedule, 'drill'> {
  if (rhythm === undefined && drills === undefined) return {};
  const passedAt = drills?.passed?.finishedAt;
  const drill = {
    ...(rhythm !== undefined && ('every' in rhythm ? { everySeconds: rhythm.every / 1000 } : rhythm)),
    ...(drillDueAt !== undefined && { dueAt: toRfc3339(drillDueAt) }),
    ...(drills !== undefined && { last: drillView(drills.last, undefined) }),
    ...(passedAt !== undefined && { lastPassedAt: toRfc3339(passedAt) }),
  };
  return { drill };
}

function deferralView({ dueAt, since, reason }: Deferral): NonNullable<Schedule['deferral']> {
  return { ...holdReason(reason), dueAt: toRfc3339(dueAt), since: toRfc3339(since) };
}

function missedView({
  dueAt,
  at,
  reason,
}: NonNullable<ScheduleState['lastMissed']>): NonNullable<Schedule['lastMissed']> {
  return {
    dueAt: toRfc3339(dueAt),
    at: toRfc3339(at),
    ...(reason !== undefined && { reason: holdReason(reason) }),
  };
}

function windowView(window: NonNullable<ScheduleConfig['window']>): NonNullable<Schedule['window']> {
  const [start = '', end = ''] = formatWindow(window.startMinute, window.endMinute).split('-');
  return { start, end };
}
