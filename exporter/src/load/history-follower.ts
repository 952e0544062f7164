import type { Clock } from '../clock/clock.ts';
import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { coarseStepMs, type LoadHistory } from './load.ts';
import { fetchHistory, nodeExporterQueries } from './prometheus.ts';

type PrometheusConfig = NonNullable<Config['load']['history']>['prometheus'];

export interface FollowerOptions {
  readonly prometheus: PrometheusConfig;
  readonly history: LoadHistory;
  readonly clock: Clock;
  /** Hears of what could not be fetched; it is tried again with the next step. */
  readonly onProblem: (problem: LowtideError) => void;
}

/** Samples arrive in Prometheus a scrape later; a step is asked for when it is surely whole. */
const settleMs = 60_000;
const dayMs = 86_400_000;

/**
 * Takes over what Prometheus knows of this host: weeks at the start, then each step of five minutes, in place of what
 * Lowtide has measured by itself. What is missing after a failure is fetched with the next step.
 */
export async function followPrometheus(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  const { prometheus, history, clock, onProblem } = options;
  const { url, bearer_token: bearerToken, matchers, queries, days, timeout } = prometheus;
  const usual = nodeExporterQueries(matchers);
  const ask = {
    url,
    queries: {
      cpu: queries.cpu ?? usual.cpu,
      memory: queries.memory ?? usual.memory,
      disk: queries.disk ?? usual.disk,
    },
    timeoutMs: timeout,
    ...(bearerToken !== undefined && { bearerToken }),
  };
  let from = clock.now() - days * dayMs;
  const stopped = (): boolean => signal.aborted;
  while (!stopped()) {
    const until = Math.floor((clock.now() - settleMs) / coarseStepMs) * coarseStepMs;
    try {
      const { records, problems } = await fetchHistory(ask, from, until, signal);
      history.record(records, 'coarse');
      problems.forEach(onProblem);
      if (problems.length === 0) from = Math.max(from, until);
    } catch (thrown) {
      if (!stopped()) onProblem(LowtideError.from(thrown));
    }
    await clock.wakeAt(until + coarseStepMs + settleMs, signal).catch(() => undefined);
  }
}
