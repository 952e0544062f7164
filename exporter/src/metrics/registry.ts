import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricFacts, type MetricFacts, type MetricName } from './names.ts';

type Facts<N extends MetricName> = (typeof metricFacts)[N];
type Label<N extends MetricName> = Facts<N>['labels'][number];
type MetricOf<N extends MetricName> = {
  counter: Counter<Label<N>>;
  gauge: Gauge<Label<N>>;
  histogram: Histogram<Label<N>>;
}[Facts<N>['type']];

/** The metrics by name, each with the labels of the table and no others. */
export type Metrics<N extends MetricName = MetricName> = { readonly [K in N]: MetricOf<K> };

export type GaugeName = {
  [N in MetricName]: Facts<N>['type'] extends 'gauge' ? N : never;
}[MetricName];

export interface MetricsOptions {
  /**
   * Adds the process metrics of the client library. They watch the garbage collector and the event loop until the process
   * ends (the library cannot take them back), so a process adds them once.
   */
  readonly process: boolean;
}

/**
 * Gauges of the client library whose names end in `_total`, which only counters may: `promtool check metrics` objects, and
 * they are but the sums of the metrics of the same name without it.
 */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Makes the named metrics on a registry of their own; the library's global registry is never touched. */
export function createMetrics<N extends MetricName>(
  names: readonly N[],
  options: MetricsOptions,
): { readonly registry: Registry; readonly metrics: Metrics<N> } {
  const registry = new Registry();
  // Built name by name, which the compiler cannot follow: it takes our word that each has the type its row tells.
  const metrics = Object.fromEntries(names.map((name) => [name, create(name, registry)])) as Metrics<N>;
  if (options.process) {
    collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
  }
  return { registry, metrics };
}

function create(name: MetricName, registry: Registry): Counter | Gauge | Histogram {
  const facts: MetricFacts = metricFacts[name];
  const { help, labels: labelNames } = facts;
  const common = { name, help, labelNames, registers: [registry] };
  switch (facts.type) {
    case 'counter':
      return new Counter(common);
    case 'histogram':
      return new Histogram({ ...common, buckets: [...(facts.buckets ?? [])] });
    case 'gauge': {
      const gauge = new Gauge(common);
      empty(gauge, labelNames);
      return gauge;
    }
  }
}

/** Takes all values away: what is not known is absent. The library alone would show 0 for a gauge without labels. */
export function emptyGauges<N extends GaugeName>(metrics: Metrics<N>, names: readonly N[]): void {
  for (const name of names) empty(metrics[name], metricFacts[name].labels);
}

function empty(gauge: Gauge, labelNames: readonly string[]): void {
  gauge.reset();
  if (labelNames.length === 0) gauge.remove();
}
