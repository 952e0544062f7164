import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPlacement } from './optimise.ts';
import { Placement, unplaced } from './placement.ts';
import type { PlacementProblem } from './placement-problem.ts';
import { makeRoom } from './squeeze.ts';

/** Small problems in which resources are scarce. */
const problems = (maxJobs: number, maxSlots: number): fc.Arbitrary<PlacementProblem> =>
  fc.integer({ min: 4, max: maxSlots }).chain((slots) =>
    fc
      .record({
        base: fc.array(fc.double({ min: 0, max: 0.9, noNaN: true }), { minLength: slots, maxLength: slots }),
        there: fc.array(fc.double({ min: -0.7, max: 0.7, noNaN: true }), {
          minLength: slots,
          maxLength: slots,
        }),
        jobs: fc.array(
          fc
            .record({
              earliest: fc.integer({ min: 0, max: slots - 1 }),
              window: fc.integer({ min: 0, max: slots }),
              delay: fc.integer({ min: 0, max: 4 }),
              duration: fc.integer({ min: 1, max: Math.ceil(slots / 2) }),
              weight: fc.constantFrom(1, 2, 4, 8),
              needs: fc.tuple(fc.double({ min: 0, max: 0.7, noNaN: true }), fc.constantFrom(0, 1)),
              elsewhere: fc.constantFrom(undefined, 0),
              previous: fc.option(fc.integer({ min: -3, max: slots }), { nil: undefined }),
            })
            .map(({ window, delay, ...job }) => ({
              ...job,
              windowEnd: job.earliest + window,
              latest: job.earliest + window + delay,
            })),
          { minLength: 1, maxLength: maxJobs },
        ),
      })
      .map(({ base, there, jobs }) => ({
        slots,
        slotHours: 1 / 12,
        resources: [
          { base, capacity: 1, loadWeight: 0.7 },
          { base: new Float64Array(slots), capacity: 2, loadWeight: 0 },
        ],
        elsewhere: [there],
        jobs,
        delayPenaltyPerHour: 0.25,
        unplacedPenalty: 100,
        movePenalty: 0.02,
      })),
  );

/** Throws where a law is broken; counted here from the problem alone. */
function expectLawful({ problem, starts }: Placement): void {
  const used = problem.resources.map(({ base }) => Float64Array.from(base));
  for (const [index, job] of problem.jobs.entries()) {
    const start = starts[index] ?? unplaced;
    if (start === unplaced) continue;
    expect(start).toBeGreaterThanOrEqual(job.earliest);
    expect(start).toBeLessThanOrEqual(job.latest);
    expect(start + job.duration).toBeLessThanOrEqual(problem.slots);
    for (const [resource, slots] of used.entries()) {
      for (let slot = start; slot < start + job.duration; slot += 1) {
        slots[slot] = (slots[slot] ?? 0) + (job.needs[resource] ?? 0);
      }
    }
  }
  for (const [resource, slots] of used.entries()) {
    expect(Math.max(...slots)).toBeLessThanOrEqual((problem.resources[resource]?.capacity ?? 0) + 1e-7);
  }
}

/** The lowest cost of all placements, by trying every one. */
function exhaust(problem: PlacementProblem): { cost: number; placed: number } {
  const placement = new Placement(problem);
  let cost = Infinity;
  let placed = 0;
  const tryFrom = (job: number, count: number): void => {
    if (job === problem.jobs.length) {
      cost = Math.min(cost, placement.cost());
      placed = Math.max(placed, count);
      return;
    }
    tryFrom(job + 1, count);
    for (let start = placement.earliest[job] ?? 0; start <= (placement.latest[job] ?? -1); start += 1) {
      if (!placement.fits(job, start)) continue;
      placement.put(job, start);
      tryFrom(job + 1, count + 1);
      placement.take(job);
    }
  };
  tryFrom(0, 0);
  return { cost, placed };
}

describe('Placement', () => {
  it('knows what a move costs without making it', () => {
    fc.assert(
      fc.property(problems(8, 30), fc.array(fc.nat(), { minLength: 20, maxLength: 20 }), (problem, picks) => {
        const placement = findPlacement(problem, { thoroughness: 'new' });
        for (const pick of picks) {
          const job = pick % placement.count;
          const first = placement.earliest[job] ?? 0;
          const span = (placement.latest[job] ?? 0) - first + 1;
          if (placement.starts[job] === unplaced || span < 1) continue;
          const before = placement.cost();
          const start = first + (Math.floor(pick / 8) % span);
          const foretold = placement.moveCost(job, start);
          const from = placement.starts[job] ?? 0;
          placement.take(job);
          expect(placement.fits(job, start)).toBe(foretold !== Infinity);
          placement.put(job, foretold === Infinity ? from : start);
          if (foretold !== Infinity) expect(placement.cost() - before).toBeCloseTo(foretold, 9);
        }
      }),
    );
  });

  it('finds the cheapest start for a job', () => {
    fc.assert(
      fc.property(problems(6, 24), (problem) => {
        const placement = findPlacement(problem, { thoroughness: 'new' });
        const job = 0;
        if (placement.starts[job] !== unplaced) placement.take(job);
        const chosen = placement.cheapestStart(job);
        let lowest = Infinity;
        for (let start = placement.earliest[job] ?? 0; start <= (placement.latest[job] ?? -1); start += 1) {
          if (!placement.fits(job, start)) continue;
          placement.put(job, start);
          lowest = Math.min(lowest, placement.cost());
          placement.take(job);
        }
        if (chosen === unplaced) expect(lowest).toBe(Infinity);
        else {
          placement.put(job, chosen);
          expect(placement.cost()).toBeCloseTo(lowest, 9);
        }
      }),
    );
  });
});

