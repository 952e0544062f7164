import { randomBytes } from 'node:crypto';
import { armor } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { dearmor, isArmored } from './armor.ts';

const file = Buffer.concat([Buffer.from('age-encryption.org/v1\n'), randomBytes(300)]);
const armored = armor.encode(file);

describe('ASCII armor', () => {
  it.each([
    ['as it is made', armored],
    ['with CRLF', armored.replaceAll('\n', '\r\n')],
    ['with blank lines around', `\n\r\n \t${armored}\n\n`],
    ['without a last line end', armored.trimEnd()],
  ])('is recognised and taken off: %s', (_name, text) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(isArmored(bytes)).toBe(true);
    expect(file.equals(dearmor(bytes))).toBe(true);
  });

  it('is not seen in a binary file, or in nothing', () => {
    expect([file, Buffer.alloc(0), Buffer.from('--')].map(isArmored)).toEqual([false, false, false]);
  });

  const lines = armored.trimEnd().split('\n');
  it.each([
    ['no end', lines.slice(0, -1)],
    [
      'a line missing',
      [...lines.slice(0, 2), ...lines.slice(3)].map((line, index) => (index === 1 ? line.slice(4) : line)),
    ],
    ['another label', [lines[0]!.replace('AGE ENCRYPTED FILE', 'PRIVATE KEY'), ...lines.slice(1)]],
    ['headers inside', [lines[0]!, 'Comment: mine', '', ...lines.slice(1)]],
    ['text after it', [...lines, 'and more']],
    ['a letter beyond base64', [lines[0]!, `*${lines[1]!.slice(1)}`, ...lines.slice(2)]],
  ])('that is damaged is refused: %s', (_name, damaged) => {
    expect(() => dearmor(Buffer.from(`${damaged.join('\n')}\n`, 'latin1'))).toThrow(
      expect.objectContaining({ code: 'header_invalid' }),
    );
  });
});
