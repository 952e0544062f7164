import { summed } from '../objects/cost.ts';
import type { ResealingCost, SizedObject } from '../resealing.ts';

/**
 * What changing one backup's objects asks of the server, as it is done in place.ts and compose.ts. Beside that, 64 backups share
 * a journal of some 5 MiB.
 */
export function bucketCost(change: 'rewrap' | 'reencrypt', objects: readonly SizedObject[]): ResealingCost {
  return summed(objects, (object) => (change === 'rewrap' ? rewrapCost(object) : reencryptCost(object)));
}

const mebibyte = 1024 * 1024;
const smallBytes = mebibyte;
const copyBytes = 512 * mebibyte;
const firstCopyBytes = 5 * mebibyte;
const partBytes = 8 * mebibyte;

/** The head is read once to be given another, and once more right before that is put in its place. */
function rewrapCost({ sizeBytes, headBytes }: SizedObject): ResealingCost {
  const looking = 3;
  if (sizeBytes <= smallBytes) {
    return { requests: looking + 2, readBytes: sizeBytes + headBytes, writtenBytes: sizeBytes };
  }
  // Two compositions, each begun, completed and looked at, with two copies and one in them; a deletion, which looks first.
  const rest = Math.ceil(Math.max(0, sizeBytes - headBytes - firstCopyBytes) / copyBytes);
  return { requests: looking + 3 + 2 + 3 + 1 + rest + 2, readBytes: 2 * headBytes, writtenBytes: 0 };
}

/** Its sum is larger than it needs to be where the server answers quickly: parts grow with the object. */
function reencryptCost({ sizeBytes, headBytes }: SizedObject): ResealingCost {
  const reading = 2;
  const writing = sizeBytes < partBytes ? 1 : 2 + Math.ceil(sizeBytes / partBytes);
  const replacing = 3 + 3 + Math.ceil(sizeBytes / copyBytes) + 2;
  return {
    requests: reading + writing + replacing,
    readBytes: sizeBytes + 2 * headBytes,
    writtenBytes: sizeBytes,
  };
}
