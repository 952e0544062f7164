import { unplaced, type Placement } from './placement.ts';
import type { Shortage } from './free-capacity.ts';

/** How many places are tried for one job, those included that are tried for the jobs it moves away. */
const placesTried = 300;
/** How many jobs may move one for the sake of the other. */
const longestChain = 4;
/**
 * How many jobs are looked at in all. Reached where thousands of jobs want more than there is: then no moving about would give
 * all of them room, and the plan is needed today.
 */
const mostLooks = 30_000_000;

/** What is left of it. */
interface Looks {
  left: number;
}

/**
 * Finds places for jobs that found no room, by moving others away from where they might lie, and again others for their
 * sake. Where that does not help, lighter jobs give up their places to a weightier one. A job for which neither helps stays
 * without, and everything else where it was.
 */
export function makeRoom(placement: Placement, goOn: () => boolean): void {
  const { weight, places } = placement;
  const looks = { left: mostLooks };
  const waiting: number[] = [];
  for (let job = 0; job < placement.count; job += 1) if (places[job] === unplaced) waiting.push(job);
  const byWeight = (a: number, b: number): number => (weight[b] ?? 0) - (weight[a] ?? 0) || a - b;
  waiting.sort(byWeight);
  for (let job = waiting.shift(); job !== undefined && goOn(); job = waiting.shift()) {
    if (squeeze(placement, job, new Set(), { left: placesTried }, looks)) continue;
    const lost = displace(placement, job, looks);
    if (lost.length === 0) continue;
    waiting.push(...lost);
    waiting.sort(byWeight);
  }
}

/** Gives a job the place at which the least weight has to give way, less than its own; the jobs that lost theirs. */
function displace(placement: Placement, job: number, looks: Looks): number[] {
  const own = placement.weight[job] ?? 0;
  let best: { readonly place: number; readonly lost: number } | undefined;
  const tryAt = (place: number): number[] => {
    const lost = moveAway(placement, job, place, new Set([job]), own, looks);
    return placement.fits(job, place) ? lost : [];
  };
  for (const place of leastShort(placement, job).slice(0, placesTried)) {
    if (looks.left <= 0) break;
    placement.trial(() => {
      const lost = tryAt(place).reduce((sum, other) => sum + (placement.weight[other] ?? 0), 0);
      if (lost > 0 && lost < (best?.lost ?? own)) best = { place, lost };
      return false;
    });
  }
  if (best === undefined) return [];
  const lost = tryAt(best.place);
  placement.put(job, best.place);
  return lost;
}

/** Whether the job has a place now. */
function squeeze(
  placement: Placement,
  job: number,
  held: ReadonlySet<number>,
  tries: { left: number },
  looks: Looks,
): boolean {
  const free = placement.cheapestPlace(job);
  if (free !== unplaced) {
    placement.put(job, free);
    return true;
  }
  if (held.size >= longestChain) return false;
  const chain = new Set([...held, job]);
  for (const place of leastShort(placement, job)) {
    if (tries.left <= 0 || looks.left <= 0) break;
    tries.left -= 1;
    const isDone = placement.trial(() => {
      const moved = moveAway(placement, job, place, chain, Infinity, looks);
      if (!placement.fits(job, place)) return false;
      placement.put(job, place);
      return moved.every((other) => squeeze(placement, other, chain, tries, looks));
    });
    if (isDone) return true;
  }
  return false;
}

/** The places of a job, those first at which least is missing. */
function leastShort(placement: Placement, job: number): number[] {
  const first = placement.earliest[job] ?? 0;
  const starts = Math.max(0, (placement.latest[job] ?? 0) - first + 1);
  return placement.whereabouts
    .some(job)
    .flatMap((host) => Array.from({ length: starts }, (_, index) => host * placement.slots + first + index))
    .map((place) => ({ place, missing: placement.shortage(job, place).missing }))
    .sort((a, b) => a.missing - b.missing || a.place - b.place)
    .map(({ place }) => place);
}

/**
 * Takes jobs lighter than `below` away until `job` fits at `place`, or none is left that may move; gives those it took,
 * weightiest first.
 */
function moveAway(
  placement: Placement,
  job: number,
  place: number,
  held: ReadonlySet<number>,
  below: number,
  looks: Looks,
): number[] {
  const moved: number[] = [];
  for (;;) {
    const short = placement.shortage(job, place);
    if (short.missing <= 0) break;
    const candidate = bestToMove(placement, short, held, below, looks);
    if (candidate === undefined) break;
    placement.take(candidate);
    moved.push(candidate);
  }
  return moved.sort((a, b) => (placement.weight[b] ?? 0) - (placement.weight[a] ?? 0) || a - b);
}

/**
 * Of the jobs that take of what runs short: the smallest that frees enough alone, else the one that frees most. Of equal ones the
 * first, in whatever order they come.
 */
function bestToMove(
  placement: Placement,
  short: Shortage,
  held: ReadonlySet<number>,
  below: number,
  looks: Looks,
): number | undefined {
  const { resource, missing } = short;
  let best: number | undefined;
  let bestNeed = 0;
  for (const job of placement.users(short)) {
    looks.left -= 1;
    if (!placement.isUsing(job, short) || held.has(job) || (placement.weight[job] ?? 0) >= below) continue;
    const need = placement.need(job, resource);
    const isBetter = bestNeed >= missing ? need >= missing && need < bestNeed : need > bestNeed;
    const isFirst = best !== undefined && need === bestNeed && job < best;
    if (!isBetter && !isFirst) continue;
    best = job;
    bestNeed = need;
  }
  return best;
}
