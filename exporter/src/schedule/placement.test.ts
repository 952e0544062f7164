import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPlacement } from './optimise.ts';
import { Placement, unplaced } from './placement.ts';
import type { PlacementJob, PlacementProblem } from './placement-problem.ts';
import { makeRoom } from './squeeze.ts';

const everywhere = { resource: 0, amount: 1 };
/** Of what the first host has for itself, and the second. */
const onOne = [
  { resource: 1, amount: 1, host: 0 },
  { resource: 2, amount: 1, host: 1 },
];

/** Small problems in which resources are scarce, of one to three hosts. */
const problems = (maxJobs: number, maxSlots: number): fc.Arbitrary<PlacementProblem> =>
  fc
    .record({ slots: fc.integer({ min: 4, max: maxSlots }), hosts: fc.constantFrom(1, 1, 2, 3) })
    .chain(({ slots, hosts }) => {
      const places = slots * hosts;
      const some = fc.uniqueArray(fc.nat({ max: hosts - 1 }), { minLength: 1, maxLength: hosts });
      return fc
        .record({
          base: fc.array(fc.double({ min: 0, max: 0.9, noNaN: true }), {
            minLength: places,
            maxLength: places,
          }),
          capacity: fc.array(fc.constantFrom(0.8, 1), { minLength: hosts, maxLength: hosts }),
          there: fc.array(fc.double({ min: -0.7, max: 0.7, noNaN: true }), {
            minLength: slots,
            maxLength: slots,
          }),
          lent: fc.option(
            fc.array(fc.double({ min: 0, max: 8, noNaN: true }), {
              minLength: hosts * slots,
              maxLength: hosts * slots,
            }),
            { nil: undefined },
          ),
          jobs: fc.array(
            fc
              .record({
                earliest: fc.integer({ min: 0, max: slots - 1 }),
                window: fc.integer({ min: 0, max: slots }),
                delay: fc.integer({ min: 0, max: 4 }),
                duration: fc.integer({ min: 1, max: Math.ceil(slots / 2) }),
                weight: fc.constantFrom(1, 2, 4, 8),
                needs: fc.tuple(fc.double({ min: 0, max: 0.7, noNaN: true })),
                claims: fc.constantFrom(undefined, [everywhere], [...onOne], [everywhere, ...onOne]),
                hosts: hosts === 1 ? fc.constant(undefined) : some,
                elsewhere: fc.constantFrom(undefined, [0], [undefined, 0]),
                previous: fc.option(fc.integer({ min: 0, max: slots - 1 }), { nil: undefined }),
                stays: fc.boolean(),
              })
              .map(({ window, delay, previous, ...job }) => ({
                ...job,
                previous: previous === undefined ? undefined : (job.hosts?.[0] ?? 0) * slots + previous,
                windowEnd: job.earliest + window,
                latest: job.earliest + window + delay,
              })),
            { minLength: 1, maxLength: maxJobs },
          ),
        })
        .map(({ base, capacity, there, lent, jobs }) => ({
          slots,
          hosts,
          slotHours: 1 / 12,
          resources: [{ base, capacity: hosts === 1 ? [1] : capacity, loadWeight: 0.7 }],
          shared: [2, 1, 1].map((most) => ({ base: new Float64Array(slots), capacity: most })),
          elsewhere: [there],
          ...(lent !== undefined && { lent }),
          jobs,
          delayPenaltyPerHour: 0.25,
          unplacedPenalty: 100,
          movePenalty: 0.02,
        }));
    });

/** The same, of which the first come one behind the other, some of them with no patience. */
const inTurn = (of: fc.Arbitrary<PlacementProblem>): fc.Arbitrary<PlacementProblem> =>
  fc.tuple(of, fc.integer({ min: 0, max: 5 })).map(([problem, last]) => ({
    ...problem,
    jobs: problem.jobs.map((job, index) =>
      index > last
        ? job
        : {
            ...job,
            follows: index === 0 ? undefined : index - 1,
            delayPenaltyPerHour: index % 2 === 0 ? 10 : undefined,
          },
    ),
  }));

