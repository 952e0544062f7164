import { describe, expect, it } from 'vitest';
import { fixedStart } from './fixed-start.ts';

const at = (text: string): number => Date.parse(text);

describe('a fixed time', () => {
  it.each([
    ['within the window', '2026-03-10T22:00Z', '2026-03-11T06:00Z', 'UTC', '2026-03-11T02:00Z'],
    ['as it opens', '2026-03-11T02:00Z', '2026-03-11T06:00Z', 'UTC', '2026-03-11T02:00Z'],
    ['as it closes', '2026-03-11T00:00Z', '2026-03-11T02:00Z', 'UTC', '2026-03-11T02:00Z'],
    ['outside: as the window opens', '2026-03-10T09:00Z', '2026-03-10T17:00Z', 'UTC', '2026-03-10T09:00Z'],
    [
      'by the clocks of the zone',
      '2026-03-09T22:00Z',
      '2026-03-10T06:00Z',
      'America/New_York',
      '2026-03-10T06:00Z',
    ],
    ['where clocks skip it', '2026-03-28T23:00Z', '2026-03-29T04:00Z', 'Europe/Madrid', '2026-03-29T01:00Z'],
    ['of a window of days', '2026-03-10T03:00Z', '2026-03-15T03:00Z', 'UTC', '2026-03-11T02:00Z'],
  ])('is 02:00 %s', (_, from, until, timezone, expected) => {
    expect(fixedStart({ from: at(from), until: at(until), timezone })).toBe(at(expected));
  });
});
