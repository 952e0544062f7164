import type { Taken } from './host-resources.ts';
import type { Claim, HostResource, PlacementJob, PlacementProblem } from './placement-problem.ts';

type Common = Omit<PlacementProblem, 'jobs'>;

/**
 * Gives each job as it is where it fits at any start; else one that takes only what is free at the roomiest start. Of what the host does
 * not have, more cannot be taken, and what the others take must
 * still be theirs. A little more room is not worth being late for, nor leaving the place it had: on a host that stays full
 * there would always be a little more to be hoped for later, up to the deadline. For one that has waited long behind its
 * window (`isLate`) all that it asks for has to be worth the delay as well: that was promised to it before.
 *
 * A forecast of what the host does may be wrong; what runs already (`running`, which is in what `common` says is taken) is there. Where that
 * leaves no room for all that is asked for, nothing is started beside it: such a job waits until it is over, for what the host has then.
 */
export function withinRoom(
  jobs: readonly PlacementJob[],
  common: Common,
  running: () => Taken,
): PlacementJob[] {
  const { resources, shared = [], hosts, slots } = common;
  const least = resources.map(({ base, capacity }) =>
    Float64Array.from({ length: hosts }, (_, host) =>
      freeBetween(base, capacity[host] ?? 0, host * slots, (host + 1) * slots),
    ),
  );
  const leastShared = shared.map(({ base, capacity }) => freeBetween(base, capacity, 0, slots));
  const alwaysFits = ({ needs, claims = noClaims, hosts: own = firstHost }: PlacementJob): boolean =>
    claims.every(({ resource, amount }) => amount <= (leastShared[resource] ?? 0)) &&
    own.some((host) => needs.every((need, index) => need === 0 || need <= (least[index]?.[host] ?? 0)));
  let taken: Taken | undefined;
  let alone: Common | undefined;
  return jobs.map((job) => {
    if (alwaysFits(job)) return job;
    const runs = (taken ??= running());
    const beside = makingDo(job, common, (host, start) => fits(job, common, runs, { host, start }));
    if (beside !== undefined) return beside;
    alone ??= { ...common, resources: resources.map((all, index) => without(all, runs.resources[index])) };
    return makingDo(job, alone, () => true) ?? job;
  });
}

/** Whether a job gets all that it asks of its host at any start. */
export function hasRoom(job: PlacementJob, common: Common): boolean {
  const prompt = { ...job, isLate: false };
  return makingDo(prompt, common, () => true) === prompt;
}

const firstHost: readonly number[] = [0];
const noClaims: readonly Claim[] = [];
/** Sums of tenths are not exact. */
const tolerance = 1e-9;

/** At the roomiest of those starts that are `open`; undefined where none is. */
function makingDo(
  job: PlacementJob,
  { resources, slots, slotHours, delayPenaltyPerHour, movePenalty }: Common,
  isOpen: (host: number, start: number) => boolean,
): PlacementJob | undefined {
  const { needs, duration, delayPenaltyPerHour: delayPenalty = delayPenaltyPerHour } = job;
  const last = Math.min(job.latest, slots - duration);
  let best: { readonly cost: number; readonly free: readonly number[] } | undefined;
  for (let start = Math.max(0, job.earliest); start <= last; start += 1) {
    const lateHours = Math.max(0, start - job.windowEnd) * slotHours;
    for (const host of job.hosts ?? firstHost) {
      if (!isOpen(host, start)) continue;
      const place = host * slots + start;
      const free = resources.map(({ base, capacity }) =>
        freeBetween(base, capacity[host] ?? 0, place, place + duration),
      );
      const short = needs.reduce((most, need, index) => {
        return need > 0 ? Math.max(most, need - (free[index] ?? 0)) : most;
      }, 0);
      if (short <= tolerance && job.isLate !== true) return job;
      const isMoved = job.previous !== undefined && job.previous !== place;
      const cost = short + lateHours * delayPenalty + (isMoved ? movePenalty : 0);
      if (best === undefined || cost < best.cost) best = { cost, free };
    }
  }
  if (best === undefined) return undefined;
  const { free } = best;
  return { ...job, needs: needs.map((need, index) => Math.max(0, Math.min(need, free[index] ?? 0))) };
}

/** Whether what is taken leaves room for all that a job asks for. */
function fits(
  { needs, claims = noClaims, duration }: PlacementJob,
  { slots }: Common,
  { resources, shared }: Taken,
  { host, start }: { readonly host: number; readonly start: number },
): boolean {
  const place = host * slots + start;
  const hasRoom = (amount: number, base: ArrayLike<number>, capacity: number, from: number): boolean =>
    amount === 0 || amount <= freeBetween(base, capacity, from, from + duration) + tolerance;
  return (
    claims.every(({ resource, amount, host: only = host }) => {
      if (only !== host) return true;
      const of = shared[resource];
      return of === undefined || hasRoom(amount, of.base, of.capacity, start);
    }) &&
    needs.every((need, index) => {
      const of = resources[index];
      return of === undefined || hasRoom(need, of.base, of.capacity[host] ?? 0, place);
    })
  );
}

function without(all: HostResource, some: HostResource | undefined): HostResource {
  return { ...all, base: Float64Array.from(all.base, (taken, at) => taken - (some?.base[at] ?? 0)) };
}

function freeBetween(base: ArrayLike<number>, capacity: number, from: number, to: number): number {
  let highest = -Infinity;
  for (let at = from; at < to; at += 1) highest = Math.max(highest, base[at] ?? 0);
  return capacity - highest;
}
