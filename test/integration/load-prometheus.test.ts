import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { ManualClock } from '../../exporter/src/clock/manual.ts';
import { parseConfig } from '../../exporter/src/config/read.ts';
import { followPrometheus } from '../../exporter/src/load/history-follower.ts';
import type { LoadRecord } from '../../exporter/src/load/load.ts';
import {
  fetchHistory,
  nodeExporterQueries,
  prometheusOptions,
  type PrometheusOptions,
} from '../../exporter/src/load/prometheus.ts';
import { startPrometheus, type PrometheusServer } from '../servers/prometheus.ts';

const minute = 60_000;
const step = 5 * minute;
const day = 86_400_000;
/** Whole steps, and old enough to have been compacted. */
const until = Math.floor(Date.now() / day) * day;
const from = until - 10 * day;
const never = new AbortController().signal;

/** Ten days of a host with two processors as node_exporter shows it: busy by day, idle by night; one day is missing. */
function openMetrics(): string {
  const cpu: string[] = ['# TYPE node_cpu_seconds counter'];
  const memory: string[] = ['# TYPE node_memory_MemAvailable_bytes gauge'];
  const total: string[] = ['# TYPE node_memory_MemTotal_bytes gauge'];
  const idle = [0, 0];
  for (let at = from - step; at <= until; at += minute) {
    const isDay = (at % day) / 3_600_000 >= 8;
    for (const core of [0, 1]) idle[core] = (idle[core] ?? 0) + (isDay ? 15 : 54);
    if (at >= from + 3 * day && at < from + 4 * day) continue;
    for (const core of [0, 1]) {
      cpu.push(
        `node_cpu_seconds_total{cpu="${core}",mode="idle",instance="db1:9100"} ${idle[core] ?? 0} ${at / 1000}`,
      );
    }
    memory.push(`node_memory_MemAvailable_bytes{instance="db1:9100"} 25 ${at / 1000}`);
    total.push(`node_memory_MemTotal_bytes{instance="db1:9100"} 100 ${at / 1000}`);
  }
  return [...cpu, ...memory, ...total, '# EOF', ''].join('\n');
}

