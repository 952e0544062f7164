import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostStrain } from '../load/load.ts';
import {
  floorOf,
  fullPace,
  lengthOf,
  nextPace,
  pauseOf,
  probeSteps,
  stepsPerTurn,
  type Pace,
  type RunTime,
  type TurnReport,
} from './pace.ts';

const marks = { cpu: 0.85, pressure: { cpu: 0.6, memory: 0.2, disk: 0.5 } };
const turnMs = 16_000;
const stepMs = turnMs / stepsPerTurn;
const minute = 60_000;

const calm = { cpu: 0, memory: 0, disk: 0 };
const strain = (cpu: number, pressure: Partial<HostStrain['pressure']>, allCpu = cpu): HostStrain => ({
  cpu,
  allCpu,
  pressure: { ...calm, ...pressure },
});
/** A turn without a stop in which others took so much of the processors. */
const report = (cpu: number, seen: Partial<HostStrain['pressure']> = {}): TurnReport => ({
  seen: strain(cpu, seen),
});
/** A turn in which runs waited for the disk, and while they were stopped there was so much of others. */
const stopped = (cpu: number, alone: Partial<HostStrain['pressure']> = {}): TurnReport => ({
  ...report(cpu, { disk: 0.9 }),
  alone: strain(cpu, alone),
});

function after(pace: Pace, ...reports: readonly TurnReport[]): Pace {
  return reports.reduce((before, each) => nextPace(before, each, marks), pace);
}

/** With all the time there is: what the pace alone asks for. */
const free: RunTime = { now: 0, startedAt: 0, finishBy: 1e9, expectedMs: 1, workedMs: 0 };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const unknown = fc.oneof(share, fc.constant(NaN));
const anyPressure = fc.record({ cpu: unknown, memory: unknown, disk: unknown });
const anyStrain = fc.record({ cpu: unknown, allCpu: unknown, pressure: anyPressure });
const anyReport: fc.Arbitrary<TurnReport> = fc.record(
  { seen: anyStrain, alone: anyStrain },
  { requiredKeys: ['seen'] },
);
const anyPace = fc.array(anyReport, { maxLength: 12 }).map((reports) => after(fullPace, ...reports));

