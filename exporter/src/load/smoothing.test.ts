import { describe, expect, it } from 'vitest';
import { smoothed } from './smoothing.ts';

const stepsPerDay = 288;
const stepsPerHour = 12;

const course = (load: (step: number) => number, length = stepsPerDay): Float64Array =>
  Float64Array.from({ length }, (_, step) => load(step));

describe('smoothed', () => {
  it('spreads over its neighbours what comes once', () => {
    const once = smoothed(
      course((step) => (step === 100 ? 0.64 : 0)),
      stepsPerDay,
    );
    expect([...once.subarray(96, 105)].map((load) => Math.round(load * 1e6) / 1e6)).toEqual([
      0, 0.01, 0.06, 0.15, 0.2, 0.15, 0.06, 0.01, 0,
    ]);
  });

  it.each([
    ['every hour', 12],
    ['every half hour', 6],
    ['every ten minutes', 2],
  ])('keeps as sharp as it is what comes %s, on a load that rises and falls by day', (_, every) => {
    const daily = (step: number): number => 0.4 + 0.2 * Math.sin((2 * Math.PI * step) / stepsPerDay);
    const isWork = (step: number): boolean => step % every === 1;
    const kept = smoothed(
      course((step) => daily(step) + (isWork(step) ? 0.3 : 0), 2 * stepsPerDay),
      stepsPerDay,
    );
    for (let step = 6; step < 2 * stepsPerDay - 6; step += 1) {
      expect(kept[step]).toBeCloseTo(daily(step) + (isWork(step) ? 0.3 : 0), 2);
    }
  });

  it('hears no echo of a busy hour in the others', () => {
    const nightly = smoothed(
      course((step) => (step >= 24 && step < 30 ? 0.9 : 0.1)),
      stepsPerDay,
    );
    for (let step = 40; step < stepsPerDay; step += 1) expect(nightly[step]).toBeCloseTo(0.1, 9);
  });

  it('keeps to what most hours have in common where some have not', () => {
    const byDay = (step: number): number => {
      const hour = step / stepsPerHour;
      return 0.1 + (hour >= 4 && step % stepsPerHour === 3 ? 0.5 : 0);
    };
    const kept = smoothed(course(byDay), stepsPerDay);
    for (let step = 6 * stepsPerHour; step < stepsPerDay - 6; step += 1) {
      expect(kept[step]).toBeCloseTo(byDay(step), 6);
    }
  });

  it.each([1, 24, 48, 100])('leaves a constant as it is, with %i steps a day', (steps) => {
    for (const load of smoothed(
      course(() => 0.3, 2 * steps),
      steps,
    ))
      expect(load).toBeCloseTo(0.3, 12);
  });
});
