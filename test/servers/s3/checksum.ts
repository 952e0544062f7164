import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The checksums of S3 that the double knows, by the end of their header's name (`x-amz-checksum-crc32`). */
export const algorithms = ['crc32', 'crc64nvme', 'sha1', 'sha256'] as const;
export type Algorithm = (typeof algorithms)[number];

export interface Digest {
  update(bytes: Uint8Array): void;
  /** Base64, as the headers have it. */
  value(): string;
}

export function digestOf(algorithm: Algorithm): Digest {
  if (algorithm === 'sha1' || algorithm === 'sha256') {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), value: () => hash.digest('base64') };
  }
  return algorithm === 'crc32' ? crc32Digest() : crc64Digest();
}

function crc32Digest(): Digest {
  let sum = 0;
  return {
    update: (bytes) => void (sum = crc32(bytes, sum)),
    value: () => base64Of(sum),
  };
}

export function base64Of(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

/** CRC-64/NVME: reflected, all ones at both ends. */
function crc64Digest(): Digest {
  let sum = (1n << 64n) - 1n;
  return {
    update(bytes) {
      for (const byte of bytes) sum = (crc64Table[Number((sum ^ BigInt(byte)) & 255n)] ?? 0n) ^ (sum >> 8n);
    },
    value() {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(sum ^ ((1n << 64n) - 1n));
      return bytes.toString('base64');
    },
  };
}

const crc64Table = Array.from({ length: 256 }, (_, byte) => {
  let value = BigInt(byte);
  for (let bit = 0; bit < 8; bit += 1)
    value = (value & 1n) === 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
  return value;
});

/**
 * The CRC-32 of two runs of bytes, one behind the other, of theirs alone; zlib's way: the effect of `length` zero bytes as
 * a matrix over GF(2), squared for each bit of the length.
 */
export function crc32Joined(first: number, second: number, length: number): number {
  let matrix = Array.from({ length: 32 }, (_, row) => (row === 0 ? 0xedb88320 : 2 ** (row - 1)) >>> 0);
  let sum = first >>> 0;
  // From one zero bit to one zero byte.
  for (let square = 0; square < 3; square += 1) matrix = squared(matrix);
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) sum = times(matrix, sum);
    matrix = squared(matrix);
  }
  return (sum ^ second) >>> 0;
}

function times(matrix: readonly number[], vector: number): number {
  let sum = 0;
  for (let row = 0, bits = vector; bits !== 0; row += 1, bits >>>= 1) {
    if ((bits & 1) === 1) sum ^= matrix[row] ?? 0;
  }
  return sum >>> 0;
}

function squared(matrix: readonly number[]): number[] {
  return matrix.map((row) => times(matrix, row));
}
