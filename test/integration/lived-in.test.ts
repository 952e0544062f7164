import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { metricNames, type MetricName } from '../../exporter/src/metrics/names.ts';
import { livedIn, type LivedIn } from '../servers/lived-in.ts';

/** Absent while Lowtide itself is at work, and on a host whose kernel tells nothing. */
const ofIdleHosts: readonly MetricName[] = [
  'backup_load_pressure_ratio',
  'backup_load_throughput_bytes_per_second',
];

describe('a Prometheus that has seen an exporter live', () => {
  let life: LivedIn;
  beforeAll(async () => {
    life = await livedIn();
  }, 120_000);
  afterAll(() => life[Symbol.asyncDispose]());

  it('knows every metric there is', async () => {
    // A part that is late on a busy machine is on the next page.
    await vi.waitFor(async () => {
      const known = await life.prometheus.ask('count by (__name__) ({job="backups"})');
      const names = known.map(({ metric }) => metric['__name__']?.replace(/_bucket$/, ''));
      const missing = metricNames.filter((name) => !names.includes(name) && !ofIdleHosts.includes(name));
      expect(missing).toEqual([]);
    }, 30_000);
  });
});
