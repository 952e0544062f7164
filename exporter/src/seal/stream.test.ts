import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchBytes,
  chunkBytes,
  openChunks,
  sealChunks,
  sealedBatchBytes,
  sealedChunkBytes,
  type OpenedChunks,
} from './stream.ts';

const key = createSecretKey(randomBytes(32));
const tagBytes = 16;
const noise = randomBytes(3 * batchBytes + 1);

const seal = (plain: Uint8Array): Buffer =>
  Buffer.from(sealChunks(key, plain, { first: 0, last: true }).buffer);
const open = (sealed: Uint8Array): OpenedChunks => openChunks(key, sealed, { first: 0, last: true });

/** Cuts as a line does: full batches, of which the last may be short. */
function* batches(
  bytes: Uint8Array,
  size: number,
): Generator<{ part: Uint8Array; first: number; last: boolean }> {
  const chunks = batchBytes / chunkBytes;
  for (let index = 0; index === 0 || index * size < bytes.length; index += 1) {
    const part = bytes.subarray(index * size, (index + 1) * size);
    yield { part, first: index * chunks, last: (index + 1) * size >= bytes.length };
  }
}

const edges = [
  0,
  1,
  chunkBytes - 1,
  chunkBytes,
  chunkBytes + 1,
  2 * chunkBytes,
  5 * chunkBytes,
  batchBytes - 1,
  batchBytes,
  batchBytes + 1,
  batchBytes + chunkBytes,
  2 * batchBytes,
  3 * batchBytes + 1,
];

describe('a payload', () => {
  it.each(edges)('of %i bytes is sealed and opened the same in one go and in batches', (size) => {
    const plain = noise.subarray(0, size);
    const sealed = seal(plain);
    expect(sealed.length).toBe(size + tagBytes * Math.max(1, Math.ceil(size / chunkBytes)));
    const pieces = [...batches(plain, batchBytes)].map(({ part, ...at }) => sealChunks(key, part, at));
    expect(Buffer.concat(pieces).equals(sealed)).toBe(true);

    const { plain: whole, fault } = open(sealed);
    expect(fault).toBeUndefined();
    expect(plain.equals(whole)).toBe(true);
    const opened = [...batches(sealed, sealedBatchBytes)].map(({ part, ...at }) => openChunks(key, part, at));
    expect(opened.map((each) => each.fault)).toEqual(opened.map(() => undefined));
    expect(plain.equals(Buffer.concat(opened.map((each) => each.plain)))).toBe(true);
  });

  it('comes in buffers of its own, which may be handed to another thread', () => {
    for (const bytes of [seal(noise.subarray(0, 5)), open(seal(noise.subarray(0, 5))).plain]) {
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }
  });

  it('gives every chunk another nonce, far beyond 2^32 of them as well', () => {
    const plain = noise.subarray(0, 10);
    const numbers = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 48 - 1];
    const sealed = numbers.flatMap((first) => [
      Buffer.from(sealChunks(key, noise.subarray(0, chunkBytes), { first, last: false })).toString(
        'latin1',
        0,
        10,
      ),
      Buffer.from(sealChunks(key, plain, { first, last: true })).toString('latin1', 0, 10),
    ]);
    expect(new Set(sealed).size).toBe(sealed.length);
    expect(() => sealChunks(key, plain, { first: 2 ** 48, last: true })).toThrow(RangeError);
  });

  it.each([
    { bytes: 0, first: 0, last: false },
    { bytes: 0, first: 1, last: true },
    { bytes: 1, first: 0, last: false },
    { bytes: chunkBytes - 1, first: 0, last: false },
    { bytes: chunkBytes + 1, first: 16, last: false },
  ])('is never sealed with a chunk that has to be full and is not: %o', ({ bytes, ...at }) => {
    expect(() => sealChunks(key, noise.subarray(0, bytes), at)).toThrow(RangeError);
  });
});

/** Sizes with chunk edges among them; two chunks and a bit at most, so that many can be tried. */
const size = fc.oneof(
  fc.nat(200),
  fc.integer({ min: 0, max: 40 }).map((more) => chunkBytes - 20 + more),
  fc.integer({ min: 0, max: 40 }).map((more) => 2 * chunkBytes - 20 + more),
);

