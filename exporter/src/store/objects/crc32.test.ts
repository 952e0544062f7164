import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withOtherHead } from './crc32.ts';

it('knows the sum of bytes with another beginning, of any length, without the rest of them', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, fc.uint8Array({ maxLength: 5000 }), (oldHead, newHead, rest) => {
      const sum = withOtherHead(
        crc32(Buffer.concat([oldHead, rest])),
        { oldHead: crc32(oldHead), newHead: crc32(newHead) },
        rest.length,
      );
      expect(sum).toBe(crc32(Buffer.concat([newHead, rest])));
    }),
  );
});
