import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const keys = ['id', 'source', 'every', 'cron', 'window', 'max_delay', 'stores', 'keep', 'verify'];

describe('nearest', () => {
  it.each([
    ['stroes', 'stores'],
    ['store', 'stores'],
    ['maxDelay', 'max_delay'],
    ['max-delay', 'max_delay'],
    ['MAX_DELAY', 'max_delay'],
    ['windows', 'window'],
    ['keeps', 'keep'],
    ['crom', 'cron'],
    ['ID', 'id'],
    ['di', 'id'],
    ['ever', 'every'],
  ])('takes %s for %s', (written, meant) => expect(nearest(written, keys)).toBe(meant));

  it.each(['retention', 'xyz', 'schedule', '', 'a'])('does not guess what %j may be', (written) =>
    expect(nearest(written, keys)).toBeUndefined(),
  );

  it('takes the nearest of several', () => {
    expect(nearest('dayly', ['monthly', 'weekly', 'daily'])).toBe('daily');
    expect(nearest('postgresql', ['mysql', 'postgres', 'sqlite'])).toBe('postgres');
    expect(nearest('anything', [])).toBeUndefined();
  });
});
