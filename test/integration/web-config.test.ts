import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import bcrypt from 'bcryptjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { startHttp, type HttpOptions, type HttpServer } from '../../exporter/src/http/server.ts';
import { serviceMetrics } from '../../exporter/src/metrics/metrics.ts';
import { metricsSample } from '../golden/metrics-sample.ts';
import { eventually } from '../servers/eventually.ts';
import { Authority } from '../servers/certificates.ts';

let folder: string;
let ca: Authority;
let server: ReturnType<Authority['issue']>;
let client: ReturnType<Authority['issue']>;
let stranger: ReturnType<Authority['issue']>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-web-'));
  ca = new Authority(folder);
  server = ca.issue('server');
  client = ca.issue('client');
  stranger = new Authority(folder, 'other').issue('stranger');
});
afterAll(() => rmSync(folder, { recursive: true }));

const started: HttpServer[] = [];
const reloads: (LowtideError | undefined)[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each[Symbol.asyncDispose]()));
  reloads.length = 0;
});

const webFile = (): string => join(folder, 'web.yml');
async function start(webConfig: string, more: Partial<HttpOptions> = {}): Promise<HttpServer> {
  writeFileSync(webFile(), webConfig);
  const { metrics, pages } = serviceMetrics(metricsSample());
  const http = await startHttp({
    listen: '127.0.0.1:0',
    version: '1.2.3',
    instance: 'db-host-1',
    metrics,
    pages,
    health: () => Promise.resolve([]),
    onError: () => undefined,
    webConfigFile: webFile(),
    onWebReload: (error) => reloads.push(error),
    webCheckMs: 20,
    ...more,
  });
  started.push(http);
  return http;
}

const tls = (more = ''): string =>
  `tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n${more}`;

async function get(
  http: HttpServer,
  more: RequestOptions = {},
): Promise<{ status: number | undefined; body: string; headers: IncomingMessage['headers'] }> {
  const sent = request(`https://${http.address}/-/healthy`, {
    ca: readFileSync(ca.certFile),
    agent: new Agent({ maxCachedSessions: 0 }),
    ...more,
  }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response), headers: response.headers };
}

const asClient = ({ certFile, keyFile }: ReturnType<Authority['issue']>): RequestOptions => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
});

