import { Forecaster } from '../../exporter/src/load/forecaster.ts';
import { quietestStart } from '../../exporter/src/load/quietest.ts';
import { seriesOf } from '../../exporter/src/load/series.ts';

/**
 * Lowtide's forecast behind the interface of ../shared/sched-eval: its traces count what clocks on the wall show as if it
 * were UTC. Scored by `node evaluate.mjs --loads ../loads --chooser .../test/bench/chooser.mjs --allow .../lowtide`.
 */
const forecaster = new Forecaster();
const forecastUntil = (until, { historyTimesMs, historyLoad, stepSeconds, nowMs }) =>
  forecaster.outlook(seriesOf(historyTimesMs, historyLoad, stepSeconds * 1000), nowMs, until - nowMs)
    .forecast;

export function choose(query) {
  const { windowStartMs: from, windowEndMs: until, durationSeconds } = query;
  const durationMs = durationSeconds * 1000;
  return quietestStart(forecastUntil(until, query), { from, until, durationMs })?.start ?? from;
}

export function forecast(query) {
  const { startsAt, stepMs, expected } = forecastUntil(query.toMs, query);
  return expected.subarray(Math.floor((query.fromMs - startsAt) / stepMs));
}
