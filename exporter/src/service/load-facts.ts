import { forecastMethods } from '../load/forecast.ts';
import { resources } from '../load/load.ts';
import type { HostPressure } from '../load/pressure.ts';
import type { LoadRecorder } from '../load/recorder.ts';
import type { LoadFacts } from '../metrics/from-state.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Tide } from './tide.ts';

/** What is measured and what is expected now, for the metrics. */
export async function loadFacts(
  recorder: Pick<LoadRecorder, 'latest'>,
  tide: Tide,
  now: EpochMs,
): Promise<LoadFacts> {
  const measured = recorder.latest();
  const forecasts = await tide.forecasts(now);
  const expected = resources.flatMap((resource) => {
    const { basis, expected: steps } = forecasts[resource];
    return basis === 'none' ? [] : [[resource, steps[0] ?? NaN] as const];
  });
  const accuracy = await tide.accuracy(now);
  return {
    expected: Object.fromEntries(expected),
    forecasts: resources.flatMap((resource) => {
      const { champion, figures } = accuracy[resource];
      if (figures === undefined) return [];
      return forecastMethods.map((forecast) => ({
        resource,
        forecast,
        isFollowed: forecast === champion,
        regret: figures.regret[forecast],
        error: figures.error[forecast],
      }));
    }),
    ...(measured !== undefined && {
      measured: Object.fromEntries(resources.map((resource) => [resource, measured[resource]])),
    }),
    ...(measured?.throughput !== undefined && { throughput: { ...measured.throughput } }),
    ...(measured?.pressure !== undefined && { pressure: lastMinute(measured.pressure) }),
  };
}

function lastMinute(pressure: HostPressure): Readonly<Record<string, number>> {
  return Object.fromEntries(resources.map((resource) => [resource, pressure[resource].some.avg60]));
}
