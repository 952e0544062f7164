import fc from 'fast-check';
import { expect, it } from 'vitest';
import { placeAll } from './grid.ts';

const sized = fc.record({
  w: fc.integer({ min: 1, max: 24 }),
  h: fc.integer({ min: 1, max: 12 }),
  isHeading: fc.constant(false),
});

it('no two places overlap, and none leaves the grid', () => {
  fc.assert(
    fc.property(fc.array(sized, { maxLength: 12 }), (sizes) => {
      const cells = placeAll(sizes).flatMap(({ x, y, w, h }) =>
        Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      expect(cells.every((cell) => Number(cell.split(',')[0]) < 24)).toBe(true);
    }),
  );
});

it('low panels are stacked beside a high one, and a heading comes below them all', () => {
  const panel = { w: 8, h: 5, isHeading: false };
  expect(
    placeAll([{ w: 16, h: 10, isHeading: false }, panel, panel, { w: 24, h: 1, isHeading: true }, panel]),
  ).toEqual([
    { x: 0, y: 0, w: 16, h: 10 },
    { x: 16, y: 0, w: 8, h: 5 },
    { x: 16, y: 5, w: 8, h: 5 },
    { x: 0, y: 10, w: 24, h: 1 },
    { x: 0, y: 11, w: 8, h: 5 },
  ]);
});
