import { randomBytes } from 'node:crypto';
import { base64nopad, bech32 } from '@scure/base';
import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from './identity.ts';
import type { Stanza } from './stanza.ts';
import { isX25519Recipient, wrapForX25519, X25519Identity } from './x25519.ts';

const text = await generateIdentity('x25519');
const identity = new X25519Identity(text);
const recipient = await recipientOf(text);
const fileKey = randomBytes(16);

/** Every encoding of a point of order 1, 2, 4 or 8 (cr.yp.to/ecdh.html), which any secret turns into zero. */
const lowOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((hex) => {
  // The highest bit is ignored: each is a second encoding of the same point.
  const masked = Buffer.from(hex, 'hex');
  masked[31]! |= 0x80;
  return [hex, masked.toString('hex')];
});

const stanza = (...args: string[]): Stanza => ({ args: ['X25519', ...args], body: randomBytes(32) });
const share = base64nopad.encode(randomBytes(32));

describe('the X25519 wrapping', () => {
  it('gives back the file key to its identity, and to no other', async () => {
    const wrapped = wrapForX25519(recipient, fileKey);
    expect(fileKey.equals(identity.unwrap([wrapped])!)).toBe(true);
    expect(new X25519Identity(await generateIdentity('x25519')).unwrap([wrapped])).toBeUndefined();
  });

  it('finds its stanza among others', async () => {
    const other = wrapForX25519(await recipientOf(await generateIdentity('x25519')), randomBytes(16));
    const unknown: Stanza = { args: ['x-grease'], body: new Uint8Array(0) };
    const stanzas = [unknown, other, wrapForX25519(recipient, fileKey), other];
    expect(fileKey.equals(identity.unwrap(stanzas)!)).toBe(true);
    expect(identity.unwrap([unknown, other])).toBeUndefined();
    expect(identity.unwrap([])).toBeUndefined();
  });

  it('is different each time', () => {
    const wrapped = Array.from({ length: 10 }, () => wrapForX25519(recipient, fileKey));
    expect(new Set(wrapped.map(({ args }) => args[1])).size).toBe(10);
  });

  it('does not open for any flipped bit of share or body', () => {
    const { args, body } = wrapForX25519(recipient, fileKey);
    for (let bit = 0; bit < 256; bit += 1) {
      const changed = Buffer.from(body);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(identity.unwrap([{ args, body: changed }])).toBeUndefined();
      const point = Buffer.from(base64nopad.decode(args[1]!));
      point[bit >> 3]! ^= 1 << (bit & 7);
      expect(identity.unwrap([{ args: [args[0], base64nopad.encode(point)], body }])).toBeUndefined();
    }
  });
});

describe('a point of low order', () => {
  it.each(lowOrder)('%s is refused in a stanza and as a recipient', (hex) => {
    const point = Buffer.from(hex, 'hex');
    expect(() => identity.unwrap([stanza(base64nopad.encode(point))])).toThrow(
      expect.objectContaining({
        code: 'header_invalid',
        message: expect.stringContaining('low order') as string,
      }),
    );
    const written = bech32.encode('age', bech32.toWords(point));
    expect(isX25519Recipient(written)).toBe(true);
    expect(() => wrapForX25519(written, fileKey)).toThrow(
      expect.objectContaining({
        code: 'recipient_invalid',
        message: expect.stringContaining('low order') as string,
      }),
    );
  });
});

describe('a malformed stanza', () => {
  it.each<[string, Stanza]>([
    ['without a share', stanza()],
    ['with an argument too many', stanza(share, 'more')],
    ['with a share that is short', stanza(base64nopad.encode(randomBytes(31)))],
    ['with a share that is long', stanza(base64nopad.encode(randomBytes(33)))],
    ['with a share in padded base64', stanza(`${share}=`)],
    ['with a share that is no base64', stanza('!'.repeat(43))],
    ['with a body that is short', { ...stanza(share), body: randomBytes(31) }],
    ['with a body that is long', { ...stanza(share), body: randomBytes(48) }],
    ['with no body', { ...stanza(share), body: new Uint8Array(0) }],
  ])('%s is refused', (_name, malformed) => {
    expect(() => identity.unwrap([malformed])).toThrow(expect.objectContaining({ code: 'header_invalid' }));
  });
});
