import { describe, expect, it } from 'vitest';
import { keyAgeFindings } from './key-age.ts';
import type { Key } from './keystore.ts';

const dayMs = 86_400_000;
const key = (state: Key['state'], createdAt: number): Key => ({
  id: `key-00000000000${createdAt / dayMs}`,
  recipient: 'age1sample',
  state,
  createdAt,
  origin: 'generated',
  purpose: 'backup',
});

describe('the age of keys', () => {
  it.each<[string, readonly Key[], number | undefined, number, number]>([
    ['is as it may be', [key('active', 0)], 30 * dayMs, 30 * dayMs, 0],
    ['is too great', [key('active', 0)], 30 * dayMs, 30 * dayMs + 1, 1],
    [
      'matters of the active key alone',
      [key('retiring', 0), key('active', 9 * dayMs)],
      30 * dayMs,
      39 * dayMs,
      0,
    ],
    ['may be any', [key('active', 0)], undefined, 9999 * dayMs, 0],
    ['is not known without a key', [], dayMs, 9999 * dayMs, 0],
    ['is not too great where the clock was set back', [key('active', 9 * dayMs)], dayMs, 0, 0],
  ])('%s', (_, keys, maxAge, now, findings) => {
    expect(keyAgeFindings(keys, maxAge, now)).toHaveLength(findings);
  });

  it('is told with the remedy', () => {
    expect(keyAgeFindings([key('active', 0)], 30 * dayMs, 40 * dayMs + 1)).toEqual([
      'the active key key-000000000000 is 40d old, older than max_key_age (30d): run lowtide rotate',
    ]);
  });
});
