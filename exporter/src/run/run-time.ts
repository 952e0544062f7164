import type { Run } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { latestStart } from '../schedule/due-job.ts';
import { expectedDuration } from '../schedule/learned.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { firstAfter } from '../schedule/standing.ts';
import type { EpochMs } from '../units/instant.ts';

/** So many times as long as it needs a run may take where its schedule has the time, and so many in any case. */
const longestStretch = 3;
const leastStretch = 1.25;

/** How long a run works if nothing stops it: as long as earlier ones did. */
export function expectedWork(completed: readonly Run[], guessMs: number): number {
  return expectedDuration(completed.map(workedMs), guessMs);
}

/** How long a run worked, without the time in which it was stopped for a busy host. */
export function workedMs({ startedAt, finishedAt = startedAt, pausedSeconds }: Run): number {
  return Math.max(0, finishedAt - startedAt - pausedSeconds * 1000);
}

/**
 * When a run should be over: at three times of what it needs; or before, by the latest time at which it might have started
 * (its deadline, or the opening of the next window), as long as that leaves it a quarter more than it needs.
 */
export function finishBy(
  schedule: ScheduleConfig,
  { startedAt, dueAt, expectedMs }: Pick<Run, 'startedAt' | 'dueAt'> & { readonly expectedMs: number },
): EpochMs {
  const [occurrence] = dueAt === undefined ? [] : nextOccurrences(schedule, dueAt - 1, dueAt);
  const latest =
    occurrence === undefined
      ? (firstAfter(schedule, startedAt)?.windowStart ?? Infinity)
      : latestStart({ schedule, occurrence });
  const least = startedAt + leastStretch * expectedMs;
  return Math.min(startedAt + longestStretch * expectedMs, Math.max(least, latest));
}
