import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonceBytes } from './file-key.ts';
import { checkMac, encodeHeader, HeaderParser, paddedHeaderBytes, parseHeader } from './header.ts';
import { generateIdentity, recipientOf } from './identity.ts';
import { newHeader } from './recipients.ts';
import type { Stanza } from './stanza.ts';

const fileKey = randomBytes(16);
const small: Stanza = { args: ['type', 'argument'], body: randomBytes(50) };
const mac = Buffer.alloc(32, 1).toString('base64').replace('=', '');

/** A header of these lines; the MAC's line is right in form. */
const text = (...lines: string[]): Buffer =>
  Buffer.from(`${['age-encryption.org/v1', ...lines, `--- ${mac}`].join('\n')}\n`, 'latin1');

describe('a header', () => {
  it('fills one page of 4 KiB together with the nonce, for up to 40 X25519 recipients', async () => {
    const recipient = await recipientOf(await generateIdentity('x25519'));
    for (let count = 1; count <= 40; count += 1) {
      const { bytes, fileKey: key } = await newHeader(Array.from({ length: count }, () => recipient));
      expect([count, bytes.length + nonceBytes]).toEqual([count, 4096]);
      const header = parseHeader(bytes);
      expect(header.stanzas.map((stanza) => stanza.args[0])).toEqual([
        ...Array.from({ length: count }, () => 'X25519'),
        'x-grease',
      ]);
      checkMac(header, key);
    }
    const { bytes } = await newHeader(Array.from({ length: 41 }, () => recipient));
    expect(bytes.length).toBeGreaterThan(paddedHeaderBytes);
    expect(parseHeader(bytes).stanzas).toHaveLength(41);
  });

  it('fills one page for one and two post-quantum recipients', async () => {
    const recipient = await recipientOf(await generateIdentity('hybrid'));
    for (const recipients of [[recipient], [recipient, recipient]]) {
      const { bytes, fileKey: key } = await newHeader(recipients);
      expect(bytes.length + nonceBytes).toBe(4096);
      checkMac(parseHeader(bytes), key);
    }
    const three = await newHeader([recipient, recipient, recipient]);
    expect(parseHeader(three.bytes).stanzas).toHaveLength(3);
  });

  it('of a passphrase is not padded, for that stanza has to stand alone', () => {
    const bytes = encodeHeader([{ args: ['scrypt', 'salt', '10'], body: randomBytes(32) }], fileKey);
    expect(parseHeader(bytes).stanzas).toHaveLength(1);
  });

  it('is read the same from pieces of any size, and no further than its end', () => {
    const bytes = encodeHeader([small, { args: ['other'], body: randomBytes(96) }], fileKey);
    const file = Buffer.concat([bytes, randomBytes(300)]);
    const cuts = fc
      .array(fc.nat(file.length), { maxLength: 30 })
      .map((at) => [...at, file.length].sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (ends) => {
        const parser = new HeaderParser();
        let start = 0;
        for (const end of ends) {
          const done = parser.push(file.subarray(start, end));
          if (done !== undefined) {
            expect(start + done.used).toBe(bytes.length);
            expect(done.header).toEqual(parseHeader(bytes));
            return;
          }
          start = end;
        }
        expect.unreachable('the header has no end');
      }),
    );
  });

  it('is refused for any flipped bit: in form, or by its MAC', () => {
    const bytes = Buffer.from(encodeHeader([small], fileKey));
    const body = bytes.indexOf('-> x-grease');
    const at = fc.oneof(
      fc.integer({ min: 0, max: body + 20 }),
      fc.integer({ min: 1, max: 60 }).map((back) => bytes.length - back),
    );
    fc.assert(
      fc.property(at, fc.nat(7), (index, bit) => {
        const changed = Buffer.from(bytes);
        changed[index]! ^= 1 << bit;
        expect(() => checkMac(parseHeader(changed), fileKey)).toThrow(
          expect.objectContaining({ code: 'header_invalid' }),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('is refused under another file key', () => {
    const header = parseHeader(encodeHeader([small], fileKey));
    checkMac(header, fileKey);
    expect(() => checkMac(header, randomBytes(16))).toThrow(/MAC does not fit/);
  });
});

describe('a malformed header is refused, with its line', () => {
  it.each([
    ['no stanza', text(), 'no stanza'],
    ['a body without a stanza', text('AAAA'), 'line 2 (at byte 22) neither begins'],
    ['a stanza without arguments', text('->', ''), 'line 2 (at byte 22) neither begins'],
    ['a stanza with an empty argument', text('-> ', ''), 'an empty argument'],
    ['two spaces', text('-> a  b', ''), 'an empty argument'],
    ['a trailing space', text('-> a ', ''), 'an empty argument'],
    ['a tab', text('-> a\tb', ''), 'visible ASCII'],
    ['a carriage return', text('-> a\r', ''), 'visible ASCII'],
    ['a letter beyond ASCII', text('-> \xe9', ''), 'visible ASCII'],
    ['DEL', text('-> a\x7f', ''), 'visible ASCII'],
    ['a long body line', text('-> a', 'A'.repeat(65), ''), 'line 3 (at byte 27) is longer than 64'],
    ['a missing short line', text('-> a', 'A'.repeat(64)), 'line 4 (at byte 92) is not canonical'],
    ['padded base64', text('-> a', 'AA=='), 'not canonical base64'],
    ['base64 with bits left over', text('-> a', 'AB'), 'not canonical base64'],
    ['base64 of an impossible length', text('-> a', 'A'), 'not canonical base64'],
    ['URL-safe base64', text('-> a', '_-AA'), 'not canonical base64'],
    ['a space in base64', text('-> a', 'AA AA'), 'not canonical base64'],
    ['a CR in base64', text('-> a', 'AAAA\r'), 'not canonical base64'],
    ['a short MAC', Buffer.from('age-encryption.org/v1\n-> a\n\n--- AAAA\n'), 'MAC of the wrong length'],
    ['no MAC', Buffer.from('age-encryption.org/v1\n-> a\n\n---\n'), 'neither begins'],
    [
      'a passphrase beside a key',
      text('-> scrypt a', '', '-> X25519 a', ''),
      'stands beside other recipients',
    ],
    ['nothing', Buffer.alloc(0), 'the file is empty'],
    ['an end in the middle', text('-> a', '').subarray(0, 30), 'ends inside it, after 30 bytes'],
  ])('%s', (_name, bytes, message) => {
    expect(() => parseHeader(bytes)).toThrow(
      expect.objectContaining({
        code: 'header_invalid',
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it.each([
    'age-encryption.org/v2\n',
    'age-encryption.org/v1\r\n',
    'age-encryption.org/v10\n',
    '\nage',
    'x',
    'PK\x03\x04',
  ])('what is no age file, as soon as that can be seen: %j', (start) => {
    const parser = new HeaderParser();
    expect(() => Array.from(start).map((letter) => parser.push(Buffer.from(letter)))).toThrow(/no age file/);
  });
});

describe('the limits', () => {
  const ofStanzas = (count: number): Buffer => text(...Array.from({ length: count }, () => '-> a\n'));
  /** One stanza with arguments enough to make a header of `bytes`. */
  const ofBytes = (bytes: number): Buffer => text(`-> ${'a'.repeat(bytes - text('-> ', '').length)}`, '');

  it('are 128 stanzas', () => {
    expect(parseHeader(ofStanzas(128)).stanzas).toHaveLength(128);
    expect(() => parseHeader(ofStanzas(129))).toThrow(/more than 128 stanzas/);
  });

  it('are 64 KiB, beyond which nothing is read', () => {
    expect(parseHeader(ofBytes(65_536)).bytes).toHaveLength(65_536);
    expect(() => parseHeader(ofBytes(65_537))).toThrow(/longer than 64 KiB/);
    const parser = new HeaderParser();
    const endless = Buffer.concat([Buffer.from('age-encryption.org/v1\n-> '), Buffer.alloc(64 * 1024, 'a')]);
    expect(() => parser.push(endless)).toThrow(/longer than 64 KiB/);
  });

  it('hold for writing: no file is made that could not be read again', () => {
    const x25519 = (count: number): Stanza[] =>
      Array.from({ length: count }, () => ({ args: ['X25519', 'a'.repeat(43)], body: new Uint8Array(32) }));
    expect(parseHeader(encodeHeader(x25519(128), fileKey)).stanzas).toHaveLength(128);
    const long: Stanza = { args: ['a', 'a'.repeat(65_536)], body: new Uint8Array(32) };
    for (const tooMuch of [x25519(129), [long]]) {
      expect(() => encodeHeader(tooMuch, fileKey)).toThrow(
        expect.objectContaining({ code: 'recipient_invalid' }),
      );
    }
  });
});
