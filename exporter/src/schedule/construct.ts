import { unplaced, type Placement } from './placement.ts';

/** Gives every job without a slot its cheapest one: the weightiest first, then those with the least choice. */
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
    const start = placement.cheapestStart(job);
    if (start !== unplaced) placement.put(job, start);
  }
}

function without(placement: Placement): number[] {
  const jobs: number[] = [];
  for (let job = 0; job < placement.count; job += 1) if (placement.starts[job] === unplaced) jobs.push(job);
  return jobs;
}

function choice(placement: Placement, job: number): number {
  return (placement.latest[job] ?? 0) - (placement.earliest[job] ?? 0);
}

/** Moves one job after another to its cheapest start, until a round moves none, the rounds are used up, or `goOn` says no. */
export function settle(placement: Placement, rounds: number, goOn: () => boolean): void {
  let moved = true;
  for (let round = 0; round < rounds && moved; round += 1) {
    moved = false;
    for (let job = 0; job < placement.count; job += 1) {
      if (job % 64 === 0 && !goOn()) return;
      const before = placement.starts[job] ?? unplaced;
      if (before !== unplaced) placement.take(job);
      const start = placement.cheapestStart(job);
      const chosen = start === unplaced ? before : start;
      if (chosen !== unplaced) placement.put(job, chosen);
      if (chosen !== before) moved = true;
    }
  }
}
