import type { Metrics } from './registry.ts';

/** Brings a part of the metrics up to date when a page is asked for. */
export interface Collector {
  /** The `collector` label. */
  readonly name: string;
  collect(): Promise<void>;
  /** Called after `collect` has failed: takes away what would now be wrong. */
  clear(): void;
}

export interface CollectorContext {
  readonly metrics: Metrics<'lowtide_collector_success' | 'lowtide_collector_duration_seconds'>;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Hears of the first of a row of failures: a scrape every 15 s must not fill the log. */
  readonly onFailure: (collector: string, error: unknown) => void;
}

/**
 * Runs the collectors group by group, those of one at the same time: several that wait for one disk take no longer than one. One
 * that fails shows as `lowtide_collector_success` 0 and hinders no other.
 */
export function collectAll(
  groups: readonly (readonly Collector[])[],
  context: CollectorContext,
): () => Promise<void> {
  const { metrics, elapsed, onFailure } = context;
  const failing = new Set<string>();
  const run = async (collector: Collector): Promise<void> => {
    const labels = { collector: collector.name };
    const start = elapsed();
    // Its place on the page, whichever ends first.
    metrics.lowtide_collector_success.inc(labels, 0);
    metrics.lowtide_collector_duration_seconds.inc(labels, 0);
    try {
      await collector.collect();
      failing.delete(collector.name);
      metrics.lowtide_collector_success.set(labels, 1);
    } catch (error) {
      collector.clear();
      metrics.lowtide_collector_success.set(labels, 0);
      if (!failing.has(collector.name)) onFailure(collector.name, error);
      failing.add(collector.name);
    }
    metrics.lowtide_collector_duration_seconds.set(labels, (elapsed() - start) / 1000);
  };
  return async () => {
    for (const group of groups) await Promise.all(group.map(run));
  };
}
