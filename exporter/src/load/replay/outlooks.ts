import type { HostLoad } from '../../schedule/slot-grid.ts';
import type { EpochMs } from '../../units/instant.ts';
import { expectedLoad } from '../expected-load.ts';
import { forecastLoad } from '../forecast.ts';
import { Forecaster } from '../forecaster.ts';
import { coarseStepMs, type LoadRecord } from '../load.ts';
import { seriesOf } from '../series.ts';

const horizonMs = 48 * 3_600_000;

/** What was to be expected of the host at a moment of the past, by what was on record then. */
export type OutlookAt = (now: EpochMs) => HostLoad;

/** As Lowtide would have expected it, by whichever forecast was ahead; and as yesterday over again. */
export function outlooks(
  records: readonly LoadRecord[],
  timezone: string,
): { readonly champion: OutlookAt; readonly yesterday: OutlookAt } {
  const times = records.map(({ at }) => at);
  const seriesFor = (name: 'cpu' | 'memory') =>
    seriesOf(
      times,
      records.map((record) => record[name]),
      coarseStepMs,
      timezone,
    );
  const cpu = { series: seriesFor('cpu'), forecaster: new Forecaster() };
  const memory = { series: seriesFor('memory'), forecaster: new Forecaster() };
  return {
    champion: (now) =>
      expectedLoad({
        cpu: cpu.forecaster.outlook(cpu.series, now, horizonMs).forecast,
        memory: memory.forecaster.outlook(memory.series, now, horizonMs).forecast,
      }),
    yesterday: (now) =>
      expectedLoad({
        cpu: forecastLoad(cpu.series, now, horizonMs, 'yesterday'),
        memory: forecastLoad(memory.series, now, horizonMs, 'yesterday'),
      }),
  };
}
