import { unplaced, type Placement, type Shortage } from './placement.ts';

/** How many places are tried for one job, those included that are tried for the jobs it moves away. */
const placesTried = 300;
/** How many jobs may move one for the sake of the other. */
const longestChain = 4;

/**
 * Finds slots for jobs that found no room, by moving others away from where they might lie, and again others for their
 * sake. Where that does not help, lighter jobs give up their slots to a weightier one. A job for which neither helps stays
 * without, and everything else where it was.
 */
export function makeRoom(placement: Placement, goOn: () => boolean): void {
  const { weight, starts } = placement;
  const waiting: number[] = [];
  for (let job = 0; job < placement.count; job += 1) if (starts[job] === unplaced) waiting.push(job);
  const byWeight = (a: number, b: number): number => (weight[b] ?? 0) - (weight[a] ?? 0) || a - b;
  waiting.sort(byWeight);
  for (let job = waiting.shift(); job !== undefined && goOn(); job = waiting.shift()) {
    if (squeeze(placement, job, new Set(), { left: placesTried })) continue;
    waiting.push(...displace(placement, job));
    waiting.sort(byWeight);
  }
}

/** Gives a job the start at which the least weight has to give way, less than its own; the jobs that lost their slots. */
function displace(placement: Placement, job: number): number[] {
  const before = placement.starts.slice();
  const own = placement.weight[job] ?? 0;
  let best: { readonly start: number; readonly lost: number } | undefined;
  const tryAt = (start: number): number[] => {
    const lost = moveAway(placement, job, start, new Set([job]), own);
    return placement.fits(job, start) ? lost : [];
  };
  for (const start of leastShort(placement, job).slice(0, placesTried)) {
    const lost = tryAt(start).reduce((sum, other) => sum + (placement.weight[other] ?? 0), 0);
    if (lost > 0 && lost < (best?.lost ?? own)) best = { start, lost };
    placement.restore(before);
  }
  if (best === undefined) return [];
  const lost = tryAt(best.start);
  placement.put(job, best.start);
  return lost;
}

/** Whether the job has a slot now. */
function squeeze(
  placement: Placement,
  job: number,
  held: ReadonlySet<number>,
  tries: { left: number },
): boolean {
  const free = placement.cheapestStart(job);
  if (free !== unplaced) {
    placement.put(job, free);
    return true;
  }
  if (held.size >= longestChain) return false;
  const chain = new Set([...held, job]);
  const before = placement.starts.slice();
  for (const start of leastShort(placement, job)) {
    if (tries.left <= 0) break;
    tries.left -= 1;
    const moved = moveAway(placement, job, start, chain, Infinity);
    if (placement.fits(job, start)) {
      placement.put(job, start);
      if (moved.every((other) => squeeze(placement, other, chain, tries))) return true;
    }
    placement.restore(before);
  }
  return false;
}

/** The starts of a job, those first at which least is missing. */
function leastShort(placement: Placement, job: number): number[] {
  const first = placement.earliest[job] ?? 0;
  return Array.from({ length: Math.max(0, (placement.latest[job] ?? 0) - first + 1) }, (_, index) => ({
    start: first + index,
    missing: placement.shortage(job, first + index).missing,
  }))
    .sort((a, b) => a.missing - b.missing || a.start - b.start)
    .map(({ start }) => start);
}

/**
 * Takes jobs lighter than `below` away until `job` fits at `start`, or none is left that may move; gives those it took,
 * weightiest first.
 */
function moveAway(
  placement: Placement,
  job: number,
  start: number,
  held: ReadonlySet<number>,
  below: number,
): number[] {
  const moved: number[] = [];
  for (;;) {
    const short = placement.shortage(job, start);
    if (short.missing <= 0) break;
    const candidate = bestToMove(placement, short, held, below);
    if (candidate === undefined) break;
    placement.take(candidate);
    moved.push(candidate);
  }
  return moved.sort((a, b) => (placement.weight[b] ?? 0) - (placement.weight[a] ?? 0) || a - b);
}

/** Of the jobs that run in a slot: the smallest that frees enough alone, else the one that frees most. */
function bestToMove(
  placement: Placement,
  { resource, slot, missing }: Shortage,
  held: ReadonlySet<number>,
  below: number,
): number | undefined {
  let best: number | undefined;
  let bestNeed = 0;
  for (let job = 0; job < placement.count; job += 1) {
    if (!placement.runsIn(job, slot) || held.has(job) || (placement.weight[job] ?? 0) >= below) continue;
    const need = placement.need(job, resource);
    const isBetter = bestNeed >= missing ? need >= missing && need < bestNeed : need > bestNeed;
    if (!isBetter) continue;
    best = job;
    bestNeed = need;
  }
  return best;
}
