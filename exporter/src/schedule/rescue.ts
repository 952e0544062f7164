import type { PlacementJob } from './placement-problem.ts';
import { unplaced, type Placement } from './placement.ts';

/**
 * Places what found no room by its deadline as soon behind it as there is some, but not when it would be passed over by then, the
 * weightiest first: all that it asks for,
 * or else what it was to make do with.
 */
export function rescue(
  placement: Placement,
  wanted: readonly PlacementJob[],
  succession: () => readonly (number | undefined)[],
): void {
  const { places, weight, latest, problem } = placement;
  const left = [...places.keys()].filter((job) => places[job] === unplaced);
  if (left.length === 0) return;
  // Behind its deadline a run may meet the next one, however far apart their windows are.
  placement.follow(succession());
  for (const job of left.sort((a, b) => (weight[b] ?? 0) - (weight[a] ?? 0) || a - b)) {
    for (const demand of new Set([wanted[job], problem.jobs[job]])) {
      if (demand === undefined) continue;
      placement.ask(job, demand);
      const place = firstPlace(placement, job, (latest[job] ?? 0) + 1, wanted[job]?.lastChance);
      if (place === unplaced) continue;
      placement.put(job, place);
      break;
    }
  }
}

/** The first place from `slot` on, up to `until`, at which a job without one fits; `unplaced`: none. */
function firstPlace(placement: Placement, job: number, slot: number, until = Infinity): number {
  const { slots, duration, whereabouts } = placement;
  let best = unplaced;
  let last = Math.min(until, slots - (duration[job] ?? 1));
  for (const host of whereabouts.hosts(job)) {
    for (let start = Math.max(0, slot); start <= last; start += 1) {
      if (!placement.fits(job, host * slots + start)) continue;
      best = host * slots + start;
      last = start - 1;
    }
  }
  return best;
}
