import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { json, Router } from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import type { HealthCheck } from '../../exporter/src/health/health.ts';
import { startHttp, type HttpOptions, type HttpServer } from '../../exporter/src/http/server.ts';
import { serviceMetrics } from '../../exporter/src/metrics/metrics.ts';
import { metricsSample } from '../golden/metrics-sample.ts';

const servers: HttpServer[] = [];
const errors: unknown[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]()));
  errors.length = 0;
});

async function start(
  more: Partial<HttpOptions> = {},
): Promise<{ url: string; address: string; port: number }> {
  const { metrics, pages } = serviceMetrics(metricsSample());
  const server = await startHttp({
    listen: '127.0.0.1:0',
    version: '1.2.3',
    instance: 'db-host-1',
    metrics,
    pages,
    health: () => Promise.resolve([]),
    onError: (error) => errors.push(error),
    ...more,
  });
  servers.push(server);
  return {
    url: `http://${server.address}`,
    address: server.address,
    port: Number(server.address.split(':').at(-1)),
  };
}

/** Speaks bytes, for what no HTTP client would send. */
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const requestCounts = async (url: string): Promise<string[]> => {
  const page = await (await fetch(`${url}/metrics`)).text();
  return page
    .split('\n')
    .filter((line) => line.startsWith('lowtide_http_request_duration_seconds_count'))
    .map((line) => line.replace(/^[^{]*/, ''));
};

describe('the public pages', () => {
  it('greet people at / with version, instance and links, under a strict policy', async () => {
    const { url } = await start({
      routers: [
        {
          path: '/api/v1',
          router: Router(),
          link: { href: '/api/v1/openapi.json', text: 'API', description: 'What it does.' },
        },
      ],
    });
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.has('x-powered-by')).toBe(false);
    const page = await response.text();
    for (const part of [
      '1.2.3',
      'db-host-1',
      'href="/metrics"',
      'href="/-/ready"',
      'href="/api/v1/openapi.json"',
    ]) {
      expect(page).toContain(part);
    }
  });

  it.each([
    ['text', '*/*', 'text/plain; version=0.0.4; charset=utf-8', '# TYPE backup_total counter\n'],
    [
      'OpenMetrics',
      'application/openmetrics-text;version=1.0.0',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
      '# TYPE backup counter\n',
    ],
  ])('give the metrics as %s', async (_, accept, type, line) => {
    const { url } = await start();
    const response = await fetch(`${url}/metrics`, { headers: { accept } });
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('vary')).toBe('Accept, Accept-Encoding');
    expect(await response.text()).toContain(line);
  });

  it.each([
    ['gzip', 'gzip'],
    ['gzip;q=0.5, identity;q=0.1', 'gzip'],
    ['br, gzip, deflate', 'gzip'],
    ['*', 'gzip'],
    ['identity', undefined],
    ['gzip;q=0', undefined],
    ['br', undefined],
    [undefined, undefined],
  ])('compress the metrics for Accept-Encoding %s as %s', async (accepted, encoding) => {
    const { url } = await start();
    const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
    const request = httpRequest(`${url}/metrics`, { headers, agent: new Agent() }).end();
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    expect(response.headers['content-encoding']).toBe(encoding);
    expect(Number(response.headers['content-length'])).toBe(body.length);
    expect((encoding === 'gzip' ? gunzipSync(body) : body).toString()).toContain('\nbackup_total{');
  });

  it('are healthy as long as the process answers', async () => {
    const { url } = await start({ health: () => Promise.reject(new Error('all is lost')) });
    const response = await fetch(`${url}/-/healthy`);
    expect([response.status, await response.text()]).toEqual([200, 'Lowtide is running.\n']);
  });

  it('are ready when every check passes, and otherwise tell which do not and what to do', async () => {
    const good: HealthCheck = { type: 'catalog', ok: true, message: 'The catalog can be written.' };
    const bad: HealthCheck = { type: 'stores', ok: false, message: 'offsite is down.', hint: 'Look at it.' };
    let checks = [good];
    const { url } = await start({ health: () => Promise.resolve(checks) });
    const ready = await fetch(`${url}/-/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', checks }]);
    checks = [good, bad];
    const failing = await fetch(`${url}/-/ready`);
    expect(failing.status).toBe(503);
    expect(failing.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await failing.json()).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: '1 of 2 checks fail: stores.',
      checks,
    });
  });

  it.each(['/', '/metrics', '/-/healthy', '/-/ready'])(
    'answer HEAD %s as GET, without the body',
    async (path) => {
      const { url } = await start();
      const get = await fetch(`${url}${path}`);
      const head = await fetch(`${url}${path}`, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
      expect(head.headers.has('content-length')).toBe(true);
      expect(await head.text()).toBe('');
    },
  );

  it.each([
    ['POST', '/metrics'],
    ['PUT', '/'],
    ['DELETE', '/-/healthy'],
    ['PATCH', '/-/ready'],
    ['OPTIONS', '/metrics'],
  ])('do not answer %s %s, and tell what they do answer', async (method, path) => {
    const { url } = await start();
    const response = await fetch(`${url}${path}`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 405, title: 'Method Not Allowed', code: 'usage' });
  });

  it.each([
    ['/nothing', 404, 'not_found'],
    ['/metrics/more', 404, 'not_found'],
    ['/-/', 404, 'not_found'],
    ['/%zz', 404, 'not_found'],
  ])('have a problem document for %s', async (path, status, code) => {
    const { url } = await start();
    const response = await fetch(`${url}${path}`);
    expect([response.status, await response.json()]).toEqual([
      status,
      expect.objectContaining({ status, code }),
    ]);
  });
});

describe('routers handed in', () => {
  const router = Router();
  router.get('/items/:id', (request, response) => void response.json({ id: request.params.id }));
  router.get('/broken', () => Promise.reject(new Error('password=hunter2')));
  router.get('/refused', () => {
    throw new LowtideError('run_active', 'a run of db is going on', { hint: 'Wait for it.' });
  });
  router.get('/half', (_request, response) => {
    response.write('half of ');
    throw new Error('no more');
  });
  const routers = [{ path: '/api/v1', router }];

  it('are served, and measured by their patterns', async () => {
    const { url } = await start({ routers });
    for (const id of ['1', '2', '%zz']) await fetch(`${url}/api/v1/items/${id}`);
    for (const path of ['/scanner/.git/config', '/API/v1/items/3', '/api/V1/items/3'])
      await fetch(`${url}${path}`);
    expect(await requestCounts(url)).toEqual([
      '{route="/api/v1/items/:id",method="GET",code="200"} 2',
      '{route="none",method="GET",code="400"} 1',
      '{route="none",method="GET",code="404"} 3',
    ]);
  });

  it('fail without telling why to anybody but the log', async () => {
    const { url } = await start({ routers });
    const response = await fetch(`${url}/api/v1/broken`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('hunter2');
    expect(errors).toMatchObject([{ message: 'password=hunter2' }]);
  });

  it('refuse in their own words', async () => {
    const { url } = await start({ routers });
    const response = await fetch(`${url}/api/v1/refused`);
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({
        code: 'run_active',
        detail: 'a run of db is going on',
        hint: 'Wait for it.',
      }),
    ]);
    expect(errors).toEqual([]);
  });

  it('that fail midway hang up rather than pass half an answer for a whole one', async () => {
    const { url } = await start({ routers });
    await expect(fetch(`${url}/api/v1/half`).then((response) => response.text())).rejects.toThrow();
  });
});

describe('bad clients', () => {
  it('with too large headers get 431, and a problem document', async () => {
    const { port } = await start({ limits: { headerBytes: 2000 } });
    const socket = await dial(port);
    socket.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(4000)}\r\n\r\n`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    expect(answer).toContain('application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ status: 431, code: 'usage' });
  });

  it('that speak no HTTP get 400', async () => {
    const { port } = await start();
    const socket = await dial(port);
    socket.write('\x16\x03\x01\x02\x00 this is TLS\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('that never end their headers get 408, and others are served meanwhile', async () => {
    const { url, port } = await start({ limits: { headersMs: 200, requestMs: 200 } });
    const socket = await dial(port);
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  it('that send a byte now and then, two hundred at once, hold up nobody, and are hung up on', async () => {
    const { url, port } = await start({ limits: { headersMs: 300, requestMs: 300 } });
    const slow = await Promise.all(Array.from({ length: 200 }, () => dial(port)));
    const closed = slow.map((socket) => {
      socket.on('error', () => undefined).resume();
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      return new Promise((resolve) => socket.once('close', resolve));
    });
    const drip = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('a');
    }, 20);
    try {
      const began = performance.now();
      expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
      expect(performance.now() - began).toBeLessThan(1000);
      await Promise.all(closed);
    } finally {
      clearInterval(drip);
    }
  });

  it('that never end their body get 408', async () => {
    const reading = Router();
    reading.use(json());
    reading.post('/', (_request, response) => void response.send('read'));
    const { port } = await start({
      routers: [{ path: '/in', router: reading }],
      limits: { headersMs: 200, requestMs: 200 },
    });
    const socket = await dial(port);
    socket.write(
      'POST /in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
    );
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  it('that never read their answer are hung up on', async () => {
    const big = Router();
    const gone = Promise.withResolvers<undefined>();
    big.get('/', (_request, response) => {
      response.on('close', () => gone.resolve(undefined));
      response.send(Buffer.alloc(64 * 2 ** 20));
    });
    const { url, port } = await start({
      routers: [{ path: '/big', router: big }],
      limits: { idleMs: 200 },
    });
    const socket = await dial(port);
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n');
    await gone.promise;
    socket.destroy();
    expect(await requestCounts(url)).toContain('{route="/big/",method="GET",code="499"} 1');
  });
});

describe('the server', () => {
  it('is refused an address that is taken, with the way out', async () => {
    const { address } = await start();
    await expect(start({ listen: address })).rejects.toMatchObject({
      code: 'listen_failed',
      message: `cannot listen on ${address}: another program listens there`,
      hint: expect.stringContaining('server.listen') as string,
    });
  });

  it('is refused an address of another machine', async () => {
    await expect(start({ listen: '192.0.2.1:0' })).rejects.toMatchObject({ code: 'listen_failed' });
  });

  it('is refused what is no address', async () => {
    await expect(start({ listen: 'anywhere' })).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('listens on several addresses, or on none of them', async () => {
    const { address } = await start({ listen: ['127.0.0.1:0', '[::1]:0'] });
    const [server] = servers;
    expect(server?.addresses).toEqual([address, expect.stringMatching(/^\[::1\]:/)]);
    for (const each of server?.addresses ?? []) {
      expect((await fetch(`http://${each}/-/healthy`)).status).toBe(200);
    }
    await expect(start({ listen: ['127.0.0.1:0', address] })).rejects.toMatchObject({
      code: 'listen_failed',
    });
  });

  it('listens on IPv6', async () => {
    const { url, address } = await start({ listen: '[::1]:0' });
    expect(address).toMatch(/^\[::1\]:\d+$/);
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
  });

  it('lets an answer under way end when it closes, and takes no more', async () => {
    const slow = Router();
    const asked = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    slow.get('/', async (_request, response) => {
      asked.resolve(undefined);
      await release.promise;
      response.send('done');
    });
    const { url } = await start({ routers: [{ path: '/slow', router: slow }] });
    const answer = fetch(`${url}/slow`);
    await asked.promise;
    const closed = servers[0]?.[Symbol.asyncDispose]();
    await setImmediate();
    await expect(fetch(`${url}/-/healthy`)).rejects.toThrow();
    release.resolve(undefined);
    const started = performance.now();
    expect(await (await answer).text()).toBe('done');
    await closed;
    // The client would keep its connection for seconds.
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('does not wait for ever for answers when it closes', async () => {
    const never = Router();
    const asked = Promise.withResolvers<undefined>();
    never.get('/', () => asked.resolve(undefined));
    const { url } = await start({ routers: [{ path: '/never', router: never }], limits: { closeMs: 50 } });
    const answer = fetch(`${url}/never`);
    const refused = expect(answer).rejects.toThrow();
    await asked.promise;
    await servers[0]?.[Symbol.asyncDispose]();
    await refused;
  });
});
