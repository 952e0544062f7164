import { describe, expect, it } from 'vitest';
import { expectedDuration } from './learned.ts';

describe('expectedDuration', () => {
  it('is the guess until three runs have been seen', () => {
    expect(expectedDuration([], 5000)).toBe(5000);
    expect(expectedDuration([1, 2], 5000)).toBe(5000);
    expect(expectedDuration([10, 20, 30], 5000)).toBe(30);
  });

  it('is not led astray by one odd run of ten', () => {
    expect(expectedDuration([100, 101, 99, 100, 102, 98, 100, 100, 100, 9000], 1)).toBe(102);
  });

  it('is never nothing', () => {
    expect(expectedDuration([0, 0, 0], 5000)).toBe(1);
  });
});
