/** CRC-32 of bytes that are put together, from the sums of the pieces alone. */

/** As the headers of S3 have it. */
export function base64Of(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

/**
 * The sum of bytes whose beginning is replaced, where their sum with the old beginning is known: the rest is never looked at.
 * A sum is a remainder of polynomials over two elements, and bytes that follow multiply what comes before them by x^8 each.
 */
export function withOtherHead(
  whole: number,
  { oldHead, newHead }: { readonly oldHead: number; readonly newHead: number },
  restBytes: number,
): number {
  return (whole ^ times(powerOfX(restBytes), oldHead ^ newHead)) >>> 0;
}

/** Bit-reversed, as all of CRC-32: the highest bit stands for x^0. */
const polynomial = 0xedb88320;
const one = 0x80000000;

/** The product of two remainders. */
function times(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((left & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}

/** x^(8 * bytes), by squaring. */
function powerOfX(bytes: number): number {
  let power = one;
  // x^8
  let square = one >>> 8;
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = times(square, power);
    square = times(square, square);
  }
  return power;
}
