import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Window } from '../config/schema.ts';
import { isInside, windowLengthMs, windowsBetween } from './window.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function windowOf(text: string): Window {
  const [startMinute = 0, endMinute = 0] = text.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  return { startMinute, endMinute };
}

/** The windows of one local day and its neighbours, as local times with offsets. */
function open(text: string, timezone: string, from: string, to: string): string[] {
  const ms = (at: string): number =>
    Temporal.PlainDateTime.from(at).toZonedDateTime(timezone).epochMilliseconds;
  const show = (at: number): string =>
    Temporal.Instant.fromEpochMilliseconds(at)
      .toZonedDateTimeISO(timezone)
      .toString({ timeZoneName: 'never', smallestUnit: 'minute' });
  return windowsBetween(windowOf(text), timezone, ms(from), ms(to)).map(
    ({ start, end }) => `${show(start)} ${show(end)}`,
  );
}

describe('windowsBetween', () => {
  it('opens once a day', () => {
    expect(open('02:00-06:00', 'Europe/Madrid', '2026-01-10T00:00', '2026-01-12T00:00')).toEqual([
      '2026-01-10T02:00+01:00 2026-01-10T06:00+01:00',
      '2026-01-11T02:00+01:00 2026-01-11T06:00+01:00',
    ]);
  });

  it('crosses midnight, and includes the window that is open at the beginning', () => {
    expect(open('22:00-02:00', 'America/New_York', '2026-01-10T01:00', '2026-01-10T23:00')).toEqual([
      '2026-01-09T22:00-05:00 2026-01-10T02:00-05:00',
      '2026-01-10T22:00-05:00 2026-01-11T02:00-05:00',
    ]);
  });

  it('leaves out what ends as the span begins, or begins as it ends', () => {
    expect(open('02:00-06:00', 'UTC', '2026-01-10T06:00', '2026-01-11T02:00')).toEqual([]);
    expect(open('02:00-06:00', 'UTC', '2026-01-10T05:59', '2026-01-11T02:01')).toHaveLength(2);
  });

  it('takes equal ends for the whole day', () => {
    expect(open('04:00-04:00', 'UTC', '2026-01-10T04:00', '2026-01-12T04:00')).toEqual([
      '2026-01-10T04:00+00:00 2026-01-11T04:00+00:00',
      '2026-01-11T04:00+00:00 2026-01-12T04:00+00:00',
    ]);
  });

  // Madrid: 2026-03-29 02:00 → 03:00, 2026-10-25 03:00 → 02:00. Lord Howe: half an hour, 2026-10-04 and 2026-04-05.
  // Santiago: at midnight, 2026-09-06 00:00 → 01:00.
  it.each([
    [
      'a start that clocks skip opens with the skip',
      '02:30-06:00',
      'Europe/Madrid',
      '2026-03-29',
      '03:00+02:00 06:00+02:00',
    ],
    [
      'an end that clocks skip comes as much later',
      '01:00-02:30',
      'Europe/Madrid',
      '2026-03-29',
      '01:00+01:00 03:30+02:00',
    ],
    [
      'a window inside of a skip opens behind it',
      '02:15-02:45',
      'Europe/Madrid',
      '2026-03-29',
      '03:00+02:00 03:45+02:00',
    ],
    [
      'a window over a skip is an hour shorter',
      '01:00-05:00',
      'Europe/Madrid',
      '2026-03-29',
      '01:00+01:00 05:00+02:00',
    ],
    [
      'a window over a repeated hour is an hour longer',
      '01:00-05:00',
      'Europe/Madrid',
      '2026-10-25',
      '01:00+02:00 05:00+01:00',
    ],
    [
      'a start shown twice is the first',
      '02:30-06:00',
      'Europe/Madrid',
      '2026-10-25',
      '02:30+02:00 06:00+01:00',
    ],
    [
      'an end shown twice is the first',
      '01:00-02:30',
      'Europe/Madrid',
      '2026-10-25',
      '01:00+02:00 02:30+02:00',
    ],
    [
      'half an hour is skipped',
      '02:15-04:00',
      'Australia/Lord_Howe',
      '2026-10-04',
      '02:30+11:00 04:00+11:00',
    ],
    [
      'half an hour is repeated',
      '01:45-04:00',
      'Australia/Lord_Howe',
      '2026-04-05',
      '01:45+11:00 04:00+10:30',
    ],
    ['a day begins late', '00:00-03:00', 'America/Santiago', '2026-09-06', '01:00-03:00 03:00-03:00'],
    [
      'a whole day ends as the next begins',
      '00:00-00:00',
      'America/Santiago',
      '2026-09-05',
      '00:00-04:00 01:00-03:00',
    ],
    [
      'a window ends as the next opens',
      '02:45-02:40',
      'Europe/Madrid',
      '2026-03-28',
      '02:45+01:00 03:00+02:00',
    ],
    ['nothing happens in UTC', '02:30-06:00', 'UTC', '2026-03-29', '02:30+00:00 06:00+00:00'],
  ])('%s', (_, text, timezone, day, expected) => {
    const shown = open(text, timezone, `${day}T12:00`, `${day}T12:01`);
    const found = shown.length > 0 ? shown : open(text, timezone, `${day}T00:00`, `${day}T12:00`);
    expect(found.map((span) => span.replaceAll(/\d{4}-\d{2}-\d{2}T/g, ''))).toContain(expected);
  });

  it('has no window on a day that a zone left out', () => {
    // Samoa went from the end of 2011-12-29 to the beginning of 2011-12-31.
    expect(open('02:00-06:00', 'Pacific/Apia', '2011-12-29T00:00', '2012-01-01T00:00')).toEqual([
      '2011-12-29T02:00-10:00 2011-12-29T06:00-10:00',
      '2011-12-31T02:00+14:00 2011-12-31T06:00+14:00',
    ]);
  });

  const zones = fc.constantFrom(
    'Europe/Madrid',
    'America/New_York',
    'Australia/Lord_Howe',
    'America/Santiago',
    'UTC',
  );
  const windows = fc.record({
    startMinute: fc.integer({ min: 0, max: 1439 }),
    endMinute: fc.integer({ min: 0, max: 1439 }),
  });
  const instants = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) });

  it('gives windows that are never empty, never overlap and are as long as they say but for the clock', () => {
    fc.assert(
      fc.property(windows, zones, instants, (window, timezone, from) => {
        const spans = windowsBetween(window, timezone, from, from + 30 * dayMs);
        expect(spans.length).toBeGreaterThanOrEqual(29);
        for (const [index, { start, end }] of spans.entries()) {
          expect(end).toBeGreaterThan(start);
          expect(start).toBeGreaterThanOrEqual(spans[index - 1]?.end ?? -Infinity);
          expect(Math.abs(end - start - windowLengthMs(window))).toBeLessThanOrEqual(hourMs);
        }
      }),
    );
  });

  it('agrees with isInside at every moment', () => {
    fc.assert(
      fc.property(windows, zones, instants, (window, timezone, at) => {
        const around = windowsBetween(window, timezone, at - 3 * dayMs, at + 3 * dayMs);
        expect(isInside(window, timezone, at)).toBe(around.some(({ start, end }) => start <= at && at < end));
      }),
    );
  });

  it('is open when clocks show a time inside of it, on days on which they are not set', () => {
    fc.assert(
      fc.property(windows, instants, (window, at) => {
        const minute = Math.floor((at % dayMs) / 60_000);
        const { startMinute, endMinute } = window;
        const inside =
          startMinute < endMinute
            ? minute >= startMinute && minute < endMinute
            : minute >= startMinute || minute < endMinute;
        expect(isInside(window, 'UTC', at)).toBe(inside);
      }),
    );
  });
});

describe('windowLengthMs', () => {
  it.each([
    ['02:00-06:00', 4],
    ['22:00-02:00', 4],
    ['00:00-00:00', 24],
    ['06:00-05:00', 23],
  ])('%s is %d hours long', (text, hours) => expect(windowLengthMs(windowOf(text))).toBe(hours * hourMs));
});
