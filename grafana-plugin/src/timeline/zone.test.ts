import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowsBetween as openWindows } from '../../../exporter/src/schedule/window.ts';
import { windowsBetween } from './windows.ts';
import { hourMs, zoneOf } from './zone.ts';

const at = (text: string): number => Date.parse(text);

/** By day and by night, by half an hour, across a day of the calendar, and none at all. */
const names = [
  'Europe/Madrid',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'UTC',
];
const zone = fc.constantFrom(...names);
const moment = fc.integer({
  min: at('2010-01-01T00:00:00Z') / 60_000,
  max: at('2035-01-01T00:00:00Z') / 60_000,
});

describe('a zone', () => {
  it('has the offsets that Temporal knows', () => {
    fc.assert(
      fc.property(zone, moment, (name, minute) => {
        const { offsetNanoseconds } = Temporal.Instant.fromEpochMilliseconds(
          minute * 60_000,
        ).toZonedDateTimeISO(name);
        expect(zoneOf(name).offsetAt(minute * 60_000)).toBe(offsetNanoseconds / 1e6);
      }),
      { numRuns: 300 },
    );
  });

  it('finds the change of the clock to the second', () => {
    const madrid = zoneOf('Europe/Madrid');
    const change = at('2026-03-29T01:00:00Z');
    expect(madrid.offsetAt(change - 1)).toBe(hourMs);
    expect(madrid.offsetAt(change)).toBe(2 * hourMs);
  });

  it('shows a repeated time twice and a skipped time never', () => {
    const madrid = zoneOf('Europe/Madrid');
    expect(madrid.moments(at('2026-10-25T02:30:00Z'))).toEqual([
      at('2026-10-25T00:30:00Z'),
      at('2026-10-25T01:30:00Z'),
    ]);
    expect(madrid.moments(at('2026-03-29T02:30:00Z'))).toEqual([]);
    expect(madrid.first(at('2026-03-29T02:30:00Z'))).toBe(at('2026-03-29T01:00:00Z'));
    expect(madrid.carried(at('2026-03-29T02:30:00Z'))).toBe(at('2026-03-29T01:30:00Z'));
  });

  it('finds the moments that Temporal finds', () => {
    fc.assert(
      fc.property(zone, moment, (name, minute) => {
        const local = Temporal.Instant.fromEpochMilliseconds(minute * 60_000)
          .toZonedDateTimeISO('UTC')
          .toPlainDateTime();
        const first = local.toZonedDateTime(name, { disambiguation: 'earlier' });
        const second = local.toZonedDateTime(name, { disambiguation: 'later' });
        const there = [first, second].filter((moment) => moment.toPlainDateTime().equals(local));
        const expected = [...new Set(there.map(({ epochMilliseconds }) => epochMilliseconds))];
        expect(zoneOf(name).moments(minute * 60_000)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a name that is none', () => {
    expect(() => zoneOf('Europe/Atlantis')).toThrow(RangeError);
  });
});

describe('windows', () => {
  it('are those of the exporter, in every zone and on every night', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(zone, moment, minute, minute, (timezone, from, startMinute, endMinute) => {
        const [start, end] = [from * 60_000, from * 60_000 + 72 * hourMs];
        expect(windowsBetween({ startMinute, endMinute, timezone }, start, end)).toEqual(
          openWindows({ startMinute, endMinute }, timezone, start, end),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('are those of the exporter around each change of the clock in each zone', () => {
    const changes = names.flatMap((name) => {
      const found: { name: string; change: number }[] = [];
      let next = Temporal.ZonedDateTime.from(`2010-06-01T00:00[${name}]`).getTimeZoneTransition('next');
      while (next !== null && next.year < 2030) {
        found.push({ name, change: next.epochMilliseconds });
        next = next.getTimeZoneTransition('next');
      }
      return found;
    });
    expect(changes.length).toBeGreaterThan(300);
    for (const { name, change } of changes) {
      // The last one is open all day but for ten minutes, in which a changed clock may close it.
      for (const [start, length] of [
        [90, 75],
        [150, 75],
        [30, 75],
        [75, 75],
        [100, 1430],
        [40, 1430],
      ] as const) {
        const shifted = { startMinute: start, endMinute: (start + length) % 1440 };
        const [from, until] = [change - 24 * hourMs, change + 24 * hourMs];
        expect(windowsBetween({ ...shifted, timezone: name }, from, until), `${name} ${change}`).toEqual(
          openWindows(shifted, name, from, until),
        );
      }
    }
  });
});
