import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { table } from './output.ts';

const head = ['A', 'WHY'];
const rows = [
  ['one', 'it lies behind the window'],
  ['three', 'short'],
];

describe('a table', () => {
  it('has columns as wide as their widest cell', () => {
    expect(table(head, rows)).toBe('A      WHY\none    it lies behind the window\nthree  short');
  });

  it('goes on below the last column where that is wider than the terminal', () => {
    expect(table(head, rows, 27)).toBe('A      WHY\none    it lies behind the\n       window\nthree  short');
  });

  it('is left to the terminal where that is too narrow for it', () => {
    expect(table(head, rows, 26)).toBe(table(head, rows));
  });

  it('keeps every word, and within the width where words allow', () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    const sentence = fc.array(word, { minLength: 1, maxLength: 20 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.array(sentence, { minLength: 1 }), fc.integer({ min: 27, max: 120 }), (texts, width) => {
        const lines = table(
          head,
          texts.map((text) => ['name', text]),
          width,
        ).split('\n');
        expect(lines.every((line) => line.length <= width)).toBe(true);
        expect(lines.join(' ').match(/[a-z]+/g)).toEqual(
          texts.flatMap((text) => ['name', ...text.split(' ')]),
        );
      }),
    );
  });
});
