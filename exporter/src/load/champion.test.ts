import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayMs } from '../schedule/zone.ts';
import { judgeForecasts } from './champion.ts';
import type { ForecastScore } from './score.ts';

/** One score a day; `gain`: by how much yesterday's curve chose better. */
function scores(gains: readonly number[]): readonly ForecastScore[] {
  return gains.map((gain, day) => ({
    origin: (20_000 + day) * dayMs,
    regret: { learned: 0.1 + gain, yesterday: 0.1 },
    error: { learned: 0.05, yesterday: 0.05 },
    randomRegret: 0.3,
  }));
}

const days = (count: number, gain: (day: number) => number): readonly number[] =>
  Array.from({ length: count }, (_, day) => gain(day));

describe('judgeForecasts', () => {
  it('follows what was learned until there is evidence against it', () => {
    expect(judgeForecasts([])).toEqual({ champion: 'learned', days: 0 });
    expect(judgeForecasts(scores(days(6, () => 0.1))).champion).toBe('learned');
    expect(judgeForecasts(scores(days(7, () => 0.1))).champion).toBe('yesterday');
  });

  it('takes chance for chance, and a difference that nobody would notice for none', () => {
    const odd = days(21, (day) => (day === 5 ? 0.4 : day % 2 === 0 ? 0.02 : -0.02));
    expect(judgeForecasts(scores(odd)).champion).toBe('learned');
    expect(judgeForecasts(scores(days(21, () => 0.002))).champion).toBe('learned');
  });

  it('returns to what was learned only once that has not been worse', () => {
    const turned = (worseDays: number): readonly number[] => [
      ...days(21, () => 0.02),
      ...days(worseDays, () => -0.02),
    ];
    // After eight days yesterday's curve is still ahead over three weeks, though not beyond doubt.
    expect(judgeForecasts(scores(turned(8))).champion).toBe('yesterday');
    expect(judgeForecasts(scores(turned(12))).champion).toBe('learned');
    // Without the days before, nothing would have spoken against what was learned.
    expect(judgeForecasts(scores(turned(8).slice(-16))).champion).toBe('learned');
  });

  it('tells how both have fared over the last three weeks, each day alike', () => {
    const [first, ...rest] = scores(days(30, (day) => (day < 9 ? 0.5 : 0.02)));
    if (first === undefined) throw new Error('there are scores');
    // A second score of the last day must not make that count twice.
    const last = rest.at(-1) ?? first;
    const accuracy = judgeForecasts([first, ...rest, { ...last, origin: last.origin + dayMs / 4 }]);
    expect(accuracy.days).toBe(21);
    expect(accuracy.figures?.regret.learned).toBeCloseTo(0.12, 10);
    expect(accuracy.figures?.regret.yesterday).toBeCloseTo(0.1, 10);
    expect(accuracy.figures?.randomRegret).toBeCloseTo(0.3, 10);
  });

  it('never follows yesterday for a mean that is not better', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { maxLength: 60 }), (gains) => {
        const { champion, figures } = judgeForecasts(scores(gains));
        if (champion === 'yesterday') {
          expect(figures?.regret.yesterday).toBeLessThan(figures?.regret.learned ?? 0);
        }
      }),
    );
  });
});
