import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from './size.ts';

describe('formatSize', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10 * 1024 + 512, '10.5 KiB'],
    [123_456, '121 KiB'],
    [1024 ** 2 - 100, '1 MiB'],
    [1024 ** 2, '1 MiB'],
    [1024 ** 3 * 2.25, '2.25 GiB'],
    [1024 ** 4 * 10, '10 TiB'],
    [1024 ** 5 * 5000, '5000 PiB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

  it('names a unit in which the figure is within one in a hundred of the truth', () => {
    const unit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4, PiB: 1024 ** 5 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        const [figure, name] = formatSize(bytes).split(' ');
        const read = Number(figure) * unit[name as keyof typeof unit];
        expect(Math.abs(read - bytes) / bytes).toBeLessThanOrEqual(0.01);
      }),
    );
  });
});

describe('parseSize', () => {
  it.each([
    ['20MiB', 20 * 1024 ** 2],
    ['1.5 GB', 1_500_000_000],
    ['64 kB', 64_000],
    ['7B', 7],
  ])('reads %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', '20', 'MiB', '20 mib', '20Mbit', '0MiB', '-1MiB', '1e3MiB', '9000PiB'])(
    'takes %o for no size',
    (text) => expect(parseSize(text)).toBeUndefined(),
  );

  it('reads back what formatSize writes, within one in a hundred', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (bytes) => {
        const read = parseSize(formatSize(bytes)) ?? 0;
        expect(Math.abs(read - bytes) / bytes).toBeLessThanOrEqual(0.01);
      }),
    );
  });
});
