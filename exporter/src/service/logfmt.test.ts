import { describe, expect, it } from 'vitest';
import { logfmt } from './logfmt.ts';

describe('logfmt', () => {
  it('has time, level and message first, and flattens what lies deeper', () => {
    const line = {
      level: 'warn',
      time: '2026-03-03T12:00:00.000Z',
      schedule: 'db',
      err: { code: 'store_full', hint: 'Free space.' },
      msg: 'it failed',
    };
    expect(logfmt(line)).toBe(
      'time=2026-03-03T12:00:00.000Z level=warn msg="it failed" schedule=db err.code=store_full err.hint="Free space."',
    );
  });

  it.each([
    ['a value with a quote', { a: 'say "no"' }, 'a="say \\"no\\""'],
    [
      'a line break, so that nobody writes a line of their own',
      { a: 'x\nlevel=error' },
      'a="x\\nlevel=error"',
    ],
    ['an equals sign', { a: 'b=c' }, 'a="b=c"'],
    ['an empty text', { a: '' }, 'a=""'],
    ['a number, a list and nothing', { a: 1.5, b: [1, 'x'], c: null, d: undefined }, 'a=1.5 b="[1,\\"x\\"]"'],
    ['a key with blanks', { 'a b=': 1 }, 'a_b_=1'],
    ['text of any language', { a: 'größe夜' }, 'a=größe夜'],
  ])('writes %s', (_, line, text) => {
    expect(logfmt(line)).toBe(text);
  });
});
