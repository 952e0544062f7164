import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { placeBeside, placeLabels } from './labels.ts';
import { tickLabel, ticksOf } from './ticks.ts';
import { extentOf, panned, tideRange, timeScale, zoomed } from './time-scale.ts';
import { dayMs, hourMs } from './zone.ts';

const at = (text: string): number => Date.parse(text);
const moment = fc.integer({ min: at('2015-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') });

describe('the time scale', () => {
  it('shows the past and the coming 48 hours with now in the middle', () => {
    const now = at('2026-03-28T12:00:00Z');
    const scale = timeScale(tideRange(now), 960);
    expect(scale.x(now)).toBe(480);
    expect(scale.x(now - 48 * hourMs)).toBe(0);
    expect(scale.at(970)).toBe(now + 49 * hourMs);
  });

  it('keeps what is under the pointer there while zooming, within the limits', () => {
    const limits = { shortestMs: hourMs, longestMs: 30 * dayMs };
    fc.assert(
      fc.property(
        moment,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.001, max: 1000, noNaN: true }),
        (from, share, factor) => {
          const range = { from, until: from + 4 * dayMs };
          const pointer = from + share * 4 * dayMs;
          const next = zoomed(range, factor, pointer, limits);
          expect(timeScale(next, 1000).x(pointer)).toBeCloseTo(share * 1000, 3);
          expect(next.until - next.from).toBeGreaterThanOrEqual(hourMs - 1);
          expect(next.until - next.from).toBeLessThanOrEqual(30 * dayMs + 1);
        },
      ),
    );
  });

  it('moves by a share, and back', () => {
    expect(panned({ from: 0, until: 100 }, 0.25)).toEqual({ from: 25, until: 125 });
    expect(panned(panned({ from: 0, until: 100 }, 0.5), -0.5)).toEqual({ from: 0, until: 100 });
  });

  it('cuts stretches at its ends, and leaves out those that lie beyond', () => {
    const scale = timeScale({ from: 1000, until: 2000 }, 100);
    expect(extentOf(scale, 500, 1500)).toEqual({ x: 0, width: 50 });
    expect(extentOf(scale, 1900, 2500)).toEqual({ x: 90, width: 10 });
    expect(extentOf(scale, 0, 999)).toBeUndefined();
    expect(extentOf(scale, 2000, 2100)).toBeUndefined();
  });

  it('refuses an axis without time or room', () => {
    expect(() => timeScale({ from: 5, until: 5 }, 100)).toThrow(RangeError);
    expect(() => timeScale({ from: 5, until: 6 }, 0)).toThrow(RangeError);
  });
});

describe('ticks', () => {
  const english = (timezone: string) => formatFor({ language: 'en', timezone });
  const shown = (from: string, until: string, timezone: string, most: number): string[] =>
    ticksOf({ from: at(from), until: at(until) }, timezone, most).map((tick) =>
      tickLabel(tick, timezone, english(timezone)),
    );

  it('lie at round local times, days first', () => {
    expect(shown('2026-01-09T20:00:00Z', '2026-01-10T12:00:00Z', 'Europe/Madrid', 6)).toEqual([
      '21:00',
      'Sat, Jan 10',
      '03:00',
      '06:00',
      '09:00',
      '12:00',
    ]);
  });

  it('leave out the hour that is skipped in spring', () => {
    expect(shown('2026-03-28T23:00:00Z', '2026-03-29T03:00:00Z', 'Europe/Madrid', 5)).toEqual([
      'Sun, Mar 29',
      '01:00',
      '03:00',
      '04:00',
      '05:00',
    ]);
  });

  it('have the hour of autumn twice, told apart', () => {
    expect(shown('2026-10-24T22:00:00Z', '2026-10-25T03:00:00Z', 'Europe/Madrid', 6)).toEqual([
      'Sun, Oct 25',
      '01:00',
      '02:00',
      '02:00 UTC+1',
      '03:00',
      '04:00',
    ]);
  });

  it('begin a day that has no midnight with its first moment', () => {
    const [day] = ticksOf(
      { from: at('2026-04-23T21:30:00Z'), until: at('2026-04-24T04:00:00Z') },
      'Africa/Cairo',
      7,
    );
    expect(day).toEqual({ at: at('2026-04-23T22:00:00Z'), kind: 'day', isRepeated: false });
    expect(english('Africa/Cairo').time(day!.at)).toBe('01:00');
    expect(shown('2026-04-23T21:30:00Z', '2026-04-24T01:00:00Z', 'Africa/Cairo', 4)).toEqual([
      'Fri, Apr 24',
      '02:00',
      '03:00',
      '04:00',
    ]);
  });

  it('name the offset of half an hour on Lord Howe Island, and one west of Greenwich', () => {
    expect(shown('2026-04-04T14:30:00Z', '2026-04-04T15:31:00Z', 'Australia/Lord_Howe', 4)).toContain(
      '01:30 UTC+10:30',
    );
    expect(shown('2026-11-01T03:00:00Z', '2026-11-01T06:00:00Z', 'America/St_Johns', 6)).toContain(
      '01:30 UTC−3:30',
    );
  });

  it('turn to weeks on Mondays and to months', () => {
    expect(shown('2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z', 'UTC', 6)).toEqual([
      'Mon, Mar 2',
      'Mon, Mar 9',
      'Mon, Mar 16',
      'Mon, Mar 23',
      'Mon, Mar 30',
    ]);
    expect(shown('2025-11-20T00:00:00Z', '2026-12-01T00:00:00Z', 'Europe/Madrid', 5)).toEqual([
      'Jan 2026',
      'Apr 2026',
      'Jul 2026',
      'Oct 2026',
    ]);
  });

  it('are in order, within the range, never twice at one moment, and not many more than asked for', () => {
    const zone = fc.constantFrom(
      'Europe/Madrid',
      'America/St_Johns',
      'Africa/Cairo',
      'Australia/Lord_Howe',
      'UTC',
    );
    const length = fc.integer({ min: 2, max: 2 * 365 * 24 * 60 }).map((minutes) => minutes * 60_000);
    fc.assert(
      fc.property(moment, length, zone, fc.integer({ min: 2, max: 20 }), (from, lengthMs, timezone, most) => {
        const moments = ticksOf({ from, until: from + lengthMs }, timezone, most).map((tick) => tick.at);
        expect(moments).toEqual([...new Set(moments)].sort((a, b) => a - b));
        expect(moments.every((tick) => tick >= from && tick <= from + lengthMs)).toBe(true);
        expect(moments.length).toBeLessThanOrEqual(most * 1.2 + 3);
      }),
      { numRuns: 300 },
    );
  });
});

