import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

const hourMs = 3_600_000;

describe('parseDuration', () => {
  it.each([
    ['45m', 45 * 60_000],
    ['6h', 6 * hourMs],
    ['30d', 30 * 24 * hourMs],
    ['1w', 7 * 24 * hourMs],
    ['1y', 365 * 24 * hourMs],
    ['1h30m', 1.5 * hourMs],
    ['90s', 90_000],
    ['250ms', 250],
    ['1m500ms', 60_500],
    ['0h5m', 300_000],
    ['007s', 7000],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each([
    '',
    '0',
    '0s',
    '0d0h',
    '5',
    'm',
    '1.5h',
    '-1h',
    '+1h',
    '1 h',
    ' 1h',
    '1h ',
    '1H',
    '1m1h',
    '1h1h',
    '1hour',
    '9'.repeat(30) + 'd',
  ])('refuses %j', (text) => expect(parseDuration(text)).toBeUndefined());
});

describe('formatDuration', () => {
  it.each([
    [5_400_000, '1h30m'],
    [86_400_000, '1d'],
    [604_800_000, '7d'],
    [31_536_000_000, '365d'],
    [61_001, '1m1s1ms'],
    [0.4, '0s'],
    [0, '0s'],
    [-5, '0s'],
  ])('writes %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('writes what parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
