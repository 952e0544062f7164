import type { Installation } from '../compose.ts';
import type { Config } from '../config/schema.ts';
import { followPrometheus } from '../load/history-follower.ts';
import { prometheusOptions, type PrometheusOptions } from '../load/prometheus.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { Tide } from './tide.ts';

/** Takes over what a Prometheus knows of the load of this host, and of others, where the config names one. */
export async function followHistory(
  { config, catalog, clock }: Installation,
  tide: Pick<Tide, 'renew'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const onProblem = (problem: Error): void => log.warn({ err: describe(problem) }, problem.message);
  const { history, hosts } = config.load;
  const followed: Followed[] = [...hostAccess(hosts)].map(([host, prometheus]) => ({
    prometheus,
    days: hosts[host]?.prometheus.days ?? 0,
    record: async (records) => {
      await catalog.hostLoads.record(host, records);
      tide.renew(host);
    },
  }));
  if (history !== undefined) {
    followed.push({
      prometheus: prometheusOptions(history.prometheus, 'load.history.prometheus'),
      days: history.prometheus.days,
      record: async (records) => {
        await catalog.load.record(records, 'coarse');
        tide.renew();
      },
    });
  }
  await Promise.all(followed.map((each) => followPrometheus({ ...each, clock, onProblem }, signal)));
}

type Followed = Pick<Parameters<typeof followPrometheus>[0], 'prometheus' | 'days' | 'record'>;

/** How to ask of each of the hosts under load.hosts. */
export function hostAccess(hosts: Config['load']['hosts']): ReadonlyMap<string, PrometheusOptions> {
  return new Map(
    Object.entries(hosts).map(([host, { prometheus }]) => [
      host,
      prometheusOptions(prometheus, `load.hosts.${host}.prometheus`),
    ]),
  );
}
