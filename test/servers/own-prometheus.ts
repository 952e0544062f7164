import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { everyTwoSeconds, type PrometheusOptions } from './prometheus.ts';

const folder = join(import.meta.dirname, '../../provisioning/prometheus');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

interface PrometheusConfig {
  readonly global: object;
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly object[];
  }[];
}

/**
 * The config and the rules of provisioning/prometheus, for an exporter at `target`, and every two seconds instead of every
 * half minute. What was scraped once counts for years: a question about next year is answered as if nothing had changed by then.
 * Instead of one exporter it may be some, each by the name under which DNS would have told of it.
 */
export function ownPrometheus(target: string | ReadonlyMap<string, string>): PrometheusOptions {
  const config = parse(read('prometheus.yml')) as PrometheusConfig;
  const job = config.scrape_configs.find(({ job_name }) => job_name === 'backups');
  if (job === undefined) throw new Error('prometheus.yml has no job backups');
  const targets =
    typeof target === 'string'
      ? [{ targets: [target] }]
      : [...target].map(([name, address]) => ({ targets: [address], labels: { __meta_dns_name: name } }));
  return {
    config: {
      ...config,
      global: { ...config.global, ...everyTwoSeconds },
      scrape_configs: [{ ...job, static_configs: targets }],
    },
    files: Object.fromEntries(
      ['rules/lowtide-alerts.yml', 'rules/lowtide-recordings.yml'].map((name) => [
        name,
        read(name).replace('interval: 1m', 'interval: 1s'),
      ]),
    ),
    arguments: ['--query.lookback-delta=1000d'],
  };
}
