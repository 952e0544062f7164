import type { PlacementJob, PlacementProblem } from './placement-problem.ts';

type Shared = Omit<PlacementProblem, 'jobs'>;

/**
 * Gives each job as it is where it fits at any start on a host that runs nothing else of ours; else one that takes only
 * what is free at the roomiest start. Of what the host does not have, more cannot be taken, and what the others take must
 * still be theirs. A little more room is not worth being late for, nor leaving the slot it had: on a host that stays full
 * there would always be a little more to be hoped for later, up to the deadline. For one that has waited long behind its
 * window (`isLate`) all that it asks for has to be worth the delay as well: that was promised to it before.
 */
export function withinRoom(jobs: readonly PlacementJob[], shared: Shared): PlacementJob[] {
  const { resources, slots } = shared;
  const least = resources.map(({ base, capacity }) => freeBetween(base, capacity, 0, slots));
  return jobs.map((job) =>
    job.needs.every((need, index) => need === 0 || need <= (least[index] ?? 0)) ? job : roomFor(job, shared),
  );
}

function roomFor(job: PlacementJob, shared: Shared): PlacementJob {
  const { resources, slots, slotHours, delayPenaltyPerHour, movePenalty } = shared;
  const last = Math.min(job.latest, slots - job.duration);
  let best: { readonly cost: number; readonly free: readonly number[] } | undefined;
  for (let start = Math.max(0, job.earliest); start <= last; start += 1) {
    const free = resources.map(({ base, capacity }) =>
      freeBetween(base, capacity, start, start + job.duration),
    );
    const missing = Math.max(...job.needs.map((need, index) => (need > 0 ? need - (free[index] ?? 0) : 0)));
    if (missing <= 1e-9 && job.isLate !== true) return job;
    const lateHours = Math.max(0, start - job.windowEnd) * slotHours;
    const isMoved = job.previous !== undefined && job.previous !== start;
    const cost = missing + lateHours * delayPenaltyPerHour + (isMoved ? movePenalty : 0);
    if (best === undefined || cost < best.cost) best = { cost, free };
  }
  if (best === undefined) return job;
  const { free } = best;
  return { ...job, needs: job.needs.map((need, index) => Math.max(0, Math.min(need, free[index] ?? 0))) };
}

function freeBetween(base: ArrayLike<number>, capacity: number, from: number, to: number): number {
  let highest = -Infinity;
  for (let slot = from; slot < to; slot += 1) highest = Math.max(highest, base[slot] ?? 0);
  return capacity - highest;
}