/** Throws where a law is broken; counted here from the problem alone. */
function expectLawful({ problem, places }: Placement): void {
  const { slots, hosts, shared = [] } = problem;
  const used = problem.resources.map(({ base }) => Float64Array.from(base));
  const usedShared = shared.map(({ base }) => Float64Array.from(base));
  const add = (to: Float64Array | undefined, at: number, duration: number, amount: number): void => {
    for (let slot = at; slot < at + duration; slot += 1) if (to) to[slot] = (to[slot] ?? 0) + amount;
  };
  for (const [index, job] of problem.jobs.entries()) {
    const place = places[index] ?? unplaced;
    if (place === unplaced) continue;
    const start = place % slots;
    for (let before = job.follows; before !== undefined; before = problem.jobs[before]?.follows) {
      const earlier = places[before] ?? unplaced;
      const over = (earlier % slots) + (problem.jobs[before]?.duration ?? 0);
      if (earlier !== unplaced) expect(start).toBeGreaterThanOrEqual(over);
    }
    expect(job.hosts ?? [0]).toContain(Math.floor(place / slots));
    expect(start).toBeGreaterThanOrEqual(job.earliest);
    expect(start).toBeLessThanOrEqual(job.latest);
    expect(start + job.duration).toBeLessThanOrEqual(slots);
    for (const [resource, need] of job.needs.entries()) add(used[resource], place, job.duration, need);
    for (const { resource, amount, host } of job.claims ?? []) {
      if (host !== undefined && host !== Math.floor(place / slots)) continue;
      add(usedShared[resource], start, job.duration, amount);
    }
  }
  for (const [resource, taken] of used.entries()) {
    for (let host = 0; host < hosts; host += 1) {
      const most = Math.max(...taken.subarray(host * slots, (host + 1) * slots));
      // What the host does by itself may be more than its runs may take it to.
      const own = Math.max(
        ...Array.from(problem.resources[resource]?.base ?? []).slice(host * slots, (host + 1) * slots),
      );
      expect(most).toBeLessThanOrEqual(
        Math.max(own, problem.resources[resource]?.capacity[host] ?? 0) + 1e-7,
      );
    }
  }
  for (const [resource, taken] of usedShared.entries()) {
    expect(Math.max(...taken)).toBeLessThanOrEqual((shared[resource]?.capacity ?? 0) + 1e-7);
  }
}

