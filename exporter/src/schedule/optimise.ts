import { anneal } from './anneal.ts';
import { placeAll, settle } from './construct.ts';
import { Placement, unplaced } from './placement.ts';
import type { PlacementProblem } from './placement-problem.ts';
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

/** Twice as many gain less than a hundredth; a thousand jobs take some 10 ms. */
const usualMovesPerJob = 40;
/** Few jobs are cheap to plan well. */
const fewestMoves = 4000;
/** So few jobs can get stuck all together, each in the way of another: several ways are tried. */
const fewJobs = 30;
const waysForFew = 8;
/** A third round moves hardly any job. */
const usualRounds = 2;
/** What is left of a budget to settle after annealing, which ends warm. */
const annealingShare = 0.85;

/** The best placement that was found. Jobs for which there is no room are left without a slot. */
export function findPlacement(problem: PlacementProblem, effort: Effort): Placement {
  const { thoroughness, budget } = effort;
  const spent = (): number => (budget === undefined ? 0 : budget.elapsedMs() / budget.ms);
  const goOn = (): boolean => spent() < 1;
  const rounds = budget === undefined ? usualRounds : Infinity;
  const placement = new Placement(problem);
  const hadSlots = keepPrevious(placement);
  placeAll(placement);
  makeRoom(placement, () => true);
  if (thoroughness === 'new') return placement;
  if (thoroughness === 'settled' || hadSlots) settle(placement, rounds, goOn);
  if (thoroughness === 'improved') improve(placement, { effort, rounds, spent });
  return placement;
}

interface Improvement {
  readonly effort: Effort;
  readonly rounds: number;
  readonly spent: () => number;
}

function improve(placement: Placement, { effort, rounds, spent }: Improvement): void {
  const { count } = placement;
  const ways = count <= fewJobs ? waysForFew : 1;
  const moves = Math.max(fewestMoves, ((effort.movesPerJob ?? usualMovesPerJob) * count) / ways);
  let best = { starts: placement.starts.slice(), cost: placement.cost() };
  for (let way = 0; way < ways && spent() < 1; way += 1) {
    const spentOfWay = (): number => (spent() * ways - way) / annealingShare;
    anneal(placement, { moves, seed: way + 1, spent: spentOfWay });
    settle(placement, rounds, () => spent() < 1);
    makeRoom(placement, () => spent() < 1);
    const cost = placement.cost();
    if (cost < best.cost) best = { starts: placement.starts.slice(), cost };
  }
  placement.restore(best.starts);
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
