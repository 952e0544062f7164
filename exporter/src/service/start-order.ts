import type { DueJob } from '../schedule/due-job.ts';
import type { Priority } from '../schedule/planner.ts';
import type { EpochMs } from '../units/instant.ts';

/** One that is to start. */
export interface Candidate {
  readonly job: DueJob;
  /** Its latest start: its deadline, or as the next one opens. */
  readonly lastCall: EpochMs;
  /** It is not planned, but begins as it is due: its next one comes about when it is over. */
  readonly comesAsDue: boolean;
  /** When its last run was over; -Infinity: it has not run yet. */
  readonly endedAt: EpochMs;
}

const ranks: Readonly<Record<Priority, number>> = { critical: 0, high: 1, medium: 2, low: 3 };

/**
 * Who goes before whom. First what is planned, however little it matters: the plan has given it this time, or it is at its last call, and at
 * any other time those that come every minute would be in its way as well. Then by priority, and by what can wait less; of equal
 * ones each has its turn.
 */
export function byTurn(a: Candidate, b: Candidate): number {
  return (
    Number(a.comesAsDue) - Number(b.comesAsDue) ||
    ranks[a.job.schedule.priority] - ranks[b.job.schedule.priority] ||
    a.lastCall - b.lastCall ||
    (a.endedAt === b.endedAt ? 0 : a.endedAt - b.endedAt) ||
    (a.job.schedule.id < b.job.schedule.id ? -1 : 1)
  );
}
