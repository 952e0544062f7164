import type { ResealingCost, SizedObject } from '../resealing.ts';
import { summed } from '../objects/cost.ts';

/** What changing one backup's objects asks of the server, as it is done in place.ts; 64 backups share a small journal. */
export function containerCost(
  change: 'rewrap' | 'reencrypt',
  objects: readonly SizedObject[],
): ResealingCost {
  return summed(objects, (object) => (change === 'rewrap' ? rewrapCost(object) : reencryptCost(object)));
}

const mebibyte = 1024 * 1024;
const headBlockBytes = 64 * 1024;
const blockBytes = 8 * mebibyte;

/** Looked at, its head read twice, its blocks listed, what is behind the head read, staged and committed. */
function rewrapCost({ sizeBytes, headBytes }: SizedObject): ResealingCost {
  const first = sizeBytes < mebibyte ? sizeBytes : Math.min(sizeBytes, headBlockBytes);
  return { requests: 7, readBytes: first + headBytes, writtenBytes: first };
}

function reencryptCost({ sizeBytes, headBytes }: SizedObject): ResealingCost {
  const blocks = 2 + Math.ceil(Math.max(0, sizeBytes - mebibyte) / blockBytes);
  return { requests: 7 + blocks, readBytes: sizeBytes + 2 * headBytes, writtenBytes: sizeBytes };
}
