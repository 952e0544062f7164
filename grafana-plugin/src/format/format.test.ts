import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFor } from './format.ts';

const en = formatFor({ language: 'en', timezone: 'Europe/Madrid' });
const es = formatFor({ language: 'es', timezone: 'Europe/Madrid' });
const plain = (text: string): string => text.replace(/\s/gu, ' ');

describe('durations', () => {
  it.each([
    [0, '0 sec', '0 s'],
    [0.4, '0 sec', '0 s'],
    [59.6, '1 min', '1 min'],
    [90, '1 min 30 sec', '1 min 30 s'],
    [3599, '59 min 59 sec', '59 min 59 s'],
    [7199, '2 hr', '2 h'],
    [8130, '2 hr 16 min', '2 h 16 min'],
    [86_399, '1 day', '1 d'],
    [200_000, '2 days 8 hr', '2 d 8 h'],
    [-5, '0 sec', '0 s'],
  ])('shows %d seconds in two units', (seconds, english, spanish) => {
    expect(plain(en.duration(seconds))).toBe(english);
    expect(plain(es.duration(seconds))).toBe(spanish);
  });

  it('never shows a full larger unit, and is off by half of the smaller one at most', () => {
    const unitSeconds: Record<string, number> = { day: 86_400, days: 86_400, hr: 3600, min: 60, sec: 1 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * 86_400 }), (seconds) => {
        const parts = [...plain(en.duration(seconds)).matchAll(/([\d,]+) ([a-z]+)/g)].map(
          ([, count = '', unit = '']) => ({
            count: Number(count.replace(',', '')),
            size: unitSeconds[unit] ?? NaN,
          }),
        );
        expect(parts.length).toBeLessThanOrEqual(2);
        parts.slice(1).forEach(({ count, size }, index) => {
          expect(count * size).toBeLessThan(parts[index]!.size);
        });
        const shown = parts.reduce((sum, { count, size }) => sum + count * size, 0);
        const tolerance = seconds < 3600 ? 0 : seconds < 86_400 ? 30 : 1800;
        expect(Math.abs(shown - seconds)).toBeLessThanOrEqual(tolerance);
      }),
    );
  });
});

describe('relative times', () => {
  it.each([
    [0.3, 'now', 'ahora'],
    [-40, '40 seconds ago', 'hace 40 segundos'],
    [3576, 'in 1 hour', 'dentro de 1 hora'],
    [86_000, 'in 1 day', 'dentro de 1 día'],
    [-10_000, '3 hours ago', 'hace 3 horas'],
    [-40 * 86_400, '40 days ago', 'hace 40 días'],
  ])('shows %d seconds from now', (seconds, english, spanish) => {
    expect(plain(en.relative(seconds))).toBe(english);
    expect(plain(es.relative(seconds))).toBe(spanish);
  });
});

describe('sizes and rates', () => {
  it.each([
    [0, '0 B', '0 B'],
    [1023, '1,023 B', '1023 B'],
    [1023.6, '1 KiB', '1 KiB'],
    [1536, '1.5 KiB', '1,5 KiB'],
    [1_048_575, '1 MiB', '1 MiB'],
    [12_345_678, '11.8 MiB', '11,8 MiB'],
    [987_654_321, '942 MiB', '942 MiB'],
    [5e18, '4,441 PiB', '4441 PiB'],
  ])('shows %d bytes', (bytes, english, spanish) => {
    expect(en.size(bytes)).toBe(english);
    expect(es.size(bytes)).toBe(spanish);
    expect(es.rate(bytes)).toBe(`${spanish}/s`);
  });

  it('grows with what it shows', () => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    const read = (text: string): number => {
      const [number = '', unit = ''] = text.split(' ');
      return Number(number.replace(',', '')) * 1024 ** units.indexOf(unit);
    };
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e17, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (bytes, by) => {
          expect(read(en.size(bytes * by))).toBeGreaterThanOrEqual(read(en.size(bytes)));
        },
      ),
    );
  });
});

describe('moments', () => {
  const beforeSpring = Date.parse('2026-03-29T00:59:00Z');

  it('are shown in the time zone, also on the night on which it changes', () => {
    expect(en.time(beforeSpring)).toBe('01:59');
    expect(en.exactTime(beforeSpring + 7000)).toBe('01:59:07');
    expect(en.time(beforeSpring + 60_000)).toBe('03:00');
    expect(plain(es.moment(beforeSpring))).toBe('dom, 29 mar, 01:59');
    expect(en.day(beforeSpring)).toBe('Sun, Mar 29');
    expect(plain(es.month(beforeSpring))).toBe('mar 2026');
  });

  it('show midnight as 00:00', () => {
    expect(en.time(Date.parse('2026-01-09T23:00:00Z'))).toBe('00:00');
  });
});

describe('lists, shares and counts', () => {
  it('name the first and count the rest', () => {
    expect(en.list(['a', 'b', 'c'])).toBe('a, b, and c');
    expect(es.list(['a', 'b', 'c', 'd'], 2)).toBe('a, b y +2');
    expect(en.list(['a', 'b'], 2)).toBe('a and b');
    expect(en.list([])).toBe('');
  });

  it('are rounded as the language does', () => {
    expect(en.percent(0.345)).toBe('35%');
    expect(plain(es.percent(0.345))).toBe('35 %');
    expect(en.count(12_345)).toBe('12,345');
    expect(es.count(12_345)).toBe('12.345');
  });
});
