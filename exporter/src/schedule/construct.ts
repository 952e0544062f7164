import { unplaced, type Placement } from './placement.ts';

/** Gives every job without a place its cheapest one: the weightiest first, then those with the least choice. */
export function placeAll(placement: Placement): void {
  const { weight, duration } = placement;
  const order = without(placement).sort(
    (a, b) =>
      (weight[b] ?? 0) - (weight[a] ?? 0) ||
      choice(placement, a) - choice(placement, b) ||
      (duration[b] ?? 0) - (duration[a] ?? 0) ||
      a - b,
  );
  for (const job of order) {
    const place = placement.cheapestPlace(job);
    if (place !== unplaced) placement.put(job, place);
  }
}

function without(placement: Placement): number[] {
  const jobs: number[] = [];
  for (let job = 0; job < placement.count; job += 1) if (placement.places[job] === unplaced) jobs.push(job);
  return jobs;
}

function choice(placement: Placement, job: number): number {
  return (placement.latest[job] ?? 0) - (placement.earliest[job] ?? 0);
}

/** Moves one of the jobs after another to its cheapest place, until a round moves none, the rounds are used up, or `goOn` says no. */
export function settle(placement: Placement, jobs: Int32Array, rounds: number, goOn: () => boolean): void {
  let moved = true;
  for (let round = 0; round < rounds && moved; round += 1) {
    moved = false;
    for (let index = 0; index < jobs.length; index += 1) {
      if (index % 64 === 0 && !goOn()) return;
      const job = jobs[index] ?? 0;
      const before = placement.places[job] ?? unplaced;
      if (before !== unplaced) placement.take(job);
      const place = placement.cheapestPlace(job);
      const chosen = place === unplaced ? before : place;
      if (chosen !== unplaced) placement.put(job, chosen);
      if (chosen !== before) moved = true;
    }
  }
}
