import type { Claim, PlacementJob, PlacementProblem } from './placement-problem.ts';

type Common = Omit<PlacementProblem, 'jobs'>;

/**
 * Gives each job as it is where it fits at any start on a host that runs nothing else of ours; else one that takes only
 * what is free at the roomiest start. Of what the host does not have, more cannot be taken, and what the others take must
 * still be theirs. A little more room is not worth being late for, nor leaving the place it had: on a host that stays full
 * there would always be a little more to be hoped for later, up to the deadline. For one that has waited long behind its
 * window (`isLate`) all that it asks for has to be worth the delay as well: that was promised to it before.
 */
export function withinRoom(jobs: readonly PlacementJob[], common: Common): PlacementJob[] {
  const { resources, shared = [], hosts, slots } = common;
  const least = resources.map(({ base, capacity }) =>
    Float64Array.from({ length: hosts }, (_, host) =>
      freeBetween(base, capacity[host] ?? 0, host * slots, (host + 1) * slots),
    ),
  );
  const leastShared = shared.map(({ base, capacity }) => freeBetween(base, capacity, 0, slots));
  const alwaysFits = ({ needs, claims = [], hosts: own = firstHost }: PlacementJob): boolean =>
    claims.every(({ resource, amount }) => amount <= (leastShared[resource] ?? 0)) &&
    own.some((host) => needs.every((need, index) => need === 0 || need <= (least[index]?.[host] ?? 0)));
  return jobs.map((job) => (alwaysFits(job) ? job : roomFor(job, common)));
}

const firstHost: readonly number[] = [0];
const noClaims: readonly Claim[] = [];

function roomFor(job: PlacementJob, common: Common): PlacementJob {
  const { resources, shared = [], slots, slotHours, delayPenaltyPerHour, movePenalty } = common;
  const { claims = noClaims, duration, delayPenaltyPerHour: delayPenalty = delayPenaltyPerHour } = job;
  const last = Math.min(job.latest, slots - duration);
  let best: { readonly cost: number; readonly free: readonly number[] } | undefined;
  for (let start = Math.max(0, job.earliest); start <= last; start += 1) {
    const lateHours = Math.max(0, start - job.windowEnd) * slotHours;
    const free = claims.map(({ resource }) => {
      const of = shared[resource];
      return of === undefined ? 0 : freeBetween(of.base, of.capacity, start, start + duration);
    });
    const missing = missingOf(claims, free);
    for (const host of job.hosts ?? firstHost) {
      const place = host * slots + start;
      const own = resources.map(({ base, capacity }) =>
        freeBetween(base, capacity[host] ?? 0, place, place + duration),
      );
      const short = job.needs.reduce((most, need, index) => {
        return need > 0 ? Math.max(most, need - (own[index] ?? 0)) : most;
      }, missing);
      if (short <= 1e-9 && job.isLate !== true) return job;
      const isMoved = job.previous !== undefined && job.previous !== place;
      const cost = short + lateHours * delayPenalty + (isMoved ? movePenalty : 0);
      if (best === undefined || cost < best.cost) best = { cost, free: [...own, ...free] };
    }
  }
  if (best === undefined) return job;
  const { free } = best;
  const within = (amount: number, index: number): number => Math.max(0, Math.min(amount, free[index] ?? 0));
  return {
    ...job,
    needs: job.needs.map(within),
    ...(job.claims !== undefined && {
      claims: claims.map(({ resource, amount }, index) => ({
        resource,
        amount: within(amount, resources.length + index),
      })),
    }),
  };
}

/** How much of the claim is missing that lacks most, as a part of it: a stream and a byte a second are no measure of each other. */
function missingOf(claims: readonly Claim[], free: readonly number[]): number {
  return claims.reduce((most, { amount }, index) => {
    return amount > 0 ? Math.max(most, (amount - (free[index] ?? 0)) / amount) : most;
  }, 0);
}

function freeBetween(base: ArrayLike<number>, capacity: number, from: number, to: number): number {
  let highest = -Infinity;
  for (let at = from; at < to; at += 1) highest = Math.max(highest, base[at] ?? 0);
  return capacity - highest;
}
