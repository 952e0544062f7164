import { performance } from 'node:perf_hooks';
import type { Catalog } from '../catalog/catalog.ts';
import { collectAll } from './collector.ts';
import { followEvents } from './from-events.ts';
import { collectState, type StateSources } from './from-state.ts';
import { metricNames } from './names.ts';
import { metricsPages, type MetricsPages } from './page.ts';
import { createMetrics, type Metrics } from './registry.ts';

export interface ServiceMetricsOptions extends Omit<StateSources, 'totals'> {
  readonly catalog: Pick<Catalog, 'totals' | 'eventsAfter'>;
  readonly version: string;
  readonly nodeVersion: string;
  /** See `MetricsOptions.process`. */
  readonly process: boolean;
  /** Hears once of a collector, or a metric, that has begun to fail. */
  readonly onFailure: (what: string, error: unknown) => void;
  /** How long a collector may take to ask (not the event log, which is read to its end however long that takes). */
  readonly deadlineMs?: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed?: () => number;
}

export interface ServiceMetrics {
  /** For what happens in this process alone: HTTP requests. All else comes from the state. */
  readonly metrics: Metrics;
  readonly pages: MetricsPages;
  /**
   * Reads the event log up to now. A service does this before it listens, since the first page after a start waits for
   * it: some 0.7 s for 100,000 events.
   */
  readonly catchUp: () => Promise<void>;
}

/** All metrics of a service, fed from its state; nothing else ever calls metrics. */
export function serviceMetrics(options: ServiceMetricsOptions): ServiceMetrics {
  const { catalog, onFailure, elapsed = () => performance.now(), deadlineMs = 1000 } = options;
  const { registry, metrics } = createMetrics(metricNames, { process: options.process });
  metrics.lowtide_build_info.set({ version: options.version, node_version: options.nodeVersion }, 1);

  const events = followEvents(metrics, {
    eventsAfter: (sequence, limit) => catalog.eventsAfter(sequence, limit),
    schedules: options.schedules,
    stores: options.stores,
  });
  const state = collectState(metrics, { ...options, totals: () => catalog.totals() }, deadlineMs);
  const context = { metrics, elapsed, onFailure };
  return {
    metrics,
    pages: metricsPages({
      registry,
      collect: collectAll([[events], ...state], context),
      now: options.now,
      onError: onFailure,
    }),
    catchUp: collectAll([[events]], context),
  };
}