describe('TLS', () => {
  it('is spoken with the certificate of the web config, from TLS 1.2 on', async () => {
    const http = await start(tls());
    expect(http.scheme).toBe('https');
    expect(await get(http)).toMatchObject({ status: 200, body: 'Lowtide is running.\n' });
    await expect(get(http, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
    await expect(fetch(`http://${http.address}/-/healthy`)).rejects.toThrow();
  });

  it('is held to the versions asked for', async () => {
    const http = await start(tls('  min_version: TLS13\n'));
    await expect(get(http, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    expect((await get(http)).status).toBe(200);
  });

  it.each([
    ['NoClientCert', [true, true, true]],
    ['RequestClientCert', [true, true, true]],
    ['RequireAnyClientCert', [false, true, true]],
    ['VerifyClientCertIfGiven', [true, false, true]],
    ['RequireAndVerifyClientCert', [false, false, true]],
  ] as const)('%s lets in nobody, a stranger, a client of ours: %j', async (policy, expected) => {
    const verifies = policy.includes('Verify');
    const http = await start(
      tls(`  client_auth_type: ${policy}\n${verifies ? '  client_ca_file: authority.crt\n' : ''}`),
    );
    const tries = [{}, asClient(stranger), asClient(client)];
    const letIn = await Promise.all(
      tries.map((each) =>
        get(http, each).then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    );
    expect(letIn).toEqual(expected);
  });

  it('is spoken with certificate and key that stand in the web config itself, over the curves asked for', async () => {
    const inline = (name: string, file: string): string =>
      `  ${name}: |\n${readFileSync(file, 'utf8').replace(/^/gm, '    ')}\n`;
    const http = await start(
      `tls_server_config:\n${inline('cert', server.certFile)}${inline('key', server.keyFile)}${inline('client_ca', ca.certFile)}  client_auth_type: RequireAndVerifyClientCert\n  curve_preferences: [CurveP384]\n`,
    );
    expect((await get(http, asClient(client))).status).toBe(200);
    await expect(get(http, { ...asClient(client), ecdhCurve: 'P-384' })).resolves.toMatchObject({
      status: 200,
    });
    await expect(get(http, { ...asClient(client), ecdhCurve: 'X25519' })).rejects.toThrow();
  });

  it.each([
    ['[localhost]', true],
    ['[other.example, "127.0.0.1"]', true],
    ['[other.example]', false],
  ])('lets in clients by the names of their certificates: %s', async (names, letIn) => {
    const http = await start(
      tls(
        `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n  client_allowed_sans: ${names}\n`,
      ),
    );
    const answer = get(http, asClient(client));
    if (letIn) expect((await answer).status).toBe(200);
    else await expect(answer).rejects.toThrow();
  });

  it('does not wait for a client that never ends its handshake', async () => {
    const http = await start(tls(), { limits: { headersMs: 200, requestMs: 200 } });
    const [host = '', port = ''] = http.address.split(':');
    const { connect: dial } = await import('node:net');
    const slow = dial(Number(port), host);
    slow.on('error', () => undefined);
    await once(slow, 'close');
    expect((await get(http)).status).toBe(200);
  });
});

describe('a web config with mistakes', () => {
  it.each([
    ['no certificate', 'tls_server_config: { cert_file: none.crt, key_file: server.key }', 'none.crt'],
    [
      'a key of another',
      'tls_server_config: { cert_file: server.crt, key_file: client.key }',
      'key values mismatch',
    ],
    [
      'a certificate that is none',
      'tls_server_config: { cert_file: web.yml, key_file: server.key }',
      'TLS does not take certificate',
    ],
    [
      'a client CA that holds none',
      tls('  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: web.yml\n'),
      'client_ca holds no certificate',
    ],
    [
      'a client CA that was cut off',
      tls('  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: torn.crt\n'),
      'a certificate of client_ca cannot be read',
    ],
    [
      'versions that exclude each other',
      tls('  min_version: TLS13\n  max_version: TLS12\n'),
      'min_version is above max_version',
    ],
    ['ciphers that nobody has', tls('  cipher_suites: [TLS_NO_WITH_SUCH]\n'), 'no cipher match'],
    ['a certificate in two ways', tls('  cert: inline\n'), 'two ways'],
    ['names of clients without certificates', tls('  client_allowed_sans: [a]\n'), 'requires one'],
    ['a rate without a burst', 'rate_limit: { interval: 1s }', 'rate_limit.burst'],
    ['a rate that is no duration', 'rate_limit: { interval: often, burst: 1 }', 'rate_limit.interval'],
    [
      'a client CA that is missing',
      tls('  client_auth_type: RequireAndVerifyClientCert\n'),
      'client_ca_file',
    ],
    ['an unknown key', 'tls_config: {}', 'tls_config'],
    ['a password in clear', 'basic_auth_users: { prometheus: hunter2hunter2 }', 'bcrypt'],
    ['no YAML', 'a: [', 'web.yml'],
  ])('is refused at the start: %s', async (_, config, message) => {
    writeFileSync(join(folder, 'torn.crt'), readFileSync(ca.certFile).subarray(0, 300));
    const refused = start(config);
    await expect(refused).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(message) as string,
    });
    await expect(refused).rejects.not.toThrow('hunter2');
  });

  it('is refused where there is none', async () => {
    await expect(start('', { webConfigFile: join(folder, 'none.yml') })).rejects.toMatchObject({
      code: 'config_missing',
    });
  });
});

describe('a web config that changes', () => {
  const certificateOf = async (http: HttpServer): Promise<string> => {
    const [host = '', port = ''] = http.address.split(':');
    const socket: TLSSocket = connect({ host, port: Number(port), ca: readFileSync(ca.certFile) });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };

  it('is taken up while connections go on, also where only the certificate was renewed', async () => {
    const http = await start(tls());
    const before = await certificateOf(http);
    ca.issue('server');
    await eventually(() => expect(reloads).toEqual([undefined]));
    expect(await certificateOf(http)).not.toBe(before);
    writeFileSync(
      webFile(),
      tls('http_server_config: { headers: { Strict-Transport-Security: max-age=60 } }\n'),
    );
    await eventually(() => expect(reloads.length).toBe(2));
    expect((await get(http)).headers['strict-transport-security']).toBe('max-age=60');
  });

  it('to something that cannot be used leaves the one before in force, and says so once', async () => {
    const http = await start(tls());
    const before = await certificateOf(http);
    const key = readFileSync(server.keyFile);
    writeFileSync(server.keyFile, 'no key at all');
    try {
      await eventually(() => expect(reloads).toEqual([expect.objectContaining({ code: 'config_invalid' })]));
      await http.reloadWebConfig();
      expect(reloads.length).toBe(2);
      expect(await certificateOf(http)).toBe(before);
    } finally {
      writeFileSync(server.keyFile, key);
    }
    await eventually(() => expect(reloads.at(-1)).toBeUndefined());
    writeFileSync(webFile(), '');
    await eventually(() => expect(reloads.at(-1)?.message).toContain('restart'));
    expect((await get(http)).status).toBe(200);
  });

  it('to files that are not there yet is taken up as soon as they are', async () => {
    const renewed = join(folder, 'renewed.crt');
    rmSync(renewed, { force: true });
    const http = await start(tls());
    writeFileSync(webFile(), tls().replace('server.crt', 'renewed.crt'));
    await eventually(() => expect(reloads.map((error) => error?.code)).toEqual(['config_invalid']));
    writeFileSync(renewed, readFileSync(server.certFile));
    await eventually(() => expect(reloads.length).toBe(2));
    expect(reloads[1]).toBeUndefined();
    expect((await get(http)).status).toBe(200);
  });

  it('to a client CA that cannot be used locks nobody out', async () => {
    const authority = join(folder, 'clients.crt');
    writeFileSync(authority, readFileSync(ca.certFile));
    const http = await start(
      tls('  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n'),
    );
    writeFileSync(authority, 'no certificate at all');
    await eventually(() => expect(reloads.map((error) => error?.code)).toEqual(['config_invalid']));
    expect((await get(http, asClient(client))).status).toBe(200);
  });
});

describe('basic auth', () => {
  const users = (password: string, cost = 4): string =>
    `basic_auth_users:\n  prometheus: ${bcrypt.hashSync(password, cost)}\n`;
  const basic = (user: string, password: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });
  const statusOf = async (
    http: HttpServer,
    headers: Record<string, string> = {},
    path = '/metrics',
  ): Promise<number> => (await fetch(`http://${http.address}${path}`, { headers })).status;

  it('asks for user and password, and takes up new ones', async () => {
    const http = await start(users('right'));
    expect(http.scheme).toBe('http');
    const refused = await fetch(`http://${http.address}/metrics`);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="lowtide"']);
    expect(await statusOf(http, basic('prometheus', 'right'))).toBe(200);
    expect(await statusOf(http, basic('prometheus', 'wrong'))).toBe(401);
    expect(await statusOf(http, basic('nobody', 'right'))).toBe(401);
    expect(await statusOf(http, { authorization: 'Bearer something' })).toBe(401);
    writeFileSync(webFile(), users('new'));
    await eventually(() => expect(reloads).toEqual([undefined]));
    expect(await statusOf(http, basic('prometheus', 'right'))).toBe(401);
  });

  it('does not listen to guessers, and goes on listening to Prometheus beside them', async () => {
    const http = await start(users('right'));
    expect(await statusOf(http, basic('prometheus', 'right'))).toBe(200);
    for (let count = 0; count < 4; count += 1) await statusOf(http, basic('prometheus', `guess ${count}`));
    expect(await statusOf(http, basic('prometheus', 'another guess'))).toBe(429);
    expect(await statusOf(http, basic('prometheus', 'right'))).toBe(200);
  });

  it('looks at one guess of an address after the other, however many come at once', async () => {
    // So that looking takes longer than arriving.
    const http = await start(users('right', 12));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => statusOf(http, basic('prometheus', `guess ${index}`))),
    );
    expect(answers.toSorted()).toEqual(answers.map((_, index) => (index < 4 ? 401 : 429)));
  });

  it('is not even looked at above the rate limit', async () => {
    const http = await start('rate_limit: { interval: 1h, burst: 3 }\n');
    const answers: number[] = [];
    for (let count = 0; count < 5; count += 1) answers.push(await statusOf(http));
    expect(answers).toEqual([200, 200, 200, 429, 429]);
    expect(reloads).toEqual([]);
    writeFileSync(webFile(), 'rate_limit: { interval: 0, burst: 1 }\n');
    await eventually(() => expect(reloads).toEqual([undefined]));
    for (let count = 0; count < 5; count += 1) expect(await statusOf(http)).toBe(200);
  });

  it('guards every page, and leaves the API to its tokens', async () => {
    const http = await start(users('right'));
    for (const path of ['/', '/metrics', '/-/healthy', '/-/ready', '/api/v1/status', '/anything']) {
      expect(await statusOf(http, {}, path)).toBe(401);
    }
    // Nobody looks at a token there, so that any would do.
    expect(await statusOf(http, { authorization: 'Bearer token' }, '/api/v1/openapi.json')).toBe(401);
    expect(await statusOf(http, { authorization: 'Bearer token' }, '/api/v1/status')).toBe(404);
  });
});
