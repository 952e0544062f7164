import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classicNames, metricFacts, metricNames, type MetricFacts } from './names.ts';

const rows = Object.entries<MetricFacts>(metricFacts);

/** Rows of the tables in docs/metrics.md: | `name` | type | labels | meaning | */
function documented(): ReadonlyMap<string, { readonly type: string; readonly labels: readonly string[] }> {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const matches = text.matchAll(/^\| `(?<name>[a-z_]+)` +\| (?<type>\w+) +\| (?<labels>[^|]*) \|/gm);
  return new Map(
    [...matches].map(({ groups = {} }) => [
      groups['name'] ?? '',
      {
        type: groups['type'] ?? '',
        labels: [...(groups['labels'] ?? '').matchAll(/`([a-z_]+)`/g)].map((match) => match[1] ?? ''),
      },
    ]),
  );
}

describe('the table of metrics', () => {
  it('is the list in docs/metrics.md, with the same types and labels in the same order', () => {
    expect([...documented()]).toEqual(rows.map(([name, { type, labels }]) => [name, { type, labels }]));
  });

  it('has the thirteen classic metrics with their labels', () => {
    const signature = (name: keyof typeof metricFacts): string =>
      `${metricFacts[name].type} ${name}{${metricFacts[name].labels.join(',')}}`;
    expect(classicNames.map(signature)).toEqual([
      'counter backup_total{type,status}',
      'counter backup_errors_total{error_type}',
      'counter backup_verification_total{status}',
      'counter backup_restore_total{status}',
      'histogram backup_duration_seconds{type,status}',
      'histogram backup_size_bytes{type}',
      'histogram backup_encryption_time_seconds{}',
      'histogram backup_upload_time_seconds{cloud_provider}',
      'gauge backup_success_rate{type}',
      'gauge backup_total_size_bytes{type}',
      'gauge backup_health_status{check_type}',
      'gauge backup_disk_usage_percent{}',
      'gauge backup_disk_free_bytes{}',
    ]);
    expect(metricNames.slice(0, classicNames.length)).toEqual(classicNames);
  });

  it('has buckets for backups: 1 s to 12 h, 1 MiB to 10 TiB', () => {
    const ends = (buckets: readonly number[]): unknown => [buckets[0], buckets.at(-1)];
    expect(ends(metricFacts.backup_duration_seconds.buckets)).toEqual([1, 12 * 3600]);
    expect(ends(metricFacts.backup_size_bytes.buckets)).toEqual([2 ** 20, 10 * 2 ** 40]);
    expect(metricFacts.backup_encryption_time_seconds.buckets[0]).toBeLessThan(1);
    expect(metricFacts.backup_upload_time_seconds.buckets[0]).toBeLessThan(1);
  });

  it.each(rows)('%s follows the conventions of Prometheus', (name, { type, help, labels, buckets }) => {
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(help).toMatch(/^[A-Z][^"\n\\]*\.$/);
    expect(labels).not.toContain('instance');
    expect(buckets !== undefined).toBe(type === 'histogram');
    expect(buckets ?? []).toEqual([...new Set(buckets)].toSorted((one, other) => one - other));
  });
});
