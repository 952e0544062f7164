import type { LatestDrills } from '../catalog/drills.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { firstAfter } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';

const hourMs = 3_600_000;
/** What has failed is tried again the next day, where its turn does not come sooner. */
const retryAfterMs = 24 * hourMs;
/** What was cut off has hardly begun; but a drill that takes the host down must not do so all day. */
const resumeAfterMs = hourMs;

type Rhythm = NonNullable<ScheduleConfig['verify']['drill']>;

export interface DrillHistory {
  /** When the oldest backup that is there was made; absent where there is none. */
  readonly since?: EpochMs;
  /** The last that ended, however it did. */
  readonly last?: Pick<LatestDrills['last'], 'status' | 'startedAt'>;
}

/** When the next drill of a schedule is due; undefined where there is nothing to restore, or the pattern never comes. */
export function drillDueAt(
  rhythm: Rhythm,
  timezone: string,
  { since, last }: DrillHistory,
): EpochMs | undefined {
  if (since === undefined) return undefined;
  // A schedule that was never drilled is due for it with its first backup.
  if (last === undefined) return 'every' in rhythm ? since : nextByPattern(rhythm.cron, timezone, since);
  const regular =
    'every' in rhythm ? last.startedAt + rhythm.every : nextByPattern(rhythm.cron, timezone, last.startedAt);
  if (last.status === 'failed') return Math.min(last.startedAt + retryAfterMs, regular ?? Infinity);
  if (last.status === 'interrupted') return last.startedAt + resumeAfterMs;
  return regular;
}

/** From one drill to the next: exact for a duration, and near enough for an uneven pattern. */
export function drillIntervalMs(rhythm: Rhythm, timezone: string, now: EpochMs): number | undefined {
  if ('every' in rhythm) return rhythm.every;
  const first = nextByPattern(rhythm.cron, timezone, now);
  const second = first === undefined ? undefined : nextByPattern(rhythm.cron, timezone, first);
  return first === undefined || second === undefined ? undefined : second - first;
}

function nextByPattern(cron: string, timezone: string, after: EpochMs): EpochMs | undefined {
  return firstAfter({ cron, timezone, max_delay: 0 }, after)?.dueAt;
}
