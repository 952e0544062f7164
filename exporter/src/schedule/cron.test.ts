import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron, type CronPattern } from './cron.ts';
import { dayMs, minuteMs } from './zone.ts';

function patternOf(text: string): CronPattern {
  const parsed = parseCron(text);
  if ('problem' in parsed) throw new Error(`${text} ${parsed.problem}`);
  return parsed;
}

/** The minutes of a UTC day at which a pattern fires. */
function minutesOn(text: string, day: number): number[] {
  const pattern = patternOf(text);
  if (!pattern.matchesDay(day)) return [];
  return pattern.hours.flatMap((hour) => pattern.minutes.map((minute) => hour * 60 + minute));
}

describe('parseCron', () => {
  it.each([
    ['30 2 * * *', [2], [30]],
    ['*/20 8-10 * * *', [8, 9, 10], [0, 20, 40]],
    ['5,1,3 0 * * *', [0], [1, 3, 5]],
    ['10-30/10 */12 * * *', [0, 12], [10, 20, 30]],
    ['  0\t4  * * * ', [4], [0]],
    ['@daily', [0], [0]],
    ['@HOURLY', Array.from({ length: 24 }, (_, hour) => hour), [0]],
  ])('reads the times of %j', (text, hours, minutes) => {
    expect(patternOf(text)).toMatchObject({ hours, minutes });
  });

  it.each([
    // 2026-03-01 is a Sunday.
    ['0 0 * * sun', [1, 8, 15, 22, 29]],
    ['0 0 * * 7', [1, 8, 15, 22, 29]],
    ['0 0 * * fri-sun', [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28, 29]],
    ['0 0 1 * *', [1]],
    ['0 0 31 * *', [31]],
    ['0 0 1 MAR *', [1]],
    ['0 0 1 apr *', []],
    ['0 0 13 * fri', [6, 13, 20, 27]],
    ['0 0 */10 * sun', [1]],
    ['@monthly', [1]],
    ['@weekly', [1, 8, 15, 22, 29]],
    ['@yearly', []],
  ])('%s fires on these days of March 2026: %j', (text, days) => {
    const first = Date.UTC(2026, 2, 1) / dayMs;
    const found = Array.from({ length: 31 }, (_, index) => index + 1).filter((day) =>
      patternOf(text).matchesDay(first + day - 1),
    );
    expect(found).toEqual(days);
  });

  it.each([
    ['', 'has 0 fields: five belong there, minute hour day month weekday, as in 30 2 * * *'],
    ['2', 'has 1 field: five belong there, minute hour day month weekday, as in 30 2 * * *'],
    ['0 0 2 * * *', 'has 6 fields: five belong there, minute hour day month weekday, as in 30 2 * * *'],
    ['60 2 * * *', 'has no minute 60: minutes go from 0 to 59'],
    ['0 24 * * *', 'has no hour 24: hours go from 0 to 23'],
    ['0 0 0 * *', 'has no day 0: days go from 1 to 31'],
    ['0 0 * 13 *', 'has no month 13: months go from 1 to 12'],
    ['0 0 * * 8', 'has no weekday 8: weekdays go from 0 to 7'],
    ['0 0 30 feb *', 'never comes: there is no day 30 in that month'],
    ['0 0 31 4,6,9,11 *', 'never comes: there is no day 31 in that month'],
    ['*/0 * * * *', 'has a step for the minute that is no number above zero'],
    ['0 5- * * *', 'has nothing where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 1,,2 * * *', 'has nothing where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 ? * * *', 'has "?" where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 1-2-3 * * *', 'has "1-2-3" where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 *-3 * * *', 'has "*" where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 -1 * * *', 'has nothing where the hour belongs: write *, 2, 1-5, 1,3 or */2'],
    ['0 5/2 * * *', 'has a step without a range, 5/2: write 5-23/2'],
    ['0 9-5 * * *', 'has a range that runs backwards, 9-5: the smaller value comes first'],
    ['0 0 * * mon#1', 'has "mon#1" where the weekday belongs: write *, 2, 1-5, 1,3 or */2'],
    [
      '@reboot',
      'is no nickname that is known: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually',
    ],
  ])('refuses %j and says why', (text, problem) => expect(parseCron(text)).toEqual({ problem }));

  it('fires when croner, an implementation of others, fires', () => {
    const range = (min: number, max: number): fc.Arbitrary<string> =>
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const item = (min: number, max: number): fc.Arbitrary<string> =>
      fc.oneof(
        fc.integer({ min, max }).map(String),
        range(min, max),
        fc.tuple(range(min, max), fc.integer({ min: 1, max: 7 })).map(([span, step]) => `${span}/${step}`),
      );
    const list = (min: number, max: number): fc.Arbitrary<string> =>
      fc.array(item(min, max), { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
    const field = (min: number, max: number): fc.Arbitrary<string> =>
      fc.oneof(
        fc.constant('*'),
        list(min, max),
        fc.integer({ min: 1, max: 7 }).map((step) => `*/${step}`),
      );
    // `*/2` restricts days for croner and does not for cron(8): only where both agree can one judge the other.
    const day = (min: number, max: number): fc.Arbitrary<string> =>
      fc.oneof(fc.constant('*'), list(min, max));
    fc.assert(
      fc.property(
        fc
          .tuple(field(0, 59), field(0, 23), day(1, 28), field(1, 12), day(0, 7))
          .map((words) => words.join(' ')),
        fc.integer({ min: 0, max: 20_000 }),
        (text, firstDay) => {
          const judge = new Cron(text, { mode: '5-part', utcOffset: 0, paused: true });
          let next = judge.nextRun(new Date(firstDay * dayMs - 1));
          const ours: number[] = [];
          for (let day = firstDay; ours.length < 5 && day < firstDay + 3000; day += 1) {
            ours.push(...minutesOn(text, day).map((minute) => day * dayMs + minute * minuteMs));
          }
          for (const at of ours.slice(0, 5)) {
            expect(new Date(at).toISOString()).toBe(next?.toISOString());
            next = judge.nextRun(next);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
