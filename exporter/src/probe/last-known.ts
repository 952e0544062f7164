import { isAway } from '../errors/away.ts';

/** Gives the last answer that there was while the state is away, as `since` makes it up to now; rejects before there was any. */
export function lastKnown<T>(
  ask: () => Promise<T>,
  since: (last: T) => T = (last) => last,
): () => Promise<T> {
  let last: { readonly answer: T } | undefined;
  return async () => {
    try {
      const answer = await ask();
      last = { answer };
      return answer;
    } catch (thrown) {
      if (last === undefined || !isAway(thrown)) throw thrown;
      return since(last.answer);
    }
  };
}
