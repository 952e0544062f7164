import { expect, it } from 'vitest';
import { formatPercent, formatPoints } from './share.ts';

it.each([
  [0, 0, '0 %'],
  [-0.004, 0, '0 %'],
  [-0.006, 0, '-1 %'],
  [-0.0004, 1, '0.0 %'],
  [-0.0006, 1, '-0.1 %'],
  [-0.1, 0, '-10 %'],
  [0.746, 0, '75 %'],
  [1, 1, '100.0 %'],
])('a share of %d in percent, with %d digits, is %s', (share, digits, text) => {
  expect(formatPercent(share, digits)).toBe(text);
});

it('a difference of shares is told in points', () => {
  expect([0.0123, -0.0001, -0.02].map(formatPoints)).toEqual(['1.2 points', '0.0 points', '-2.0 points']);
});