describe('a damaged payload', () => {
  it('is refused for any flipped bit, at the chunk it is in', () => {
    fc.assert(
      fc.property(
        size,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(7),
        (bytes, where, bit) => {
          const sealed = seal(noise.subarray(0, bytes));
          const at = Math.floor(where * sealed.length);
          sealed[at]! ^= 1 << bit;
          const chunk = Math.floor(at / sealedChunkBytes);
          const { plain, fault } = open(sealed);
          expect(fault).toEqual({ chunk, kind: 'changed' });
          expect(noise.subarray(0, chunk * chunkBytes).equals(plain)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is refused wherever it is cut, as cut where that can be told', () => {
    const cut = (sealed: Buffer, length: number): void => {
      const { plain, fault } = open(sealed.subarray(0, length));
      const over = length % sealedChunkBytes;
      const chunk = Math.max(0, Math.ceil(length / sealedChunkBytes) - 1);
      expect(fault).toEqual({ chunk, kind: over < tagBytes ? 'cut' : 'changed' });
      // A full chunk before a cut is what was sealed there; it comes out, as it does from the reference implementation.
      const whole = over === 0 && length > 0 ? chunk + 1 : chunk;
      expect(noise.subarray(0, whole * chunkBytes).equals(plain)).toBe(true);
    };
    fc.assert(
      fc.property(size, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (bytes, where) => {
        const sealed = seal(noise.subarray(0, bytes));
        cut(sealed, Math.floor(where * sealed.length));
      }),
      { numRuns: 300 },
    );
    const two = seal(noise.subarray(0, 2 * chunkBytes + 3));
    for (const length of [
      0, 1, 15, 16, 17, 65_551, 65_552, 65_553, 65_567, 65_568, 131_103, 131_104, 131_105,
    ]) {
      cut(two, length);
    }
  });

  it('is refused for anything appended, as such where the last chunk was full', () => {
    fc.assert(
      fc.property(size, fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes, more) => {
        const sealed = Buffer.concat([seal(noise.subarray(0, bytes)), more]);
        const full = bytes > 0 && bytes % chunkBytes === 0;
        expect(open(sealed).fault).toEqual({
          chunk: Math.max(0, Math.ceil(bytes / chunkBytes) - 1),
          kind: full ? 'trailing' : 'changed',
        });
      }),
      { numRuns: 200 },
    );
  });

  it('is refused when chunks are swapped, dropped or doubled', () => {
    const sealed = seal(noise.subarray(0, 3 * chunkBytes + 7));
    const chunk = (index: number): Buffer =>
      sealed.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes);
    const orders = { '1023': 0, '0213': 1, '023': 1, '013': 2, '00123': 1, '01223': 3, '0133': 2 };
    for (const [order, bad] of Object.entries(orders)) {
      const file = Buffer.concat(Array.from(order).map((index) => chunk(Number(index))));
      expect([order, open(file).fault]).toEqual([order, { chunk: bad, kind: 'changed' }]);
    }
    expect(open(Buffer.concat([chunk(0), chunk(1), chunk(2)])).fault).toEqual({ chunk: 2, kind: 'cut' });
  });

  it('is refused with an empty last chunk after others, which no writer makes', () => {
    const first = sealChunks(key, noise.subarray(0, chunkBytes), { first: 0, last: false });
    // sealChunks refuses to make one.
    const nonce = Buffer.from('000000000000000000000101', 'hex');
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
    cipher.final();
    const empty = cipher.getAuthTag();
    expect(open(Buffer.concat([first, empty])).fault).toEqual({ chunk: 1, kind: 'empty' });
  });

  it('is refused under another key', () => {
    const sealed = seal(noise.subarray(0, 100));
    const other = openChunks(createSecretKey(randomBytes(32)), sealed, { first: 0, last: true });
    expect(other).toEqual({ plain: Buffer.alloc(0), fault: { chunk: 0, kind: 'changed' } });
  });
});
