import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { coarseStepMs, resources, type LoadRecord } from './load.ts';
import { fetchHistory, type FetchedHistory, type PrometheusOptions } from './prometheus.ts';

export interface FollowerOptions {
  readonly prometheus: PrometheusOptions;
  /** How far back is asked for at the start. */
  readonly days: number;
  /** Takes steps of five minutes. */
  readonly record: (records: readonly LoadRecord[]) => Promise<void>;
  readonly clock: Clock;
  /** Hears of what could not be fetched; it is tried again with the next step. */
  readonly onProblem: (problem: LowtideError) => void;
}

/** Samples arrive in Prometheus a scrape later; a step is asked for when it is surely whole. */
const settleMs = 60_000;
const dayMs = 86_400_000;

/**
 * Takes over what Prometheus knows of a host: weeks at the start, then each step of five minutes; of this host in place of
 * what Lowtide has measured by itself. What is missing after a failure is fetched with the next step, of the resource whose query
 * has failed alone; a query that goes on failing in the same way is told of once.
 */
export async function followPrometheus(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  const { prometheus, days, record, clock, onProblem } = options;
  const start = clock.now() - days * dayMs;
  const reached = new Map(resources.map((resource) => [resource, start]));
  const stopped = (): boolean => signal.aborted;
  let isFirst = true;
  let told: readonly string[] = [];
  while (!stopped()) {
    const until = Math.floor((clock.now() - settleMs) / coarseStepMs) * coarseStepMs;
    try {
      const fetched: FetchedHistory[] = [];
      for (const [from, together] of Map.groupBy(resources, (resource) => reached.get(resource) ?? start)) {
        const queries = Object.fromEntries(
          together.map((resource) => [resource, prometheus.queries[resource]]),
        );
        const history = await fetchHistory({ ...prometheus, queries }, from, until, signal);
        await record(history.records);
        for (const resource of together) {
          if (!history.failed.has(resource)) reached.set(resource, Math.max(from, until));
        }
        fetched.push(history);
      }
      const problems = fetched.flatMap((history) => history.problems);
      problems.filter(({ message }) => !told.includes(message)).forEach(onProblem);
      told = problems.map(({ message }) => message);
      const isEmpty = fetched.every(({ records }) => records.length === 0);
      if (isFirst && isEmpty && problems.length === 0) onProblem(unknownHost(prometheus.setting));
      isFirst = false;
    } catch (thrown) {
      if (!stopped()) onProblem(LowtideError.from(thrown));
    }
    await clock.wakeAt(until + coarseStepMs + settleMs, signal).catch(() => undefined);
  }
}

function unknownHost(setting: string): LowtideError {
  return new LowtideError(
    'history_unavailable',
    'Prometheus answers, but knows nothing of the load of the host',
    {
      hint: `Check the matchers and queries of ${setting} in the config: they have to choose a host that it knows.`,
      retryable: true,
    },
  );
}
