import type { Store } from '../store.ts';

/** One thing that every store does. Breaking it throws, most often an `AssertionError`. */
export interface StoreLaw {
  /** A sentence about the store. */
  readonly says: string;
  readonly hold: (ground: Ground) => Promise<void>;
}

/** Where a law is tried: nothing outside `folder` is touched, so that a store in use can be checked as well. */
interface Ground {
  readonly store: Store;
  /** The same place, opened once more: another process's view. */
  readonly elsewhere: Store;
  /** A prefix that ends with `/` and under which nothing lies yet. What a law leaves there may be deleted. */
  readonly folder: string;
}

export function law(says: string, hold: StoreLaw['hold']): StoreLaw {
  return { says, hold };
}