describe('findPlacement', () => {
  it.each(['new', 'settled', 'improved'] as const)('never breaks a law: %s', (thoroughness) => {
    fc.assert(
      fc.property(problems(14, 40), (problem) => {
        expectLawful(findPlacement(problem, { thoroughness }));
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same placement for the same problem', () => {
    fc.assert(
      fc.property(problems(10, 30), (problem) => {
        const once = findPlacement(problem, { thoroughness: 'improved' });
        expect(findPlacement(problem, { thoroughness: 'improved' }).starts).toEqual(once.starts);
      }),
      { numRuns: 40 },
    );
  });

  it('is never worse the more is done', () => {
    fc.assert(
      fc.property(problems(12, 30), (problem) => {
        const [quick = 0, settled = 0, improved = 0] = (['new', 'settled', 'improved'] as const).map(
          (thoroughness) => findPlacement(problem, { thoroughness }).cost(),
        );
        expect(settled).toBeLessThanOrEqual(quick + 1e-9);
        expect(improved).toBeLessThanOrEqual(settled + 1e-9);
      }),
      { numRuns: 100 },
    );
  });

  it('comes near the best there is, as found by trying all, and leaves nothing out that fits', () => {
    // Always the same problems: no search by single moves finds the best of every problem that can be thought of.
    const sample = fc.sample(problems(4, 9), { numRuns: 400, seed: 20 });
    const excesses = sample.flatMap((problem) => {
      const { cost, placed } = exhaust(problem);
      if (placed < problem.jobs.length) return [];
      const found = findPlacement(problem, { thoroughness: 'improved' });
      expect(found.starts.includes(unplaced)).toBe(false);
      return [found.cost() / Math.max(cost, 1e-9) - 1];
    });
    expect(excesses.length).toBeGreaterThan(200);
    expect(excesses.filter((excess) => excess < 1e-6).length / excesses.length).toBeGreaterThan(0.95);
    expect(excesses.reduce((sum, excess) => sum + excess, 0) / excesses.length).toBeLessThan(0.002);
  });

  it('leaves out the light ones where not all fit', () => {
    const job = (weight: number) => ({
      earliest: 0,
      windowEnd: 1,
      latest: 1,
      duration: 2,
      weight,
      needs: [0.6],
      previous: weight === 1 ? 0 : undefined,
    });
    const found = findPlacement(
      {
        slots: 3,
        slotHours: 1,
        resources: [{ base: [0, 0, 0], capacity: 1, loadWeight: 1 }],
        jobs: [job(1), job(8)],
        delayPenaltyPerHour: 0,
        unplacedPenalty: 100,
        movePenalty: 0.02,
      },
      { thoroughness: 'new' },
    );
    expect([...found.starts]).toEqual([unplaced, 0]);
  });

  it('stops when its time is up, with a lawful placement', () => {
    fc.assert(
      fc.property(problems(20, 40), fc.integer({ min: 0, max: 40 }), (problem, looks) => {
        let look = 0;
        const elapsedMs = (): number => (look += 1);
        const found = findPlacement(problem, {
          thoroughness: 'improved',
          movesPerJob: 1e9,
          budget: { ms: looks, elapsedMs },
        });
        expectLawful(found);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves a slot only for one that is quieter by more than a move costs', () => {
    const problem = (gain: number): PlacementProblem => ({
      slots: 10,
      slotHours: 1 / 12,
      resources: [
        { base: [0.5, 0.5, 0.5 - gain, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], capacity: 1, loadWeight: 1 },
      ],
      jobs: [{ earliest: 0, windowEnd: 9, latest: 9, duration: 1, weight: 2, needs: [0.1], previous: 7 }],
      delayPenaltyPerHour: 0.25,
      unplacedPenalty: 100,
      movePenalty: 0.02,
    });
    const startOf = (gain: number): unknown =>
      findPlacement(problem(gain), { thoroughness: 'improved' }).starts[0];
    expect(startOf(0.019)).toBe(7);
    expect(startOf(0.021)).toBe(2);
  });
});

describe('makeRoom', () => {
  it('moves others away, and others for their sake', () => {
    // Three jobs of half the host in two slots each: a chain, since the first two lie where the third must.
    const job = (earliest: number, latest: number) => ({
      earliest,
      latest,
      windowEnd: latest,
      duration: 1,
      weight: 1,
      needs: [1],
    });
    const placement = new Placement({
      slots: 4,
      slotHours: 1,
      resources: [{ base: [0, 0, 0, 0], capacity: 1, loadWeight: 1 }],
      jobs: [job(0, 1), job(1, 2), job(2, 3), job(0, 0)],
      delayPenaltyPerHour: 0,
      unplacedPenalty: 100,
      movePenalty: 0,
    });
    placement.put(0, 0);
    placement.put(1, 1);
    placement.put(2, 2);
    makeRoom(placement, () => true);
    expect([...placement.starts]).toEqual([1, 2, 3, 0]);
  });
});
