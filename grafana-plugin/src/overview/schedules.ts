import type { BackupRun, Schedule } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';
import { named } from '../hosts/hosts.ts';
import type { Message } from '../words/words.ts';
import type { Finding, Severity } from './overview.ts';

const ranks: Readonly<Record<Schedule['priority'], number>> = { critical: 4, high: 3, medium: 2, low: 1 };

/** A run is slow once it takes this many times as long as it usually does. */
const slowFactor = 3;

/** The gravest that is to be said of a schedule; undefined where all is well. `runs`: the latest first. */
export function scheduleFinding(
  schedule: Schedule,
  runs: readonly BackupRun[],
  now: EpochMs,
): Finding | undefined {
  const said = gravest(schedule, runs, now);
  if (said === undefined) return undefined;
  const { severity, message, hint } = said;
  const name = named(schedule.id, schedule.host);
  return {
    severity,
    message: { ...message, values: { schedule: name, ...message.values } },
    about: { kind: 'schedule', id: name },
    ...(hint !== undefined && { hint }),
    weight: ranks[schedule.priority],
  };
}

interface Said {
  readonly severity: Severity;
  readonly message: Message;
  readonly hint?: string | undefined;
}

function gravest(schedule: Schedule, runs: readonly BackupRun[], now: EpochMs): Said | undefined {
  // Who cancels a run has said nothing about whether it would have succeeded.
  const ended = runs.find(({ status }) => status !== 'running' && status !== 'cancelled');
  return (
    stale(schedule, ended, now) ??
    waiting(schedule, now) ??
    unsuccessful(ended) ??
    slow(schedule, runs, now) ??
    warned(ended) ??
    cancelled(runs) ??
    (schedule.paused ? { severity: 'notice', message: { key: 'overview.schedule.paused' } } : undefined)
  );
}

/**
 * No fresh backup: none at all, or the last is older than the interval with all the delay it may have. A pattern of cron
 * does not tell its interval here; for those `waiting` and `unsuccessful` speak.
 */
function stale(schedule: Schedule, ended: BackupRun | undefined, now: EpochMs): Said | undefined {
  const { lastSuccessAt, everySeconds, maxDelaySeconds, estimatedDurationSeconds } = schedule;
  const failure = ended?.status === 'failed' ? ended.error : undefined;
  const why = failure === undefined ? undefined : { message: failure.message };
  const hint = failure?.hint;
  if (lastSuccessAt === undefined) {
    const message: Message =
      why === undefined
        ? { key: 'overview.schedule.never' }
        : { key: 'overview.schedule.neverFailed', values: why };
    return { severity: 'atRisk', message, hint };
  }
  if (everySeconds === undefined) return undefined;
  const last = Date.parse(lastSuccessAt);
  const late = (now - last) / 1000 - everySeconds - maxDelaySeconds - estimatedDurationSeconds;
  if (late <= 0) return undefined;
  const values = { late: { seconds: late }, last: { at: last } };
  const message: Message =
    why === undefined
      ? { key: 'overview.schedule.overdue', values }
      : { key: 'overview.schedule.overdueFailed', values: { ...values, ...why } };
  return { severity: 'atRisk', message, hint };
}

/** Its start is past with all the delay it may have: nothing starts it. */
function waiting(
  { paused, nextRunAt, runningRunId, maxDelaySeconds }: Schedule,
  now: EpochMs,
): Said | undefined {
  if (paused || nextRunAt === undefined || runningRunId !== undefined) return undefined;
  const overdue = (now - Date.parse(nextRunAt)) / 1000 - maxDelaySeconds;
  if (overdue <= 0) return undefined;
  return {
    severity: 'broken',
    message: { key: 'overview.schedule.waiting', values: { since: { ago: overdue } } },
  };
}

function unsuccessful(ended: BackupRun | undefined): Said | undefined {
  switch (ended?.status) {
    case 'failed':
      return {
        severity: 'broken',
        message: { key: 'overview.schedule.failed', values: { message: ended.error?.message ?? '' } },
        hint: ended.error?.hint,
      };
    case 'interrupted':
      return { severity: 'attention', message: { key: 'overview.schedule.interrupted' } };
    case 'completed':
    case 'cancelled':
    case 'running':
    case undefined:
      return undefined;
  }
}

function cancelled(runs: readonly BackupRun[]): Said | undefined {
  const latest = runs.find(({ status }) => status !== 'running');
  if (latest?.status !== 'cancelled') return undefined;
  return { severity: 'notice', message: { key: 'overview.schedule.cancelled' } };
}

function slow(
  { estimatedDurationSeconds: usual }: Schedule,
  runs: readonly BackupRun[],
  now: EpochMs,
): Said | undefined {
  const running = runs.find(({ status }) => status === 'running');
  if (running === undefined) return undefined;
  const duration = (now - Date.parse(running.startedAt)) / 1000;
  if (duration <= slowFactor * usual) return undefined;
  const values = { duration: { seconds: duration }, usual: { seconds: usual } };
  return { severity: 'attention', message: { key: 'overview.schedule.slow', values } };
}

function warned(ended: BackupRun | undefined): Said | undefined {
  const [warning] = ended?.status === 'completed' ? ended.warnings : [];
  if (warning === undefined) return undefined;
  return {
    severity: 'attention',
    message: { key: 'overview.schedule.warned', values: { message: warning } },
  };
}
