import type { PlanJob } from '../../schedule/planner.ts';

/** However many schedules there are, the next ones of each. */
const fewestOfOne = 8;
/** A thousand hosts tell as much, and one of them plans all of it. */
const mostInAll = 250;

/**
 * What a host tells of what it has to run: all that comes next, as far as that is not too much, so that no hour ahead looks free of what
 * comes every few minutes; and some of each schedule in any case.
 */
export function toldJobs(jobs: readonly PlanJob[]): readonly PlanJob[] {
  const ofOne = new Map<string, number>();
  return jobs
    .toSorted((a, b) => a.occurrence.windowStart - b.occurrence.windowStart)
    .filter(({ schedule }, index) => {
      const before = ofOne.get(schedule) ?? 0;
      ofOne.set(schedule, before + 1);
      return index < mostInAll || before < fewestOfOne;
    });
}
