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
/** Few jobs are cheap to plan well: so many moves take some 5 ms, and a hundred jobs gain 3 % by them. */
const fewestMoves = 40_000;
/** So few jobs can get stuck all together, each in the way of another: several ways are tried. */
const fewJobs = 30;
const waysForFew = 8;
/** A third round moves hardly any job. */
const usualRounds = 2;
/** What is left of a budget to settle after annealing, which ends warm. */
const annealingShare = 0.85;

/** The best placement that was found. Jobs for which there is no room are left without a place. */
export function findPlacement(problem: PlacementProblem, effort: Effort): Placement {
  const { thoroughness, budget } = effort;
  const spent = (): number => (budget === undefined ? 0 : budget.elapsedMs() / budget.ms);
  const goOn = (): boolean => spent() < 1;
  const rounds = budget === undefined ? usualRounds : Infinity;
  const placement = new Placement(problem);
  const { hadPlaces, jobs } = keepPrevious(placement);
  placeAll(placement);
  makeRoom(placement, () => true);
  if (thoroughness === 'new' || jobs.length === 0) return placement;
  if (thoroughness === 'settled' || hadPlaces) settle(placement, jobs, rounds, goOn);
  if (thoroughness === 'improved') improve(placement, jobs, { effort, rounds, spent });
  return placement;
}

interface Improvement {
  readonly effort: Effort;
  readonly rounds: number;
  readonly spent: () => number;
}

function improve(placement: Placement, jobs: Int32Array, { effort, rounds, spent }: Improvement): void {
  const count = jobs.length;
  const ways = count <= fewJobs ? waysForFew : 1;
  const moves = Math.max(fewestMoves, (effort.movesPerJob ?? usualMovesPerJob) * count) / ways;
  let best = { places: placement.places.slice(), cost: placement.cost() };
  for (let way = 0; way < ways && spent() < 1; way += 1) {
    const spentOfWay = (): number => (spent() * ways - way) / annealingShare;
    anneal(placement, jobs, { moves, seed: way + 1, spent: spentOfWay });
    settle(placement, jobs, rounds, () => spent() < 1);
    makeRoom(placement, () => spent() < 1);
    const cost = placement.cost();
    if (cost < best.cost) best = { places: placement.places.slice(), cost };
  }
  restore(placement, best.places);
}

/** Puts every job back to where it was when `places` was copied. */
function restore(placement: Placement, places: Int32Array): void {
  for (let job = 0; job < placement.count; job += 1) {
    if (placement.places[job] !== places[job] && placement.places[job] !== unplaced) placement.take(job);
  }
  for (const [job, before] of places.entries())
    if (placement.places[job] !== before) placement.put(job, before);
}

/** Gives jobs the place they had in the plan before; whether any got it, and those that are to be placed well now. */
function keepPrevious(placement: Placement): { hadPlaces: boolean; jobs: Int32Array } {
  let hadPlaces = false;
  const open: number[] = [];
  const keep = (job: number, previous: number): boolean => {
    const slot = previous % placement.slots;
    const inTime = slot >= (placement.earliest[job] ?? 0) && slot <= (placement.latest[job] ?? -1);
    const isKept = previous !== unplaced && inTime && placement.fits(job, previous);
    if (isKept) placement.put(job, previous);
    hadPlaces ||= isKept;
    return isKept;
  };
  const { jobs } = placement.problem;
  // What changed may need more than it did: it gets that of what those that stay leave.
  for (const [job, { previous = unplaced, stays }] of jobs.entries()) {
    if (stays === true && !keep(job, previous)) open.push(job);
  }
  for (const [job, { previous = unplaced, stays }] of jobs.entries()) {
    if (stays === true) continue;
    keep(job, previous);
    open.push(job);
  }
  return { hadPlaces, jobs: Int32Array.from(open).sort() };
}
