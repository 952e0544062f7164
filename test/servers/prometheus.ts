import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chownForServer, freePort, serverFolder, startDaemon } from './daemon.ts';

export interface PrometheusServer extends AsyncDisposable {
  readonly url: string;
  /** Asks until an instant query has an answer; its series as `name{labels}` → value. */
  query(expression: string): Promise<ReadonlyMap<string, number>>;
  /**
   * Asks once, also for what has no answer, at a time in seconds (absent: now). Throws what Prometheus has against the expression.
   */
  ask(expression: string, at?: number): Promise<readonly PrometheusSample[]>;
}

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface PrometheusOptions {
  /** As `prometheus.yml` has it. */
  readonly config: object;
  /** What lies beside it, by name: name → text. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder of older data to begin with. */
  readonly blocks?: string;
  readonly arguments?: readonly string[];
}

interface QueryAnswer {
  readonly error?: string;
  readonly data?: { readonly result: readonly PrometheusSample[] };
}

const patienceMs = 20_000;

/** Quick, for tests. */
const everySecond = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
/** Nearly as quick, and with patience for a page on a busy machine: a scrape that fails takes all series away. */
export const everyTwoSeconds = { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '1s' };

/**
 * A Prometheus of its own that scrapes `target` (host:port) every second; `blocks` is a folder of older data to begin with,
 * `rules` the groups of a rule file.
 */
export async function startPrometheus(
  target: string,
  blocks?: string,
  rules?: readonly unknown[],
): Promise<PrometheusServer> {
  return await startPrometheusWith({
    config: {
      global: everySecond,
      scrape_configs: [{ job_name: 'lowtide', static_configs: [{ targets: [target] }] }],
      rule_files: rules === undefined ? [] : ['rules.yml'],
    },
    files: rules === undefined ? {} : { 'rules.yml': JSON.stringify({ groups: rules }) },
    ...(blocks !== undefined && { blocks }),
  });
}

/** A Prometheus of its own with a config of the caller's. */
export async function startPrometheusWith({
  config,
  files = {},
  blocks,
  arguments: more = [],
}: PrometheusOptions): Promise<PrometheusServer> {
  const folder = serverFolder('prometheus');
  // JSON is YAML as well.
  const all = { ...files, 'prometheus.yml': JSON.stringify(config) };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  if (blocks !== undefined) cpSync(blocks, join(folder, 'data'), { recursive: true });
  chownForServer(folder);
  const port = await freePort();
  const daemon = await startDaemon({
    argv: [
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...more,
    ],
    folder,
    ready: /Server is ready to receive web requests/,
    stopSignal: 'SIGTERM',
  });
  const url = `http://127.0.0.1:${port}`;
  const ask: PrometheusServer['ask'] = async (expression, at) => {
    const parameters = new URLSearchParams({
      query: expression,
      ...(at !== undefined && { time: String(at) }),
    });
    const response = await fetch(`${url}/api/v1/query?${parameters.toString()}`);
    const { error = 'no answer', data } = (await response.json()) as QueryAnswer;
    if (data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result;
  };
  return {
    url,
    ask,
    async query(expression) {
      const until = performance.now() + patienceMs;
      for (;;) {
        const result = await ask(expression);
        if (result.length > 0 || performance.now() > until) {
          return new Map(result.map(({ metric, value }) => [seriesName(metric), Number(value[1])]));
        }
        await sleep(100);
      }
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function seriesName({ __name__ = '', ...labels }: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).filter(([name]) => name !== 'instance' && name !== 'job');
  return `${__name__}{${pairs.map(([name, value]) => `${name}="${value}"`).join(',')}}`;
}
