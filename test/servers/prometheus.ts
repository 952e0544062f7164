import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chownForServer, freePort, serverFolder, startDaemon } from './daemon.ts';

export interface PrometheusServer extends AsyncDisposable {
  readonly url: string;
  /** Asks until an instant query has an answer; its series as `name{labels}` → value. */
  query(expression: string): Promise<ReadonlyMap<string, number>>;
}

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

const patienceMs = 20_000;

/**
 * A Prometheus of its own that scrapes `target` (host:port) every second; `blocks` is a folder of older data to begin with,
 * `rules` the groups of a rule file.
 */
export async function startPrometheus(
  target: string,
  blocks?: string,
  rules?: readonly unknown[],
): Promise<PrometheusServer> {
  const folder = serverFolder('prometheus');
  const config = join(folder, 'prometheus.yml');
  const job = { job_name: 'lowtide', static_configs: [{ targets: [target] }] };
  // JSON is YAML as well.
  const ruleFile = join(folder, 'rules.yml');
  if (rules !== undefined) writeFileSync(ruleFile, JSON.stringify({ groups: rules }));
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      scrape_configs: [job],
      rule_files: rules === undefined ? [] : [ruleFile],
    }),
  );
  if (blocks !== undefined) cpSync(blocks, join(folder, 'data'), { recursive: true });
  chownForServer(folder);
  const port = await freePort();
  const daemon = await startDaemon({
    argv: [
      'prometheus',
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    folder,
    ready: /Server is ready to receive web requests/,
    stopSignal: 'SIGTERM',
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async query(expression) {
      const until = performance.now() + patienceMs;
      for (;;) {
        const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
        const { data } = (await response.json()) as QueryAnswer;
        if (data.result.length > 0 || performance.now() > until) {
          return new Map(data.result.map(({ metric, value }) => [seriesName(metric), Number(value[1])]));
        }
      }
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function seriesName({ __name__ = '', ...labels }: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).filter(([name]) => name !== 'instance' && name !== 'job');
  return `${__name__}{${pairs.map(([name, value]) => `${name}="${value}"`).join(',')}}`;
}
