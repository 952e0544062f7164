import type { RunReview } from '../catalog/reviews.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { BackupRun } from './contract.ts';

/** What was found out about a run after its end, as a part of the run. */
export function reviewView(review: RunReview | undefined): Pick<BackupRun, 'use' | 'unusual' | 'load'> {
  if (review === undefined) return {};
  const { use, unusual, load, isFinal } = review;
  return {
    ...(use !== undefined && { use: { ...use } }),
    ...(unusual.length > 0 && { unusual: unusual.map((figure) => ({ ...figure })) }),
    ...(load !== undefined && {
      load: {
        met: load.load,
        metPeak: load.metPeak,
        ...(load.best !== undefined && {
          best: { start: toRfc3339(load.best.start), load: load.best.load },
          regret: Math.max(0, load.load - load.best.load),
        }),
        ...(load.fixed !== undefined && {
          fixed: { ...load.fixed, start: toRfc3339(load.fixed.start) },
        }),
        isFinal,
      },
    }),
  };
}
