import type { Own, Schedule } from '../api/contract.ts';
import { drillView } from '../api/drill-view.ts';
import type { CatalogReader, CatalogTotals, ScheduleState } from '../catalog/catalog.ts';
import type { LatestDrills } from '../catalog/drills.ts';
import { formatWindow } from '../config/scalars.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { createSource } from '../source/create.ts';
import { fromRfc3339, toRfc3339, type EpochMs } from '../units/instant.ts';
import { holdReason } from './hold-reason.ts';
import type { LearnedRun } from './learning.ts';
import type { Deferral } from './deferrals.ts';

export interface ScheduleFacts {
  /** The schedule whose source it backs up; of those that were added through the API. */
  readonly like: string | undefined;
  /** From one due time to the next. */
  readonly intervalSeconds: number;
  readonly learned: LearnedRun;
  readonly nextRunAt: EpochMs | undefined;
  readonly completedInPoolAt: EpochMs | undefined;
  readonly deferral: Deferral | undefined;
  readonly drillDueAt: EpochMs | undefined;
}

/**
 * A schedule in the words of the API, as far as only its own host knows it: what the config says, but no URL, no path of a secret, no
 * command line, and what the scheduler has in mind. `withState` adds what the catalog knows.
 */
export function scheduleView(schedule: ScheduleConfig, facts: ScheduleFacts): Own<Schedule> {
  const { like, intervalSeconds, learned, nextRunAt, completedInPoolAt, deferral } = facts;
  const { id, every, cron, window, keep, run } = schedule;
  const source = createSource(schedule.source);
  const drill = drillRhythm(schedule, facts);
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
    ...(schedule.host !== undefined && { loadHost: schedule.host }),
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
    ...(drill !== undefined && { drill }),
    paused: false,
    ...(nextRunAt !== undefined && { nextRunAt: toRfc3339(nextRunAt) }),
    ...(completedInPoolAt !== undefined && { lastSuccessAt: toRfc3339(completedInPoolAt) }),
    ...(deferral !== undefined && { deferral: deferralView(deferral) }),
  };
}

/** What a host's catalog knows of all of its schedules, read once for a page of them. */
export interface ScheduleStates {
  readonly catalog: Pick<CatalogReader, 'runs'>;
  readonly states: ReadonlyMap<string, ScheduleState>;
  readonly totals: Pick<CatalogTotals, 'lastSuccessBySchedule' | 'runningBySchedule'>;
  readonly drills: Readonly<Record<string, LatestDrills>>;
}

export async function scheduleStates(
  catalog: Pick<CatalogReader, 'schedules' | 'runs' | 'totals' | 'drills'>,
): Promise<ScheduleStates> {
  const states = await catalog.schedules();
  return { catalog, states, totals: await catalog.totals(), drills: await catalog.drills.latest() };
}

/** The schedule as it stands now. */
export async function withState(
  { nextRunAt, lastSuccessAt: inPool, drill, ...schedule }: Own<Schedule>,
  { catalog, states, totals, drills }: ScheduleStates,
): Promise<Own<Schedule>> {
  const { id } = schedule;
  const { paused, lastMissed } = states.get(id) ?? { paused: false };
  const [running] =
    (totals.runningBySchedule[id] ?? 0) === 0
      ? []
      : await catalog.runs({ schedule: id, status: 'running', limit: 1 });
  const lastSuccessAt = Math.max(
    totals.lastSuccessBySchedule[id] ?? -Infinity,
    inPool === undefined ? -Infinity : fromRfc3339(inPool),
  );
  const drillNow =
    drill === undefined && drills[id] === undefined ? undefined : drillsView(drill, drills[id]);
  return {
    ...schedule,
    ...(drillNow !== undefined && { drill: drillNow }),
    paused,
    ...(nextRunAt !== undefined && !paused && running === undefined && { nextRunAt }),
    ...(lastSuccessAt > -Infinity && { lastSuccessAt: toRfc3339(lastSuccessAt) }),
    ...(running !== undefined && { runningRunId: running.id }),
    ...(lastMissed !== undefined && { lastMissed: missedView(lastMissed) }),
  };
}

type DrillsView = NonNullable<Schedule['drill']>;

function drillRhythm(
  { verify: { drill: rhythm } }: ScheduleConfig,
  { drillDueAt }: ScheduleFacts,
): DrillsView | undefined {
  if (rhythm === undefined) return undefined;
  return {
    ...('every' in rhythm ? { everySeconds: rhythm.every / 1000 } : rhythm),
    ...(drillDueAt !== undefined && { dueAt: toRfc3339(drillDueAt) }),
  };
}

function drillsView(rhythm: DrillsView | undefined, drills: LatestDrills | undefined): DrillsView {
  const passedAt = drills?.passed?.finishedAt;
  return {
    ...rhythm,
    ...(drills !== undefined && { last: drillView(drills.last, undefined) }),
    ...(passedAt !== undefined && { lastPassedAt: toRfc3339(passedAt) }),
  };
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
