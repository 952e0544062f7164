import { metricFacts, type MetricName } from '../../exporter/src/metrics/names.ts';

/** PromQL for the dashboards: names that exist, narrowed by the dashboards' variables. */

type HistogramName = {
  [N in MetricName]: (typeof metricFacts)[N]['type'] extends 'histogram' ? N : never;
}[MetricName];

/** What the client library, and Prometheus itself, add to each target. */
type ForeignName =
  | 'up'
  | 'scrape_duration_seconds'
  | 'scrape_samples_scraped'
  | `process_${'cpu_seconds_total' | 'resident_memory_bytes' | 'start_time_seconds' | 'open_fds' | 'max_fds'}`
  | `nodejs_eventloop_lag_${'mean' | 'p99' | 'max'}_seconds`
  | `nodejs_heap_size_${'used' | 'total'}_bytes`
  | 'nodejs_external_memory_bytes'
  | 'nodejs_gc_duration_seconds_sum';

export type SeriesName = MetricName | `${HistogramName}_${'bucket' | 'sum' | 'count'}` | ForeignName;

/** Labels that a variable of the same name narrows, wherever a metric of Lowtide's own has them. */
const narrowing = ['schedule', 'type'] as const;

/** A metric's series, as far as the variables let them through, with further matchers. */
export function series(name: SeriesName, ...matchers: readonly string[]): string {
  const labels = labelsOf(name);
  const own = narrowing.filter((label) => labels.includes(label)).map((label) => `${label}=~"$${label}"`);
  return `${name}{${['job=~"$job"', 'instance=~"$instance"', ...own, ...matchers].join(', ')}}`;
}

/** What a metric has beside `job` and `instance`; of those that are not Lowtide's own, nothing. */
function labelsOf(name: string): readonly string[] {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  const facts = metricFacts[base as MetricName] as { readonly labels: readonly string[] } | undefined;
  return facts?.labels ?? [];
}

/** How much a counter grew in the time that is looked at; whole numbers, where things are counted. */
export const grownBy = (counter: string, range = '$__range'): string => `increase(${counter}[${range}])`;

/**
 * How much a counter grew within a day, by a look at it every half hour: each of its samples, for every schedule and reason, would
 * take three times as long to read. The first time is told of at once: where those looks have found nothing, the last hour is read
 * whole.
 */
export const grownToday = (counter: string): string =>
  `(increase(${counter}[1d:30m]) > 0 or increase(${counter}[1h]))`;

/** The share of `part` in `whole`, absent where there is nothing of either. */
export const share = (part: string, whole: string): string => `${part} / (${whole} > 0)`;

/**
 * Where a gauge that is 1 when all is well is 0: when it was last 1, in seconds and to within five minutes (each step costs as much
 * for what is well); 0 where that is over a day ago.
 */
export function unwellSince(gauge: string): string {
  return `max_over_time(timestamp(${gauge} == 1)[1d:5m]) and ${gauge} == 0 or 0 * (${gauge} == 0)`;
}

/** Puts words into a label. */
export function worded(expression: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce(
    (inner, [label, text]) => `label_replace(${inner}, "${label}", "${text}", "", "")`,
    expression,
  );
}

/** Gives a label's value to another label. */
export const renamed = (expression: string, from: string, to: string): string =>
  `label_replace(${expression}, "${to}", "$1", "${from}", "(.*)")`;