/** All places that a job may have. */
function choicesOf({ problem, earliest, latest, slots }: Placement, job: number): number[] {
  const starts = Math.max(0, (latest[job] ?? -1) - (earliest[job] ?? 0) + 1);
  return (problem.jobs[job]?.hosts ?? [0]).flatMap((host) =>
    Array.from({ length: starts }, (_, index) => host * slots + (earliest[job] ?? 0) + index),
  );
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
    for (const place of choicesOf(placement, job)) {
      if (!placement.fits(job, place)) continue;
      placement.put(job, place);
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
      fc.property(
        inTurn(problems(8, 30)),
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        (problem, picks) => {
          const placement = findPlacement(problem, { thoroughness: 'new' });
          for (const pick of picks) {
            const job = pick % placement.count;
            const choices = choicesOf(placement, job);
            const from = placement.places[job] ?? unplaced;
            const place = choices[Math.floor(pick / 8) % choices.length];
            if (from === unplaced || place === undefined) continue;
            const before = placement.cost();
            const foretold = placement.moveCost(job, place);
            placement.take(job);
            expect(placement.fits(job, place)).toBe(foretold !== Infinity);
            placement.put(job, foretold === Infinity ? from : place);
            if (foretold !== Infinity) expect(placement.cost() - before).toBeCloseTo(foretold, 9);
          }
        },
      ),
    );
  });

  it('says what is missing where a job does not fit, and nothing where it does', () => {
    fc.assert(
      fc.property(inTurn(problems(8, 20)), (problem) => {
        const placement = findPlacement(problem, { thoroughness: 'new' });
        const job = 0;
        if (placement.places[job] !== unplaced) placement.take(job);
        for (const place of choicesOf(placement, job)) {
          expect(placement.shortage(job, place).missing > 0).toBe(!placement.fits(job, place));
        }
      }),
    );
  });

  it('finds the cheapest place for a job', () => {
    fc.assert(
      fc.property(inTurn(problems(6, 24)), (problem) => {
        const placement = findPlacement(problem, { thoroughness: 'new' });
        const job = 0;
        if (placement.places[job] !== unplaced) placement.take(job);
        const chosen = placement.cheapestPlace(job);
        let lowest = Infinity;
        for (const place of choicesOf(placement, job)) {
          if (!placement.fits(job, place)) continue;
          placement.put(job, place);
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
      fc.property(inTurn(problems(14, 40)), (problem) => {
        expectLawful(findPlacement(problem, { thoroughness }));
      }),
      { numRuns: 150 },
    );
  });

  it('moves a run that is in the way of the next one of its schedule, where there is no other time for that', () => {
    const job = { windowEnd: 12, duration: 4, weight: 1, needs: [0.1] };
    const base = Float64Array.from({ length: 20 }, (_, slot) => (slot >= 8 && slot < 12 ? 0 : 0.5));
    const { places } = findPlacement(
      {
        ...{
          slots: 20,
          hosts: 1,
          slotHours: 1 / 12,
          delayPenaltyPerHour: 0,
          unplacedPenalty: 100,
          movePenalty: 0,
        },
        resources: [{ base, capacity: [1], loadWeight: 1 }],
        jobs: [
          { ...job, earliest: 0, latest: 12 },
          { ...job, earliest: 9, latest: 10, weight: 0.5, follows: 0 },
        ],
      },
      { thoroughness: 'new' },
    );
    expect(places[0]).toBeLessThanOrEqual(6);
    expect(places[1]).toBeGreaterThanOrEqual(9);
  });

  it('gives the same placement for the same problem', () => {
    fc.assert(
      fc.property(problems(10, 30), (problem) => {
        const once = findPlacement(problem, { thoroughness: 'improved' });
        expect(findPlacement(problem, { thoroughness: 'improved' }).places).toEqual(once.places);
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
    const excesses = sample.flatMap(({ jobs, ...rest }) => {
      const problem = { ...rest, jobs: jobs.map((job) => ({ ...job, stays: false })) };
      const { cost, placed } = exhaust(problem);
      if (placed < problem.jobs.length) return [];
      const found = findPlacement(problem, { thoroughness: 'improved' });
      expect(found.places.includes(unplaced)).toBe(false);
      return [found.cost() / Math.max(cost, 1e-9) - 1];
    });
    expect(excesses.length).toBeGreaterThan(200);
    expect(excesses.filter((excess) => excess < 1e-6).length / excesses.length).toBeGreaterThan(0.95);
    expect(excesses.reduce((sum, excess) => sum + excess, 0) / excesses.length).toBeLessThan(0.002);
  });

  it('plans a hundred jobs nearly as well as with ten times the moves', () => {
    const slots = 576;
    const problem = (seed: number): PlacementProblem => ({
      slots,
      slotHours: 1 / 12,
      hosts: 1,
      resources: [
        {
          base: Array.from({ length: slots }, (_, slot) => 0.3 + 0.2 * Math.sin(slot / 46 + seed)),
          capacity: [1],
          loadWeight: 1,
        },
      ],
      jobs: Array.from({ length: 100 }, (_, job) => {
        const earliest = ((job + seed * 7) * 197) % 300;
        const windowEnd = earliest + 150 + ((job * 61 + seed) % 72);
        const duration = 1 + ((job * 13 + seed * 5) % 23);
        const needs = [0.02 + ((job * 29) % 17) / 120];
        return {
          earliest,
          windowEnd,
          latest: windowEnd + 24,
          duration,
          weight: 2 ** ((job + seed) % 4),
          needs,
        };
      }),
      delayPenaltyPerHour: 0.25,
      unplacedPenalty: 100,
      movePenalty: 0.02,
    });
    const costOf = (effort: { readonly movesPerJob?: number }): number =>
      [0, 1, 2, 3, 4, 5].reduce(
        (sum, seed) => sum + findPlacement(problem(seed), { thoroughness: 'improved', ...effort }).cost(),
        0,
      );
    expect(costOf({}) / costOf({ movesPerJob: 4000 })).toBeLessThan(1.02);
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
        hosts: 1,
        resources: [{ base: [0, 0, 0], capacity: [1], loadWeight: 1 }],
        jobs: [job(1), job(8)],
        delayPenaltyPerHour: 0,
        unplacedPenalty: 100,
        movePenalty: 0.02,
      },
      { thoroughness: 'new' },
    );
    expect([...found.places]).toEqual([unplaced, 0]);
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
      hosts: 1,
      resources: [
        { base: [0.5, 0.5, 0.5 - gain, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], capacity: [1], loadWeight: 1 },
      ],
      jobs: [{ earliest: 0, windowEnd: 9, latest: 9, duration: 1, weight: 2, needs: [0.1], previous: 7 }],
      delayPenaltyPerHour: 0.25,
      unplacedPenalty: 100,
      movePenalty: 0.02,
    });
    const startOf = (gain: number): unknown =>
      findPlacement(problem(gain), { thoroughness: 'improved' }).places[0];
    expect(startOf(0.019)).toBe(7);
    expect(startOf(0.021)).toBe(2);
  });
});