describe('labels', () => {
  const label = fc.record({
    x: fc.integer({ min: -20, max: 520 }),
    width: fc.integer({ min: 1, max: 120 }),
    weight: fc.integer({ min: 0, max: 3 }),
  });

  it('never overlap, stay within, and leave out only what a heavier or earlier one keeps from its place', () => {
    fc.assert(
      fc.property(fc.array(label, { maxLength: 40 }), (labels) => {
        const placed = placeLabels(labels, { from: 0, until: 500, gap: 4 });
        placed.forEach(({ left, label: { width } }, index) => {
          expect(left).toBeGreaterThanOrEqual(0);
          expect(left + width).toBeLessThanOrEqual(500);
          const next = placed[index + 1];
          if (next !== undefined) expect(next.left).toBeGreaterThanOrEqual(left + width + 4);
        });
        const onAxis = labels.filter(({ x }) => x >= 0 && x <= 500);
        const heaviest = Math.max(...onAxis.map(({ weight }) => weight));
        if (onAxis.length > 0) {
          expect(placed.some(({ label: { weight } }) => weight === heaviest)).toBe(true);
        }
      }),
    );
  });

  it('move into sight at the ends', () => {
    const [first, last] = placeLabels(
      [
        { x: 0, width: 40, weight: 1 },
        { x: 495, width: 40, weight: 1 },
      ],
      { from: 0, until: 500, gap: 4 },
    );
    expect([first?.left, last?.left]).toEqual([0, 460]);
  });

  it('stand in their mark, else behind it, else before it, else nowhere', () => {
    const room = { from: 0, until: 300, gap: 2 };
    expect(placeBeside([{ x: 10, width: 50, label: 30 }], room)).toEqual([20]);
    expect(placeBeside([{ x: 10, width: 5, label: 30 }], room)).toEqual([17]);
    expect(placeBeside([{ x: 290, width: 5, label: 30 }], room)).toEqual([258]);
    expect(
      placeBeside(
        [
          { x: 10, width: 5, label: 30 },
          { x: 20, width: 5, label: 30 },
        ],
        room,
      ),
    ).toEqual([undefined, 27]);
  });

  it('are left out where they would stand behind another mark than their own', () => {
    const over = [
      { x: 10, width: 50, label: 60 },
      { x: 20, width: 5, label: 10 },
    ];
    expect(placeBeside(over, { from: 0, until: 300, gap: 2 })).toEqual([undefined, undefined]);
  });

  it('of marks in one row touch no other mark and no other label', () => {
    const gaps = fc.array(
      fc.record({
        gap: fc.integer({ min: 0, max: 60 }),
        width: fc.integer({ min: 2, max: 60 }),
        label: fc.integer({ min: 5, max: 50 }),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(gaps, (rows) => {
        let end = 0;
        const marks = rows.map(({ gap, width, label: text }) => {
          const x = end + gap;
          end = x + width;
          return { x, width, label: text };
        });
        const lefts = placeBeside(marks, { from: 0, until: 400, gap: 2 });
        const texts = marks.flatMap((mark, index) => {
          const left = lefts[index];
          return left === undefined ? [] : [{ left, right: left + mark.label, index }];
        });
        for (const { left, right, index } of texts) {
          expect(left).toBeGreaterThanOrEqual(0);
          marks.forEach((mark, other) => {
            if (other !== index) expect(right <= mark.x || left >= mark.x + mark.width).toBe(true);
          });
          for (const other of texts) {
            if (other.index > index) expect(right).toBeLessThanOrEqual(other.left);
          }
        }
      }),
    );
  });
});
