import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fetchFiring } from '../../exporter/src/load/alerts.ts';
import { startPrometheus, type PrometheusServer } from '../servers/prometheus.ts';
import { TestService, tokens } from '../servers/service.ts';

const never = new AbortController().signal;
const rule = (alert: string, expr: string, host: string): object => ({ alert, expr, labels: { host } });
const rules = [
  {
    name: 'hosts',
    rules: [
      rule('DiskSlow', 'vector(1)', 'db1'),
      rule('Hot', 'vector(1)', 'db2'),
      rule('Calm', 'vector(0) > 0', 'db1'),
    ],
  },
];

describe('alerts of a real Prometheus', () => {
  let prometheus: PrometheusServer;
  beforeAll(async () => {
    prometheus = await startPrometheus('127.0.0.1:1', undefined, rules);
    await prometheus.query('ALERTS');
  });
  afterAll(() => prometheus[Symbol.asyncDispose]());

  const access = (): { url: string; timeoutMs: number } => ({ url: prometheus.url, timeoutMs: 10_000 });

  it('are those that fire, for the host that is meant', async () => {
    expect(await fetchFiring(access(), '', never)).toEqual(['DiskSlow', 'Hot']);
    expect(await fetchFiring(access(), 'host="db1"', never)).toEqual(['DiskSlow']);
    expect(await fetchFiring(access(), 'host="db3"', never)).toEqual([]);
  });

  it('hold back backups that matter less until their time is over, and no others', async () => {
    const source = 'source: { type: command, argv: [echo, data] }, every: 10s, stores: [local]';
    await using service = await TestService.start(
      `  - { id: minor, priority: low, ${source} }\n  - { id: major, priority: high, ${source} }`,
      {
        more: `${tokens}\nload: { alerts: { prometheus: { url: '${prometheus.url}', matchers: 'host="db1"' } } }`,
      },
    );
    const ended = async (id: string): Promise<number> =>
      (await service.catalog.runs({ schedule: id, limit: 10 })).length;
    const metrics = async (): Promise<string> =>
      await (await fetch(`http://${service.address}/metrics`)).text();
    const deferred = 'backup_deferred_total{schedule="minor",reason="alert"} 1';
    await vi.waitUntil(async () => (await metrics()).includes(deferred), { timeout: 20_000, interval: 200 });
    expect(await ended('minor')).toBe(0);
    await vi.waitUntil(async () => (await ended('major')) > 0, { timeout: 20_000 });
    await vi.waitUntil(async () => (await ended('minor')) > 0, { timeout: 20_000 });
    expect(await metrics()).not.toContain('backup_deferred_total{schedule="major",reason="alert"}');
  });

  it('that cannot be had are an error that says why, and never an alert', async () => {
    const html = createServer((_request, response) => void response.end('<html>Login</html>')).listen(
      0,
      '127.0.0.1',
    );
    await once(html, 'listening');
    const { port } = html.address() as AddressInfo;
    const wrong = { url: `http://127.0.0.1:${port}`, timeoutMs: 1000 };
    const refused = (message: string): object => ({
      code: 'alerts_unavailable',
      message: expect.stringContaining(message) as string,
    });
    await expect(fetchFiring(wrong, '', never)).rejects.toMatchObject(refused('no Prometheus answer'));
    html.close();
    await expect(fetchFiring({ ...wrong, url: 'http://127.0.0.1:1' }, '', never)).rejects.toMatchObject(
      refused('cannot be reached'),
    );
    await expect(fetchFiring(access(), 'host=', never)).rejects.toMatchObject(refused('bad_data'));
  });
});
