import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startPrometheus, type PrometheusServer } from '../servers/prometheus.ts';
import { TestService, tokens } from '../servers/service.ts';

const hour = 3_600_000;
/** Quiet for two hours of each day (UTC), the first of them three hours from now; busy else, and now. */
const quietAt = [3, 4].map((ahead) => new Date(Date.now() + ahead * hour).getUTCHours());
const cpu = `0.05 + 0.9 * ((hour() != bool ${quietAt[0]}) * (hour() != bool ${quietAt[1]}))`;

let prometheus: PrometheusServer;
let service: TestService | undefined;
beforeAll(async () => {
  prometheus = await startPrometheus('127.0.0.1:1');
});
afterEach(async () => {
  await service?.[Symbol.asyncDispose]();
  service = undefined;
});
afterAll(() => prometheus[Symbol.asyncDispose]());

/** A database on another host, whose load a Prometheus knows. */
const hosts = (url: string): string =>
  `{ db1: { prometheus: { url: '${url}', days: 9, queries: { cpu: '${cpu}', memory: 'vector(0.2)', disk: 'vector(0)' } } } }`;
const source = 'source: { type: command, argv: [echo, data] }, stores: [local]';

const startWith = async (url: string, schedules: readonly string[]): Promise<TestService> =>
  (service = await TestService.start(schedules.map((each) => `  - { ${each}, ${source} }`).join('\n'), {
    more: `${tokens}\nload: { high_water: { cpu: 1, disk: 1, memory: 1, pressure: { cpu: 1, memory: 1, disk: 1 } }, hosts: ${hosts(url)} }`,
  }));

const reasons = async (of: TestService): Promise<readonly (string | undefined)[]> =>
  (await of.catalog.eventsAfter(0, 1000)).flatMap(({ body }) =>
    body.name === 'run:deferred' && body.schedule === 'soon' ? [body.reason] : [],
  );

describe('the load of another host', () => {
  it('is what the backups of schedules that name it are planned by, and can be asked for', async () => {
    const daily = `every: 1d, window: '00:00-00:00', timezone: UTC`;
    const of = await startWith(prometheus.url, [`id: far, host: db1, ${daily}`, `id: near, ${daily}`]);
    await vi.waitUntil(
      async () => (await of.catalog.hostLoads.records('db1', 0, Date.now())).length > 8 * 288,
      {
        timeout: 20_000,
      },
    );
    const plan = async (): Promise<Record<string, Record<string, unknown>>> => {
      const { body } = await of.call('/plan?hours=24');
      const slots = body['slots'] as Record<string, unknown>[];
      return Object.fromEntries(slots.toReversed().map((slot) => [String(slot['schedule']), slot]));
    };
    // A plan is kept for some seconds.
    const far = await vi.waitUntil(
      async () => {
        const slot = (await plan())['far'];
        // Where midnight lies between the two, the occurrence to come begins with the second.
        return quietAt.includes(new Date(String(slot?.['start'])).getUTCHours()) ? slot : undefined;
      },
      { timeout: 30_000, interval: 500 },
    );
    expect(far).toMatchObject({
      loadHost: 'db1',
      forecast: { cpu: expect.closeTo(0.05, 1) as number, memory: expect.closeTo(0.2, 2) as number },
      // The other one, of whose host nothing is known, may begin at the same midnight.
      reason: { code: expect.stringMatching(/^(quietest|shared)$/) as string },
    });
    expect((await plan())['near']).not.toHaveProperty('loadHost');
    expect((await of.call('/schedules/far')).body).toMatchObject({ loadHost: 'db1' });

    const { body: load } = await of.call('/load?hours=168&loadHost=db1');
    const [processors] = load['resources'] as Record<string, unknown>[];
    expect(processors).toMatchObject({
      resource: 'cpu',
      basis: 'days',
      statistics: { median: expect.closeTo(0.95, 2) as number },
    });
    const unknown = await of.call('/load?loadHost=db2');
    expect(unknown.body).toMatchObject({ status: 404, detail: expect.stringContaining('db2') as string });
  });

  it('holds them up while it is busy, at most to their deadline', async () => {
    const of = await startWith(prometheus.url, ['id: soon, host: db1, every: 10s, max_delay: 10s']);
    await vi.waitUntil(async () => (await reasons(of)).includes('host_cpu'), { timeout: 30_000 });
    await vi.waitUntil(
      async () => (await of.catalog.runs({ schedule: 'soon', status: 'completed', limit: 1 })).length > 0,
      { timeout: 30_000 },
    );
  });

  it('that nobody tells of holds up nothing, and the log says so once', async () => {
    const of = await startWith('http://127.0.0.1:1', ['id: soon, host: db1, every: 10s']);
    await vi.waitUntil(
      async () => (await of.catalog.runs({ schedule: 'soon', status: 'completed', limit: 1 })).length === 1,
      { timeout: 30_000 },
    );
    expect(await reasons(of)).toEqual([]);
    const told = of.log.filter(({ msg }) => String(msg).includes('the present cpu load is not known'));
    expect(told).toMatchObject([
      { err: { hint: expect.stringContaining('load.hosts.db1.prometheus') as string } },
    ]);
  });
});
