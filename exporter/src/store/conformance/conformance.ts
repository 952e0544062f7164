import type { StoreLaw } from './law.ts';
import { listingLaws } from './listing.ts';
import { readingLaws } from './reading.ts';
import { writingLaws } from './writing.ts';

/** Everything that store.ts promises and that can be tried on a store in use. */
export const storeLaws: readonly StoreLaw[] = [...writingLaws, ...readingLaws, ...listingLaws];
