import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextOccurrences, type Recurring } from './recurrence.ts';
import { firstAfter, standing, Standings } from './standing.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const monday = Date.parse('2026-03-02T00:00:00Z');
const at = (text: string): number => Date.parse(`2026-03-${text}:00Z`);

const nightly: Recurring = {
  every: day,
  window: { startMinute: 120, endMinute: 360 },
  timezone: 'UTC',
  max_delay: 6 * hour,
};
const hourly: Recurring = { every: hour, timezone: 'UTC', max_delay: 30 * minute };

describe('a nightly schedule', () => {
  it('waits for its window', () => {
    const now = at('02T12:00');
    expect(standing(nightly, at('02T02:00'), now)).toMatchObject({ next: { windowStart: at('03T02:00') } });
    expect(standing(nightly, at('02T02:00'), now).missed).toBeUndefined();
  });

  it('runs as its window opens, and until its deadline where the host was off then', () => {
    for (const now of [at('03T02:00'), at('03T05:59'), at('03T12:00')]) {
      expect(standing(nightly, at('02T02:00'), now)).toMatchObject({ next: { dueAt: at('03T02:00') } });
      expect(standing(nightly, at('02T02:00'), now).missed).toBeUndefined();
    }
  });

  it('has missed it after the deadline', () => {
    expect(standing(nightly, at('02T02:00'), at('03T12:00') + 1)).toMatchObject({
      missed: { dueAt: at('03T02:00'), occurrences: 1 },
      next: { windowStart: at('04T02:00') },
    });
  });

  it('is caught up with once after days without power', () => {
    expect(standing(nightly, at('02T02:00'), at('09T03:00'))).toMatchObject({
      missed: { dueAt: at('08T02:00'), occurrences: 6 },
      next: { dueAt: at('09T02:00') },
    });
  });

  it('does not run again when the clock is set back over its start', () => {
    const settled = at('03T02:00');
    expect(standing(nightly, settled, at('03T01:30'))).toMatchObject({ next: { dueAt: at('04T02:00') } });
  });

  it('does not stop for years because a clock once stood years ahead', () => {
    const settled = monday + 5 * 365 * day;
    expect(standing(nightly, settled, at('02T12:00'))).toMatchObject({ next: { dueAt: at('03T02:00') } });
  });
});

describe('an hourly schedule', () => {
  it('takes the latest of several that could still be run', () => {
    const generous = { ...hourly, max_delay: 10 * hour };
    expect(standing(generous, at('02T03:00'), at('02T08:20'))).toMatchObject({
      missed: { dueAt: at('02T07:00'), occurrences: 4 },
      next: { dueAt: at('02T08:00') },
    });
  });

  it('counts a gap of at most a year', () => {
    const { missed } = standing(hourly, monday - 3 * 366 * day, monday + 45 * minute);
    expect(missed?.occurrences).toBe(366 * 24);
  });
});

describe('standing', () => {
  it('settles every occurrence exactly once, whenever it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 * hour }), { maxLength: 40 }), (steps) => {
        let now = monday;
        let settled = now;
        let accounted = 0;
        for (const step of steps) {
          now += step;
          const { missed, next } = standing(nightly, settled, now);
          if (missed !== undefined) {
            accounted += missed.occurrences;
            settled = missed.dueAt;
          }
          if (next !== undefined && next.windowStart <= now) {
            accounted += 1;
            settled = next.dueAt;
          }
        }
        const due = nextOccurrences(nightly, monday, now).filter(({ dueAt }) => dueAt <= settled);
        expect(accounted).toBe(due.length);
      }),
    );
  });
});

describe('Standings', () => {
  it('says at every moment what standing says, however time goes and whatever is settled', () => {
    const generous = { ...hourly, max_delay: 10 * hour };
    const schedules = fc.constantFrom(nightly, hourly, generous);
    const step = fc.record({
      schedule: schedules,
      // Mostly minutes; now and then a jump, also back.
      by: fc.oneof(fc.integer({ min: 1, max: 90 * minute }), fc.integer({ min: -2 * day, max: 2 * day })),
      settles: fc.constantFrom('nothing', 'missed', 'next', 'ahead'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const standings = new Standings();
        const settled = new Map<Recurring, number>();
        let now = monday;
        for (const { schedule, by, settles } of steps) {
          now += by;
          const until = settled.get(schedule) ?? monday;
          const found = standings.of(schedule, until, now);
          expect(found).toEqual(standing(schedule, until, now));
          if (settles === 'missed') settled.set(schedule, found.missed?.dueAt ?? until);
          if (settles === 'next') settled.set(schedule, found.next?.dueAt ?? until);
          if (settles === 'ahead') settled.set(schedule, now + 3 * day);
        }
      }),
    );
  });

  it('works out once what is asked again before anything is due', () => {
    const standings = new Standings();
    const first = standings.of(nightly, at('02T02:00'), at('02T12:00'));
    expect(standings.of(nightly, at('02T02:00'), at('03T01:59'))).toBe(first);
  });
});

describe('firstAfter', () => {
  it('finds what comes once in years, and knows what never comes', () => {
    const leap: Recurring = { cron: '0 0 29 2 *', timezone: 'UTC', max_delay: hour };
    expect(firstAfter(leap, monday)?.dueAt).toBe(Date.parse('2028-02-29T00:00:00Z'));
    expect(firstAfter(leap, Date.parse('2096-03-01T00:00:00Z'))?.dueAt).toBe(
      Date.parse('2104-02-29T00:00:00Z'),
    );
    expect(firstAfter(hourly, monday)?.dueAt).toBe(monday + hour);
  });
});
