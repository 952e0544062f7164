import type { Missed } from '../../catalog/catalog.ts';
import type { Job } from '../../queue/queue.ts';
import { whyMissed } from './why-missed.ts';

/** After an outage, all that a schedule has missed for one reason is one thing to be told. */
export function missedTogether(
  reports: readonly Job[],
): readonly (Missed & Pick<Job, 'owner' | 'schedule'>)[] {
  const groups = Map.groupBy(reports, (job) => JSON.stringify([job.owner, job.schedule, whyMissed(job)]));
  return [...groups.values()]
    .flatMap((jobs) => {
      const [last] = jobs.toSorted((a, b) => b.dueAt - a.dueAt);
      if (last === undefined) return [];
      const { owner, schedule, dueAt } = last;
      return [{ owner, schedule, dueAt, occurrences: jobs.length, reason: whyMissed(last) }];
    })
    .sort((a, b) => a.dueAt - b.dueAt);
}