describe('the history of a real Prometheus', () => {
  let folder: string;
  let server: PrometheusServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-history-'));
    writeFileSync(join(folder, 'history.txt'), openMetrics());
    const blocks = join(folder, 'blocks');
    mkdirSync(blocks);
    const made = spawnSync(
      'promtool',
      ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'history.txt'), blocks],
      {
        encoding: 'utf8',
      },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    server = await startPrometheus('127.0.0.1:1', blocks);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const options = (more: Partial<PrometheusOptions> = {}): PrometheusOptions => ({
    setting: 'load.history.prometheus',
    url: server.url,
    queries: nodeExporterQueries('instance="db1:9100"'),
    timeoutMs: 20_000,
    ...more,
  });

  it('comes in steps of five minutes over several pages, with gaps as gaps', async () => {
    const { records, problems } = await fetchHistory(options(), from, until, never);
    expect(problems).toEqual([]);
    expect(records.length).toBeGreaterThan(9 * 288 - 10);
    expect(records.length).toBeLessThanOrEqual(9 * 288 + 2);
    expect(records.every(({ at }) => at % step === 0)).toBe(true);
    const at = (time: number): number | undefined => records.find((record) => record.at === time)?.cpu;
    expect(at(from + 2 * day + 3 * 3_600_000)).toBeCloseTo(0.1, 2);
    expect(at(from + 2 * day + 12 * 3_600_000)).toBeCloseTo(0.75, 2);
    expect(at(from + 3.5 * day)).toBeUndefined();
    expect(records[100]).toMatchObject({ memory: 0.75, disk: NaN });
  });

  const configured = (instance: string): PrometheusOptions => {
    const { config } = parseConfig(
      `load: { history: { prometheus: { url: '${server.url}', matchers: 'instance="${instance}"', days: 9 } } }\nstores: {}\nschedules: []\n`,
      { file: 'lowtide.yaml', resolveSecret: () => ({ value: '' }), host: { name: 'db1', timezone: 'UTC' } },
    );
    const prometheus = config.load.history?.prometheus;
    if (prometheus === undefined) throw new Error('the history is configured');
    return prometheusOptions(prometheus, 'load.history.prometheus');
  };

  it('is taken over into the catalog, and followed', async () => {
    await using catalog = openSqliteCatalog(mkdtempSync(join(folder, 'state-')));
    const clock = new ManualClock(until - day);
    const stop = new AbortController();
    const problems: unknown[] = [];
    const onProblem = (problem: unknown): void => void problems.push(problem);
    const following = followPrometheus(
      {
        prometheus: configured('db1:9100'),
        days: 9,
        record: async (records) => await catalog.load.record(records, 'coarse'),
        clock,
        onProblem,
      },
      stop.signal,
    );
    const known = async (): Promise<number> => (await catalog.load.records('coarse', 0, until)).length;
    await vi.waitUntil(async () => (await known()) > 0, { timeout: 20_000 });
    const atFirst = await known();
    expect(atFirst).toBeGreaterThan(7.5 * 288);
    clock.advance(10 * minute);
    await vi.waitUntil(async () => (await known()) > atFirst, { timeout: 20_000 });
    expect(problems).toEqual([]);
    stop.abort();
    await following;
  });

  it('is partly there where one of the queries is wrong', async () => {
    const queries = {
      cpu: 'sum by (',
      memory: 'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
    };
    const { records, problems } = await fetchHistory(options({ queries }), until - day, until, never);
    expect(records[10]).toMatchObject({ cpu: NaN, memory: 0.25 });
    expect(problems).toMatchObject([
      { code: 'history_unavailable', message: expect.stringContaining('bad_data') as string },
    ]);
  });

  it('is asked for anew of the resource alone whose query fails, which is told of once', async () => {
    const clock = new ManualClock(until - day);
    const stop = new AbortController();
    const problems: Error[] = [];
    const recorded: (readonly LoadRecord[])[] = [];
    const queries = { ...nodeExporterQueries('instance="db1:9100"'), cpu: 'sum by (' };
    const following = followPrometheus(
      {
        ...{ prometheus: options({ queries }), days: 9, clock },
        record: (records) => Promise.resolve(void recorded.push(records)),
        onProblem: (problem) => void problems.push(problem),
      },
      stop.signal,
    );
    await vi.waitUntil(() => problems.length > 0, { timeout: 20_000 });
    clock.advance(10 * minute);
    // That of the processors from the start, and what is new of the others.
    await vi.waitUntil(() => recorded.length === 3, { timeout: 20_000 });
    stop.abort();
    await following;
    expect(recorded.map((records) => records.length)).toEqual([expect.toSatisfy((n) => n > 288), 0, 2]);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('no cpu history')]);
  });

  it('is refused where a query gives more than one series', async () => {
    const queries = { cpu: 'node_cpu_seconds_total' };
    const { problems } = await fetchHistory(options({ queries }), until - day, until, never);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('2 series where one belongs'),
    ]);
  });

  it('is empty for a host that nobody knows', async () => {
    const queries = nodeExporterQueries('instance="other:9100"');
    expect(await fetchHistory(options({ queries }), from, until, never)).toEqual({
      ...{ records: [], problems: [] },
      failed: new Set(),
    });
  });

  it('that knows nothing of the host says so, once', async () => {
    const clock = new ManualClock(until - day);
    const stop = new AbortController();
    const problems: Error[] = [];
    let asked = 0;
    const following = followPrometheus(
      {
        prometheus: configured('other:9100'),
        days: 9,
        record: () => Promise.resolve(void (asked += 1)),
        clock,
        onProblem: (problem) => void problems.push(problem),
      },
      stop.signal,
    );
    await vi.waitUntil(() => problems.length > 0, { timeout: 20_000 });
    clock.advance(10 * minute);
    await vi.waitUntil(() => asked === 2, { timeout: 20_000 });
    stop.abort();
    await following;
    expect(problems).toMatchObject([
      {
        code: 'history_unavailable',
        message: 'Prometheus answers, but knows nothing of the load of the host',
        hint: expect.stringContaining('matchers and queries of load.history.prometheus') as string,
      },
    ]);
  });
});