describe('the pace', () => {
  it('is full on a quiet host, and halves turn by turn above a mark, to an eighth', () => {
    expect(after(fullPace, report(0.5))).toMatchObject({ share: 1, probes: false });
    let pace = fullPace;
    for (const expected of [1 / 2, 1 / 4, 1 / 8, 1 / 8]) {
      pace = after(pace, report(0.9));
      expect(pace).toMatchObject({ share: expected, why: 'cpu' });
    }
    for (const expected of [1 / 4, 1 / 2, 1]) {
      pace = after(pace, stopped(0.1));
      expect(pace.share).toBe(expected);
    }
    expect(pace.why).toBeUndefined();
  });

  it.each(['cpu', 'memory', 'disk'] as const)('slows down by the pressure of %s that others have', (of) => {
    expect(after(fullPace, stopped(0.1, { [of]: 0.7 }))).toMatchObject({ share: 0.5, why: `${of}_pressure` });
  });

  it('stays as it is about a mark', () => {
    const slowed = after(fullPace, report(0.9));
    expect(after(slowed, report(0.84), report(0.78), report(0.8)).share).toBe(0.5);
    expect(after(slowed, stopped(0.1, { disk: 0.48 })).share).toBe(0.5);
    expect(after(slowed, stopped(0.1, { disk: 0.44 })).share).toBe(1);
  });

  it('is not slowed down by pressure while runs work, but looks whose it is', () => {
    const asking = after(fullPace, report(0.2, { disk: 0.9 }));
    expect(asking).toMatchObject({ share: 1, probes: true });
    expect(pauseOf(asking, free, turnMs)).toBe(probeSteps * stepMs);
    expect(after(asking, stopped(0.2, { disk: 0.8 }))).toMatchObject({ share: 0.5, why: 'disk_pressure' });
    expect(after(asking, stopped(0.2, { disk: 0 }))).toMatchObject({ share: 1, probes: false });
  });

  it('looks ever more seldom while the pressure is its own', () => {
    const probes: number[] = [];
    let pace = fullPace;
    for (let turn = 0; turn < 300; turn += 1) {
      if (pace.probes) probes.push(turn);
      pace = after(pace, pace.probes ? stopped(0.2) : report(0.2, { disk: 1, cpu: 1 }));
      expect(pace.share).toBe(1);
    }
    const gaps = probes.slice(1).map((turn, index) => turn - (probes[index] ?? 0));
    expect(gaps).toEqual([9, 17, 33, 65, 65, 65]);
  });

  it('looks who would have the processors where they are full, unless that is plain', () => {
    const full = (others: number): TurnReport => ({ seen: strain(others, {}, 1) });
    const asking = after(fullPace, full(0.6));
    expect(asking).toMatchObject({ share: 1, probes: true });
    expect(after(asking, { ...full(0.6), alone: strain(0.95, {}) })).toMatchObject({
      share: 0.5,
      why: 'cpu',
    });
    expect(after(asking, { ...full(0.6), alone: strain(0.6, {}) })).toMatchObject({ share: 1 });
    expect(after(fullPace, full(0.3))).toMatchObject({ share: 1, probes: false });
    // Others have nearly all of them when they are let: slowed down it stays.
    const slowed = after(fullPace, report(0.9));
    expect(after(slowed, { ...full(0.6), alone: strain(0.8, {}) }).share).toBe(0.5);
    expect(after(slowed, { ...full(0.6), alone: strain(0.7, {}) }).share).toBe(1);
  });

  it('never asks whose pressure on the processors it is: that others use them tells enough', () => {
    expect(after(fullPace, report(0.2, { cpu: 1 }))).toMatchObject({ share: 1, probes: false });
  });

  it('goes faster again where nobody can tell whose pressure it is', () => {
    let pace = after(fullPace, report(0.9), report(0.9), report(0.9));
    for (let turn = 0; turn < 40; turn += 1) pace = after(pace, report(0.1, { disk: 1 }));
    expect(pace.share).toBe(1);
  });

  it('takes what is not known for no reason to slow down', () => {
    const blind = strain(NaN, { cpu: NaN, memory: NaN, disk: NaN });
    const slowed = after(fullPace, report(0.9));
    expect(after(slowed, { seen: blind }).share).toBe(1);
    expect(after(slowed, { seen: blind, alone: blind }).share).toBe(1);
  });

  it('goes one way only while the host stays as it is', () => {
    fc.assert(
      fc.property(anyPace, anyReport, (begin, same) => {
        const shares = [begin.share];
        let pace = begin;
        for (let turn = 0; turn < 80; turn += 1) {
          pace = nextPace(pace, same, marks);
          shares.push(pace.share);
        }
        const steps = shares.slice(1).map((each, index) => Math.sign(each - (shares[index] ?? 0)));
        expect(new Set(steps.filter((step) => step !== 0)).size).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('never changes within the band below a mark', () => {
    const within = fc.double({ min: 0.9 * marks.cpu + 1e-9, max: marks.cpu, noNaN: true });
    fc.assert(
      fc.property(anyPace, fc.array(within, { minLength: 1, maxLength: 20 }), (begin, loads) => {
        const pace = after({ ...begin, probes: false }, ...loads.map((cpu) => stopped(cpu)));
        expect(pace.share).toBe(begin.share);
      }),
    );
  });

  it('is full again three turns after whatever it was', () => {
    fc.assert(
      fc.property(anyPace, (begin) => {
        expect(after(begin, stopped(0), stopped(0), stopped(0)).share).toBe(1);
      }),
    );
  });
});

const anyRun = fc
  .record({
    startedAt: fc.integer({ min: 0, max: 100 * minute }),
    expectedMs: fc.integer({ min: 1, max: 600 * minute }),
    stretch: fc.double({ min: 1, max: 4, noNaN: true }),
    gone: fc.double({ min: 0, max: 1.5, noNaN: true }),
    worked: share,
    done: fc.option(share, { nil: undefined }),
  })
  .map(({ startedAt, expectedMs, stretch, gone, worked, done }): RunTime => {
    const finishBy = startedAt + expectedMs * stretch;
    const now = startedAt + gone * (finishBy - startedAt);
    const run = { now, startedAt, finishBy, expectedMs, workedMs: worked * (now - startedAt) };
    return done === undefined ? run : { ...run, done };
  });

describe('the floor', () => {
  it('begins at an eighth and rises with the time', () => {
    const run = { ...free, finishBy: 100, workedMs: 1 };
    expect(floorOf(run)).toBe(1 / 8);
    expect(floorOf({ ...run, now: 50 })).toBe(0.5);
    expect(floorOf({ ...run, now: 99 })).toBe(0.99);
    expect(floorOf({ ...run, now: 100 })).toBe(1);
    expect(floorOf({ ...run, now: 1000 })).toBe(1);
  });

  it('is what the run needs where that is more, by its time or by its bytes', () => {
    const run = { ...free, finishBy: 100, expectedMs: 60 };
    expect(floorOf(run)).toBe(0.6);
    expect(floorOf({ ...run, workedMs: 30 })).toBe(0.3);
    expect(floorOf({ ...run, workedMs: 30, done: 0.25 })).toBe(0.45);
    expect(floorOf({ ...run, workedMs: 30, done: 0.9 })).toBe(0.3);
  });

  it('is kept in every turn, and no stop is longer than seven eighths of one', () => {
    fc.assert(
      fc.property(anyPace, anyRun, (pace, run) => {
        const pause = pauseOf(pace, run, turnMs);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual((7 / 8) * turnMs);
        expect(1 - pause / turnMs).toBeGreaterThanOrEqual(floorOf(run) - 1e-9);
        expect(pause % stepMs).toBe(0);
        if (run.now >= run.finishBy) expect(pause).toBe(0);
      }),
    );
  });

  it('lets every run end in time that takes as long as it is expected to, whatever the host does', () => {
    const ofSize = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1000, max });
    const expected = fc.oneof(ofSize(minute), ofSize(300 * minute));
    const stretch = fc.double({ min: 1.25, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        expected,
        stretch,
        share,
        fc.array(anyReport, { minLength: 1 }),
        (ms, by, part, reports) => {
          const finishBy = ms * by;
          const end = endOf({ expectedMs: ms, finishBy, workMs: 1 + (ms - 1) * part }, reports);
          expect(end).toBeLessThanOrEqual(finishBy + 1e-6);
        },
      ),
    );
  });

  it('lets a run that takes longer work without a stop once its time is over', () => {
    const bad = report(1);
    const end = endOf({ expectedMs: 10 * minute, finishBy: 30 * minute, workMs: 60 * minute }, [bad]);
    expect(end).toBeGreaterThan(60 * minute);
    expect(end).toBeLessThanOrEqual(90 * minute);
  });
});

/** When a run of so much work ends, if the host is as reported, over and over again. */
function endOf(
  { expectedMs, finishBy, workMs }: { expectedMs: number; finishBy: number; workMs: number },
  reports: readonly TurnReport[],
): number {
  let pace = fullPace;
  let now = 0;
  let workedMs = 0;
  for (let turn = 0; ; turn += 1) {
    const done = Math.min(1, workedMs / workMs);
    const pause = pauseOf(pace, { now, startedAt: 0, finishBy, expectedMs, workedMs, done }, turnMs);
    const length = lengthOf(pace, turnMs);
    const working = length - pause;
    if (workedMs + working >= workMs) return now + pause + workMs - workedMs;
    workedMs += working;
    now += length;
    pace = nextPace(pace, reports[turn % reports.length] ?? report(1), marks);
  }
}
