import { InFlight } from './parts.ts';

/** Works on several items at once; gives the results in their order. The first failure is thrown once all has come to rest. */
export async function eachAtOnce<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const inFlight = new InFlight(limit, new AbortController().signal);
  try {
    for (const [index, item] of items.entries()) {
      await inFlight.add(1, async () => {
        results[index] = await work(item);
      });
    }
    await inFlight.end();
    return results;
  } catch (thrown) {
    await inFlight.stop();
    throw thrown;
  }
}
