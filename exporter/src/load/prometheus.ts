import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';
import { averageOf } from './averaging.ts';
import { coarseStepMs, resources, type LoadRecord, type Resource } from './load.ts';
import { askPrometheus, reasonOf, Refused, type PrometheusAccess } from './prometheus-api.ts';

/**
 * The load of this host as a Prometheus has seen it: weeks of it on the first day. By range queries of its HTTP API,
 * https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries.
 */
export interface PrometheusOptions extends PrometheusAccess {
  /** Where the config tells of it, for hints. */
  readonly setting: string;
  /** An expression for each resource that gives one series of shares, 0 to 1. */
  readonly queries: Readonly<Partial<Record<Resource, string>>>;
}

export interface FetchedHistory {
  /** In steps of five minutes, oldest first; what no query gave is NaN. */
  readonly records: readonly LoadRecord[];
  /** Of queries that failed, or gave nothing of use; the others' answers are there all the same. */
  readonly problems: readonly LowtideError[];
  /** Whose these are. */
  readonly failed: ReadonlySet<Resource>;
}

/** Prometheus refuses more than 11,000 points a series; a week at a time also keeps each query short. */
const pageMs = 7 * 86_400_000;

/** Rates of counters reach a little beyond 1; percents lie far beyond it on any host that does something. */
const highestMean = 1.5;

/** What node_exporter tells; `matchers` chooses the host, as in `instance="db1:9100"`. */
export function nodeExporterQueries(matchers: string): Readonly<Record<Resource, string>> {
  const idle = matchers === '' ? 'mode="idle"' : `mode="idle",${matchers}`;
  return {
    cpu: `1 - avg(rate(node_cpu_seconds_total{${idle}}[5m]))`,
    memory: `1 - avg(node_memory_MemAvailable_bytes{${matchers}}) / avg(node_memory_MemTotal_bytes{${matchers}})`,
    disk: `max(rate(node_disk_io_time_seconds_total{${matchers}}[5m]))`,
  };
}

type PrometheusConfig = NonNullable<Config['load']['history']>['prometheus'];

/** How to ask what the config at `setting` tells of. */
export function prometheusOptions(
  { url, bearer_token: bearerToken, matchers, queries, timeout }: PrometheusConfig,
  setting: string,
): PrometheusOptions {
  const usual = nodeExporterQueries(matchers);
  return {
    setting,
    url,
    queries: {
      cpu: queries.cpu ?? usual.cpu,
      memory: queries.memory ?? usual.memory,
      disk: queries.disk ?? usual.disk,
    },
    timeoutMs: timeout,
    ...(bearerToken !== undefined && { bearerToken }),
  };
}

/** The load as Prometheus has it now; NaN where it has none. Throws `history_unavailable`, and the signal's reason. */
export async function fetchPresent(
  options: PrometheusOptions,
  signal: AbortSignal,
): Promise<Record<Resource, number>> {
  const present = averageOf([]);
  for (const resource of resources) {
    const query = options.queries[resource];
    if (query === undefined) continue;
    try {
      const { result } = await askPrometheus(options, 'query', { query }, vectorSchema, signal);
      const share = Number(only(result)?.value[1] ?? NaN);
      refusePercents([share]);
      present[resource] = Math.min(1, Math.max(0, share));
    } catch (thrown) {
      signal.throwIfAborted();
      throw refusal(`the present ${resource} load is not known`, options.setting, thrown);
    }
  }
  return present;
}

const vectorSchema = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })),
});

/** Asks for whole steps within [from, until). Throws the signal's reason alone. */
export async function fetchHistory(
  options: PrometheusOptions,
  from: EpochMs,
  until: EpochMs,
  signal: AbortSignal,
): Promise<FetchedHistory> {
  const found = new Map<EpochMs, Record<Resource, number>>();
  const problems: LowtideError[] = [];
  const failed = new Set<Resource>();
  for (const resource of resources) {
    const query = options.queries[resource];
    if (query === undefined) continue;
    try {
      for (const [at, share] of await fetchSeries(options, query, from, until, signal)) {
        const record = found.get(at) ?? averageOf([]);
        record[resource] = Math.min(1, Math.max(0, share));
        found.set(at, record);
      }
    } catch (thrown) {
      signal.throwIfAborted();
      problems.push(refusal(`no ${resource} history`, options.setting, thrown));
      failed.add(resource);
    }
  }
  const records = [...found].sort(([a], [b]) => a - b).map(([at, load]) => ({ at, ...load }));
  return { records, problems, failed };
}

async function fetchSeries(
  options: PrometheusOptions,
  query: string,
  from: EpochMs,
  until: EpochMs,
  signal: AbortSignal,
): Promise<readonly [EpochMs, number][]> {
  const points: [EpochMs, number][] = [];
  const first = Math.ceil(from / coarseStepMs) * coarseStepMs;
  for (let start = first; start + coarseStepMs <= until; start += pageMs) {
    // A rate over five minutes that is asked for at the end of a step is the mean of that step.
    const last = Math.min(start + pageMs, until) - coarseStepMs;
    const page = await ask(options, query, start + coarseStepMs, last + coarseStepMs, signal);
    for (const [seconds, value] of page) {
      const share = Number(value);
      const at = Math.round(seconds * 1000) - coarseStepMs;
      // What answers like a Prometheus may be none: of a time that was not asked for, nothing is believed.
      if (Number.isFinite(share) && at >= start && at <= last) points.push([at, share]);
    }
  }
  refusePercents(points.map(([, share]) => share));
  return points;
}

function refusePercents(shares: readonly number[]): void {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  if (mean > highestMean) {
    throw new Refused(
      `it gives ${mean.toFixed(1)} on average where shares from 0 to 1 belong: divide percents by 100`,
    );
  }
}

const matrixSchema = z.object({
  resultType: z.literal('matrix'),
  result: z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) })),
});

async function ask(
  options: PrometheusOptions,
  query: string,
  start: EpochMs,
  end: EpochMs,
  signal: AbortSignal,
): Promise<readonly [number, string][]> {
  const range = {
    query,
    start: String(start / 1000),
    end: String(end / 1000),
    step: String(coarseStepMs / 1000),
  };
  const { result } = await askPrometheus(options, 'query_range', range, matrixSchema, signal);
  return only(result)?.values ?? [];
}

function only<T>(result: readonly T[]): T | undefined {
  if (result.length > 1) {
    throw new Refused(
      `it gives ${result.length} series where one belongs: aggregate them, as in avg(…), or choose the host by matchers`,
    );
  }
  return result[0];
}

function refusal(what: string, setting: string, thrown: unknown): LowtideError {
  return new LowtideError('history_unavailable', `${what} from Prometheus: ${reasonOf(thrown)}`, {
    hint: `Check ${setting} in the config; until it answers, plans rest on what is known without it.`,
    retryable: true,
    cause: thrown,
  });
}
