import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader, parseHeader } from './header.ts';
import { encodeStanza, paddingStanza, type Stanza } from './stanza.ts';

const fileKey = Buffer.alloc(16, 7);

/** Through a header, the only place a stanza is read in. */
const readBack = (stanza: Stanza): Stanza | undefined =>
  parseHeader(encodeHeader([stanza], fileKey)).stanzas[0];

const arg = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
});

describe('a stanza', () => {
  it('is read back as it was written, whatever visible ASCII and bytes it is made of', () => {
    fc.assert(
      fc.property(
        fc.tuple(arg, fc.array(arg, { maxLength: 4 })),
        fc.uint8Array({ maxLength: 200 }),
        ([type, more], body) => {
          fc.pre(type !== 'scrypt');
          expect(readBack({ args: [type, ...more], body })).toEqual({
            args: [type, ...more],
            body: Buffer.from(body),
          });
        },
      ),
    );
  });

  it.each([0, 1, 47, 48, 49, 95, 96, 97])(
    'with a body of %i bytes ends in a line shorter than the others',
    (bytes) => {
      const lines = encodeStanza({ args: ['type', 'a'], body: new Uint8Array(bytes) })
        .split('\n')
        .slice(1, -1);
      expect(lines.map((line) => line.length)).toEqual([
        ...Array.from({ length: Math.floor(bytes / 48) }, () => 64),
        Math.ceil(((bytes % 48) * 4) / 3),
      ]);
    },
  );
});

describe('padding', () => {
  const shortest = encodeStanza({ args: ['x-grease', 'A'], body: new Uint8Array(0) }).length;

  it('takes up exactly the bytes asked for, from its shortest form to more than a page', () => {
    for (let bytes = shortest; bytes <= 4200; bytes += 1) {
      const padding = paddingStanza(bytes)!;
      const { length } = encodeStanza(padding);
      if (length !== bytes) expect.unreachable(`asked for ${bytes} bytes, got ${length}`);
      expect(readBack(padding)).toEqual({ args: padding.args, body: Buffer.from(padding.body) });
    }
  });

  it('is left out where there is no room for it', () => {
    for (let bytes = -100; bytes < shortest; bytes += 1) expect(paddingStanza(bytes)).toBeUndefined();
  });
});
