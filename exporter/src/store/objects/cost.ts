import type { ResealingCost, SizedObject } from '../resealing.ts';

/** The sum over a backup's objects; its manifest, which is all head, is looked at and written. */
export function summed(
  objects: readonly SizedObject[],
  costOf: (object: SizedObject) => ResealingCost,
): ResealingCost {
  return objects
    .map((object) => {
      const { sizeBytes, headBytes } = object;
      return headBytes === sizeBytes
        ? { requests: 2, readBytes: 0, writtenBytes: sizeBytes }
        : costOf(object);
    })
    .reduce(
      (sum, cost) => ({
        requests: sum.requests + cost.requests,
        readBytes: sum.readBytes + cost.readBytes,
        writtenBytes: sum.writtenBytes + cost.writtenBytes,
      }),
      { requests: 0, readBytes: 0, writtenBytes: 0 },
    );
}
