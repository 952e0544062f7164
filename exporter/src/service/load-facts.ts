import { resources } from '../load/load.ts';
import type { LoadRecorder } from '../load/recorder.ts';
import type { LoadFacts } from '../metrics/from-state.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Tide } from './tide.ts';

/** What is measured and what is expected now, for the metrics. */
export function loadFacts(recorder: Pick<LoadRecorder, 'latest'>, tide: Tide, now: EpochMs): LoadFacts {
  const measured = recorder.latest();
  const forecasts = tide.forecasts(now);
  const expected = resources.flatMap((resource) => {
    const { basis, expected: steps } = forecasts[resource];
    return basis === 'none' ? [] : [[resource, steps[0] ?? NaN] as const];
  });
  return {
    expected: Object.fromEntries(expected),
    ...(measured !== undefined && {
      measured: Object.fromEntries(resources.map((resource) => [resource, measured[resource]])),
    }),
  };
}