describe('Placement of many hosts', () => {
  const job = (more: Partial<PlacementJob>): PlacementJob => ({
    earliest: 0,
    windowEnd: 0,
    latest: 0,
    duration: 1,
    weight: 1,
    needs: [0.5],
    ...more,
  });
  const problem = (hosts: number, jobs: readonly PlacementJob[]): PlacementProblem => ({
    slots: 2,
    slotHours: 1,
    hosts,
    resources: [{ base: new Float64Array(2 * hosts), capacity: Array(hosts).fill(1), loadWeight: 1 }],
    jobs,
    delayPenaltyPerHour: 0,
    unplacedPenalty: 100,
    movePenalty: 0.02,
  });

  it('looks at all hosts, however many, where a job fits on none of those it tries first', () => {
    const hosts = Array.from({ length: 200 }, (_, host) => host);
    // All are full but the last.
    const full = hosts.slice(0, -1).map((host) => job({ hosts: [host], needs: [1] }));
    const { places } = findPlacement(problem(200, [...full, job({ hosts })]), { thoroughness: 'improved' });
    expect(places.at(-1)).toBe(2 * 199);
  });

  it('stays where it was, on whichever of many hosts, where none is better', () => {
    const hosts = Array.from({ length: 200 }, (_, host) => host);
    for (const host of hosts) {
      const one = problem(200, [job({ hosts, previous: 2 * host })]);
      expect(findPlacement(one, { thoroughness: 'improved' }).places[0]).toBe(2 * host);
    }
  });

  it('names as users of what runs short all that run then, on that host or, of what is shared, on any', () => {
    const jobs = [
      job({ hosts: [0], duration: 2 }),
      job({ hosts: [1], claims: [{ resource: 0, amount: 1 }] }),
      job({ hosts: [0, 1], claims: [{ resource: 0, amount: 1 }] }),
    ];
    const shared = [{ base: new Float64Array(2), capacity: 1 }];
    const placement = new Placement({ ...problem(2, jobs), shared });
    const usersAt = (resource: number, at: number): number[] => placement.users({ resource, at }).toSorted();
    placement.put(0, 0);
    placement.put(1, 3);
    expect(usersAt(0, 1)).toEqual([0]);
    expect(usersAt(1, 1)).toEqual([1]);
    // From here on it is kept, not made.
    placement.put(2, 1);
    expect(usersAt(0, 1)).toEqual([0, 2]);
    expect(usersAt(0, 2)).toEqual([]);
    expect(usersAt(1, 1)).toEqual([1, 2]);
    placement.take(0);
    placement.take(1);
    expect(usersAt(0, 1)).toEqual([2]);
    expect(usersAt(1, 1)).toEqual([2]);
    expect(usersAt(0, 0)).toEqual([]);
  });

  it('names as users of what one host has for itself those that run there', () => {
    const claims = [{ resource: 0, amount: 1, host: 1 }];
    const shared = [{ base: new Float64Array(2), capacity: 1 }];
    const both = { hosts: [0, 1], claims };
    const placement = new Placement({ ...problem(2, [job(both), job(both)]), shared });
    placement.put(0, 1);
    placement.put(1, 3);
    expect(placement.users({ resource: 1, at: 1 })).toEqual([1]);
  });

  it('takes back what a trial has done, also within another one', () => {
    const placement = new Placement(problem(2, [job({ hosts: [0, 1] }), job({ hosts: [0, 1] })]));
    placement.put(0, 0);
    const cost = placement.cost();
    const kept = placement.trial(() => {
      placement.take(0);
      placement.put(0, 2);
      expect(placement.trial(() => (placement.put(1, 0), false))).toBe(false);
      expect([...placement.places]).toEqual([2, unplaced]);
      expect(placement.trial(() => (placement.put(1, 2), true))).toBe(true);
      return false;
    });
    expect(kept).toBe(false);
    expect([...placement.places]).toEqual([0, unplaced]);
    expect(placement.cost()).toBeCloseTo(cost, 12);
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
      hosts: 1,
      resources: [{ base: [0, 0, 0, 0], capacity: [1], loadWeight: 1 }],
      jobs: [job(0, 1), job(1, 2), job(2, 3), job(0, 0)],
      delayPenaltyPerHour: 0,
      unplacedPenalty: 100,
      movePenalty: 0,
    });
    placement.put(0, 0);
    placement.put(1, 1);
    placement.put(2, 2);
    makeRoom(placement, () => true);
    expect([...placement.places]).toEqual([1, 2, 3, 0]);
  });
});