describe('something that is no Prometheus', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  const ask = async (
    answer: Parameters<typeof createServer>[1],
    signal = never,
    user = '',
  ): ReturnType<typeof fetchHistory> => {
    const made = (server = createServer(answer));
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    const { port } = made.address() as AddressInfo;
    const options = {
      setting: 'load',
      url: `http://${user}127.0.0.1:${port}`,
      queries: { cpu: 'up' },
      timeoutMs: 300,
    };
    return await fetchHistory(options, until - day, until, signal);
  };

  it('that answers HTML, or JSON of its own, is named as such', async () => {
    const html = await ask((_request, response) => void response.end('<html>Login</html>'));
    expect(html.problems).toMatchObject([
      { message: expect.stringContaining('no Prometheus answer') as string },
    ]);
    server?.close();
    const json = await ask((_request, response) => void response.end('{"status":"success","data":[]}'));
    expect(json.problems).toMatchObject([
      { message: expect.stringContaining('no Prometheus answer') as string },
    ]);
  });

  const matrix = (values: readonly (readonly [number, string])[]): string =>
    JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values }] } });

  it('that gives percents for shares is told so, and nothing of it is taken', async () => {
    const percents = matrix([10, 15, 20].map((minutes) => [(until - day + minutes * minute) / 1000, '12.5']));
    expect(await ask((_request, response) => void response.end(percents))).toMatchObject({
      records: [],
      problems: [{ message: expect.stringContaining('divide percents by 100') as string }],
    });
  });

  it('that tells of times which nobody asked for is believed nothing of them', async () => {
    const asked = until - day + 10 * minute;
    const times = [asked - 40 * day, asked, asked + 40 * day];
    const answer = matrix(times.map((at) => [at / 1000, '0.5']));
    const { records, problems } = await ask((_request, response) => void response.end(answer));
    expect(problems).toEqual([]);
    expect(records.map(({ at }) => at)).toEqual([asked - step]);
  });

  it('that wants a user and a password is given those of its URL, which no error shows', async () => {
    const given: (string | undefined)[] = [];
    const refuse: Parameters<typeof createServer>[1] = ({ headers }, response) => {
      given.push(headers.authorization);
      response.writeHead(401).end('Unauthorized');
    };
    for (const user of ['bob:hunter%402@', 'bob:50%@', '']) {
      const { problems } = await ask(refuse, never, user);
      expect(problems).toMatchObject([{ message: expect.stringContaining('it answers 401') as string }]);
      expect(JSON.stringify(problems)).not.toMatch(/hunter|50/);
      server?.close();
    }
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(given).toEqual([basic('bob:hunter@2'), basic('bob:50%'), undefined]);
  });

  it('that never answers is given up in time', async () => {
    const { problems } = await ask(() => undefined);
    expect(problems).toMatchObject([{ message: expect.stringContaining('not answered in time') as string }]);
  });

  it('that is not there is named, and a stop is a stop', async () => {
    const gone = {
      setting: 'load.history.prometheus',
      url: 'http://127.0.0.1:1',
      queries: { cpu: 'up' },
      timeoutMs: 300,
    };
    const { problems } = await fetchHistory(gone, until - day, until, never);
    expect(problems).toMatchObject([
      {
        retryable: true,
        message: expect.stringContaining('cannot be reached') as string,
        hint: expect.stringContaining('Check load.history.prometheus') as string,
      },
    ]);
    const reason = new Error('stopped');
    await expect(ask(() => undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
