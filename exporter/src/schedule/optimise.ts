import { anneal } from './anneal.ts';
import { placeAll, settle } from './construct.ts';
import { Placement, unplaced, type PlacementProblem } from './placement.ts';
import { makeRoom } from './squeeze.ts';

/** How much is done for a good placement. */
export interface Effort {
  /**
   * `new`: jobs keep the slots they had, and only those without one are placed. `settled`: each job also moves to its best
   * slot, where the move is worth it. `improved`: the whole is improved as well.
   */
  readonly thoroughness: 'new' | 'settled' | 'improved';
  /** For `improved`: how many moves are tried for each job. */
  readonly movesPerJob?: number;
  /** Improving and settling end with it; absent: they end when they are done, and always with the same result. */
  readonly budget?: { readonly ms: number; readonly elapsedMs: () => number };
}

/** From here on more moves gain little; a thousand jobs take some 20 ms. */
const usualMovesPerJob = 40;
/** What is left of a budget to settle after annealing, which ends warm. */
const annealingShare = 0.85;

/** The best placement that was found. Jobs for which there is no room are left without a slot. */
export function findPlacement(problem: PlacementProblem, effort: Effort): Placement {
  const { thoroughness, movesPerJob = usualMovesPerJob, budget } = effort;
  const spent = (): number => (budget === undefined ? 0 : budget.elapsedMs() / budget.ms);
  const goOn = (): boolean => spent() < 1;
  const placement = new Placement(problem);
  const hadSlots = keepPrevious(placement);
  placeAll(placement);
  makeRoom(placement, () => true);
  if (thoroughness === 'new') return placement;
  if (thoroughness === 'settled') {
    settle(placement, goOn);
    return placement;
  }
  if (hadSlots) settle(placement, goOn);
  const before = { starts: placement.starts.slice(), cost: placement.cost() };
  anneal(placement, { movesPerJob, spent: () => spent() / annealingShare });
  settle(placement, goOn);
  makeRoom(placement, goOn);
  if (placement.cost() > before.cost) placement.restore(before.starts);
  return placement;
}

/** Whether any job got the slot it had in the plan before. */
function keepPrevious(placement: Placement): boolean {
  let kept = false;
  for (const [job, { previous = unplaced }] of placement.problem.jobs.entries()) {
    const inTime = previous >= (placement.earliest[job] ?? 0) && previous <= (placement.latest[job] ?? -1);
    if (previous === unplaced || !inTime || !placement.fits(job, previous)) continue;
    placement.put(job, previous);
    kept = true;
  }
  return kept;
}
