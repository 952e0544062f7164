import { anyOf } from './whereabouts.ts';
import { unplaced, type Placement } from './placement.ts';

/**
 * Improves a placement as a whole by simulated annealing: random moves of single jobs, at first also such as make it
 * worse, later almost only such as make it better. Finds arrangements that no sequence of gains leads to: heavy backups
 * of little weight together where the host is busy anyway, and the quiet hours left to what matters.
 */
export interface Annealing {
  /** How many moves are tried. */
  readonly moves: number;
  /** Another seed takes another way. */
  readonly seed: number;
  /** Share of the time that is used up: from 1 on it ends. A placement that takes less is the same every time. */
  readonly spent: () => number;
}

/** A cost of so much more is accepted about every third time; in load × weight, as costs are. */
const hottest = 0.3;
const coldest = 0.01;
/** Half of the moves go no further than this, in slots: late on, only neighbours are worth a try. */
const nearby = 2;
const movesBetweenLooks = 256;
/**
 * Of many hosts, so many jobs are moved at a time, and each of them so often, before others are: they lie near each other in
 * memory, and jobs of other hosts are hardly in their way.
 */
const jobsAtATime = 512;
const movesAtATime = 4;

export function anneal(placement: Placement, jobs: Int32Array, { moves, seed, spent }: Annealing): void {
  const { places, slots, earliest, latest } = placement;
  const count = jobs.length;
  const random = generator(seed);
  const cooling = Math.log(coldest / hottest);
  const among = placement.problem.hosts === 1 ? count : Math.min(count, jobsAtATime);
  let temperature = hottest;
  let behind = 0;
  for (let move = 0; move < moves; move += 1) {
    if (move % movesBetweenLooks === 0) {
      // Cooling follows whichever ends first, so that a short time still ends cold.
      const share = Math.max(move / moves, spent());
      if (share >= 1) return;
      temperature = hottest * Math.exp(cooling * share);
    }
    if (among < count && move % (among * movesAtATime) === 0) behind = (behind + among) % count;
    const job = jobs[(behind + Math.floor(random() * among)) % count] ?? 0;
    const first = earliest[job] ?? 0;
    const choice = (latest[job] ?? 0) - first + 1;
    if (choice < 1) continue;
    const from = places[job] ?? unplaced;
    if (from === unplaced) {
      const place = placement.cheapestPlace(job);
      if (place !== unplaced) placement.put(job, place);
      continue;
    }
    const slot = from % slots;
    const start =
      random() < 0.5
        ? first + Math.floor(random() * choice)
        : slot + Math.floor(random() * (2 * nearby + 1)) - nearby;
    if (start < first || start >= first + choice) continue;
    const place = anyHost(placement, job, from - slot, random) + start;
    if (place === from) continue;
    const cost = placement.moveCost(job, place);
    if (cost <= 0 || (cost < 16 * temperature && random() < Math.exp(-cost / temperature))) {
      placement.take(job);
      placement.put(job, place);
    }
  }
}

/** The first place of the host where a job is, or, as often, of another one where it may be. */
function anyHost(placement: Placement, job: number, present: number, random: () => number): number {
  const { whereabouts } = placement;
  if (whereabouts.only(job) !== anyOf || random() < 0.5) return present;
  const hosts = whereabouts.some(job);
  return (hosts[Math.floor(random() * hosts.length)] ?? 0) * placement.slots;
}

/** Mulberry32: the same numbers for the same seed, on every machine. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
