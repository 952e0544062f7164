import { register } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { metricNames } from './names.ts';
import { createMetrics, emptyGauges } from './registry.ts';

describe('createMetrics', () => {
  it('never touches the global registry, and may be called any number of times', () => {
    const one = createMetrics(metricNames, { process: true });
    const other = createMetrics(metricNames, { process: false });
    expect(register.getMetricsAsArray()).toEqual([]);
    one.metrics.backup_disk_free_bytes.set(5);
    expect(other.registry.getSingleMetric('backup_disk_free_bytes')).not.toBe(
      one.metrics.backup_disk_free_bytes,
    );
  });

  it('shows nothing for a gauge before something is known, and after it was emptied', async () => {
    const { registry, metrics } = createMetrics(['backup_disk_free_bytes', 'backup_running'], {
      process: false,
    });
    const values = async (): Promise<number[]> =>
      (await registry.getMetricsAsJSON()).flatMap((metric) => metric.values.map((sample) => sample.value));
    expect(await values()).toEqual([]);
    metrics.backup_disk_free_bytes.set(0);
    metrics.backup_running.set({ schedule: 'a' }, 1);
    expect(await values()).toEqual([0, 1]);
    emptyGauges(metrics, ['backup_disk_free_bytes', 'backup_running']);
    expect(await values()).toEqual([]);
  });

  it('adds process metrics only where asked for, and no gauge that is called _total', () => {
    const namesWith = (process: boolean): string[] =>
      createMetrics(['backup_total'], { process })
        .registry.getMetricsAsArray()
        .map((metric) => metric.name);
    expect(namesWith(false)).toEqual(['backup_total']);
    const names = namesWith(true);
    expect(names).toContain('process_cpu_seconds_total');
    expect(names).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(names.filter((name) => name.startsWith('nodejs_') && name.endsWith('_total'))).toEqual([]);
  });
});
