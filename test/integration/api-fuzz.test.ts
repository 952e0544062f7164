import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, TestService, tokens } from '../servers/service.ts';

/** What is known of openapi.json: the fuzz is made of what a stranger would read. */
interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
}
interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

const secret = 'hunter2hunter2hunter2';
/** What must never be in an answer, nor in the log: passwords, tokens, identities, and where the code lies. */
const leak = new RegExp(
  `${secret}|a-passphrase-for-tests|${admin}|AGE-SECRET-KEY|exporter/src/|node_modules|\\\\n +at `,
);

let service: TestService;
let description: Description;
let operations: readonly (readonly [method: string, path: string, operation: Operation])[];
let backupId: string;

beforeAll(async () => {
  const more = `${tokens}
restore_targets:
  database: { to: "postgres://app:${secret}@127.0.0.1:1/app" }`;
  service = await TestService.start(
    `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }
  - id: db
    source: { type: postgres, url: "postgres://app:${secret}@127.0.0.1:1/app" }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }`,
    { more },
    { apiLimits: { requestsPerSecond: 1e6, burst: 1e6 } },
  );
  mkdirSync(join(service.installation.folder, 'docs'));
  writeFileSync(join(service.installation.folder, 'docs', 'a.txt'), 'hello');
  backupId = String((await service.post('/schedules/docs/run?wait=true')).body['backupId']);
  description = (await service.call('/openapi.json')).body as unknown as Description;
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as const),
  );
});
afterAll(() => service[Symbol.asyncDispose]());

/** Bytes over a socket of their own: no client would send some of this. */
async function exchange(...parts: (string | Buffer)[]): Promise<string> {
  const [host = '', port = ''] = service.address.split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  for (const part of parts) socket.write(part);
  return await text(socket).catch(() => '');
}

function judge(status: number, answer: string): void {
  expect(status, answer).toBeGreaterThanOrEqual(200);
  expect(status, answer).toBeLessThan(500);
  expect(answer).not.toMatch(leak);
  if (status >= 400) {
    expect(JSON.parse(answer)).toMatchObject({
      status,
      title: expect.any(String) as string,
      code: expect.any(String) as string,
    });
  }
}

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom(
    '../../etc/passwd',
    '..%2f..%2fetc%2fpasswd',
    '%00',
    '\u0000',
    '\r\nX-Injected: yes',
    '%0d%0aX-Injected:%20yes',
    "' OR 1=1 --",
    '__proto__',
    'constructor',
    '${file:/etc/passwd}',
    '\u202E\uFEFF\uD800',
    'a'.repeat(300),
    'NaN',
    '-1',
    '1e999',
    '9007199254740993',
    '[object Object]',
    'docs',
  ),
);

/** Words that mean something here: with them a request gets further than its own reading. */
const telling = ['docs', 'db', 'local', 'database', '1d', '2h', '30 2 * * *', '02:00-06:00', 'UTC', 'rewrap'];

/** What the description allows. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    return fitting(description.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting));
  const { minimum = 0, maximum = 1000 } = schema;
  switch (schema.type) {
    case 'string':
      return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...telling) }, fc.string());
    case 'integer':
      return fc.integer({ min: minimum, max: Math.min(maximum, minimum + 1000) });
    case 'number':
      return fc.double({ min: minimum, max: Math.min(maximum, 1), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { maxLength: 3 });
    case 'object': {
      const properties = Object.entries(schema.properties ?? {});
      const arbitraries = Object.fromEntries(properties.map(([key, value]) => [key, fitting(value)]));
      return fc.record(arbitraries, { requiredKeys: [...(schema.required ?? [])] });
    }
    case undefined:
    default:
      return fc.jsonValue();
  }
}

/** What fits, but for one part of it. */
function nearlyFitting(schema: Schema): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(nasty, fc.jsonValue({ maxDepth: 3 }), fc.constant({ $ref: '#' }));
  return fc.tuple(fitting(schema), fc.nat(), wrong, nasty).map(([value, at, part, key]) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return part;
    const keys = [...Object.keys(value), key];
    return { ...value, [keys[at % keys.length] ?? key]: part };
  });
}

/** Of an operation that takes none, that of another. */
function bodyOf(
  { requestBody }: Operation,
  make: (schema: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<string> {
  const schema = requestBody?.content['application/json'].schema ?? {
    $ref: '#/components/schemas/NewSchedule',
  };
  return make(schema).map((value) => JSON.stringify(value));
}

/** Bodies that no schema would think of. */
const oddBodies = [
  '{"target":"database","target":"docs"}',
  '{"mode":"rewrap","mode":"reencrypt","dryRun":true,"dryRun":false}',
  '{"like":"docs","like":"none","every":"1d"}',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  '{"a":',
  '\uFEFF{}',
  '[]',
  '"text"',
  '0',
  'null',
  'true',
  '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}',
  '{"like":"\\ud800"}',
  `{"like":"${'a'.repeat(60_000)}"}`,
  '{"keep":{"last":1e400}}',
  '\u0000',
];

/** More by hand, as in `LOWTIDE_RUNS=20000 vitest run --project integration test/integration/api-fuzz.test.ts`. */
const runs = Number(process.env['LOWTIDE_RUNS'] ?? 2000);

describe('the API', () => {
  it('answers what its own description allows, whatever is asked, and tells no secret', async () => {
    const target = fc
      .constantFrom(...operations)
      .filter(([, , { operationId }]) => operationId !== 'followEvents');
    const request = target.chain(([method, path, operation]) =>
      fc.record({
        method: fc.constant(method),
        path: fc.constant(path),
        id: fc.oneof(nasty, fc.constantFrom('docs', 'db', 'added', backupId, 'none')),
        query: fc.dictionary(
          fc.oneof(nasty, fc.constantFrom(...(operation.parameters ?? []).map(({ name }) => name), 'limit')),
          fc.oneof(nasty, fc.constantFrom('1', '200', 'true', 'completed')),
          { maxKeys: 3 },
        ),
        body: fc.option(
          fc.oneof(
            { weight: 4, arbitrary: bodyOf(operation, nearlyFitting) },
            { weight: 2, arbitrary: bodyOf(operation, fitting) },
            fc.json({ maxDepth: 4 }),
            nasty,
            fc.constantFrom(...oddBodies),
          ),
        ),
        type: fc.constantFrom(
          'application/json',
          'application/json; charset=utf-8',
          'text/plain',
          'application/x-www-form-urlencoded',
          '',
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, id, query, body, type }) => {
        const parameters = new URLSearchParams(query);
        // Only what would take long, or end the test's own service, is left out.
        parameters.delete('wait');
        const url = `/api/v1${path.replace('{id}', encodeURIComponent(id.toWellFormed()))}?${parameters.toString()}`;
        const sent = method === 'GET' || body === null ? null : body;
        const response = await fetch(service.url(url), {
          method,
          headers: {
            authorization: `Bearer ${admin}`,
            ...(sent !== null && type !== '' && { 'content-type': type }),
          },
          ...(sent !== null && { body: Buffer.from(sent) }),
        });
        const answer = await response.text();
        expect(response.headers.has('x-injected')).toBe(false);
        judge(response.status, answer);
        const described = operations.find(([, each]) => each === path && method !== 'HEAD');
        if (response.status < 400 && described !== undefined) {
          const statuses = operations.filter(([verb, each]) => verb === method && each === path);
          expect(statuses.some(([, , { responses }]) => String(response.status) in responses)).toBe(true);
        }
      }),
      { numRuns: runs },
    );
    expect((await service.call('/status')).status).toBe(200);
    expect(JSON.stringify(service.log)).not.toMatch(new RegExp(`${secret}|${admin}|AGE-SECRET`));
    const answered = service.log.filter(({ msg }) => msg === 'a request could not be answered');
    expect(answered).toEqual([]);
    expect(service.log.filter(({ problem }) => problem !== undefined)).toEqual([]);
  }, 120_000);

  it('reads no body as what it is not, whichever route it is sent to', async () => {
    let accepted = 0;
    for (const [method, path, { requestBody }] of operations) {
      if (method === 'GET') continue;
      for (const body of oddBodies) {
        const response = await fetch(service.url(`/api/v1${path.replace('{id}', 'none')}`), {
          method,
          headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
          body,
        });
        judge(response.status, await response.text());
        if (response.status < 300) accepted += 1;
        // Where a body is described, nothing but an object is one.
        if (requestBody !== undefined && !/^\uFEFF?\{/.test(body)) expect(response.status, body).toBe(400);
      }
    }
    // Of two equal keys the last one counts, as JSON.parse has it: a rotation that was asked for, once.
    expect(accepted).toBeLessThanOrEqual(2);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  });

  it('takes headers for what they are', async () => {
    const ask = (lines: string, path = '/api/v1/status', method = 'GET'): Promise<string> =>
      exchange(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`);
    const bearer = `Authorization: Bearer ${admin}\r\n`;
    const cases: readonly (readonly [headers: string, statuses: readonly number[]])[] = [
      [`${bearer}X-Grafana-User: a\r\nX-Grafana-User: b\r\n`, [200]],
      [`${bearer}X-Grafana-User: ${'x'.repeat(1000)}\r\n`, [200]],
      [`${bearer}X-Grafana-User: al\u0001ice\r\n`, [400]],
      [`${bearer}X-Grafana-User: alice\nX-Injected: yes\r\n`, [200, 400]],
      [`${bearer}Last-Event-ID: -1\r\n`, [200]],
      [`${bearer} folded\r\n`, [400, 401]],
      [`Authorization: Bearer nobody\r\nAuthorization: Bearer ${admin}\r\n`, [400, 401]],
      [`Authorization: Basic ${Buffer.from(`x:${admin}`).toString('base64')}\r\n`, [401]],
      [`Authorization: Bearer ${'x'.repeat(600)}\r\n`, [401]],
      [`${bearer}Content-Length: 1\r\nContent-Length: 2\r\n`, [400]],
      [`${bearer}Content-Length: -1\r\n`, [400]],
      [`${bearer}Transfer-Encoding: chunked, identity\r\n`, [400]],
      [`${bearer}Expect: a miracle\r\n`, [417, 200]],
      [`${bearer}Upgrade: h2c\r\nConnection: Upgrade\r\n`, [200]],
      [`${bearer}Range: bytes=0-1\r\n`, [200]],
      [`${bearer}: no name\r\n`, [400]],
      [`${bearer}X-Na\u0000me: x\r\n`, [400]],
    ];
    for (const [headers, statuses] of cases) {
      const answer = await ask(headers);
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
      expect(statuses, `${headers}: ${answer.slice(0, 300)}`).toContain(status);
      expect(answer).not.toMatch(leak);
      expect(answer).not.toMatch(/^x-injected/im);
    }
    for (const key of ['a b', 'a\u00e9', 'x'.repeat(201), '']) {
      const answer = await ask(
        `${bearer}Idempotency-Key: ${key}\r\nContent-Length: 0\r\n`,
        '/api/v1/schedules/docs/resume',
        'POST',
      );
      expect(answer, JSON.stringify(key)).toMatch(/^HTTP\/1\.1 400 /);
    }
  });

  it('takes paths for what they are', async () => {
    const head = `Host: x\r\nAuthorization: Bearer ${admin}\r\nConnection: close\r\n\r\n`;
    for (const path of [
      '/api/v1/../../etc/passwd',
      '/api/v1//status',
      '/api/v1/schedules/../status',
      '/api/v1/schedules/docs%2frun',
      '/api/v1/%2e%2e/%2e%2e/etc/passwd',
      '/API/V1/../v1/keys/x',
      '/api/v1/status/',
      '/docs/../lowtide.yaml',
      '/docs/%2e%2e/package.json',
      '/api/v1/schedules/%ff',
      'http://evil.example/api/v1/nothing',
      '*',
    ]) {
      const answer = await exchange(`GET ${path} HTTP/1.1\r\n${head}`);
      const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
      expect(['200', '400', '404'], `${path}: ${answer.slice(0, 200)}`).toContain(status);
      expect(answer).not.toMatch(leak);
      expect(answer).not.toContain('root:');
    }
    expect(await exchange(`GET /api/v1/${'a'.repeat(3000)} HTTP/1.1\r\n${head}`)).toMatch(/^HTTP\/1\.1 414 /);
  });

  it('refuses what is too large, before it reads it', async () => {
    const head = (length: number): string =>
      `POST /api/v1/schedules/new HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
    const flood = Buffer.alloc(2 ** 20, 'x');
    const before = process.memoryUsage().arrayBuffers;
    for (const [method, path] of operations) {
      if (method === 'GET') continue;
      const request = head(10 * 2 ** 20).replace(
        'POST /api/v1/schedules/new',
        `${method} /api/v1${path.replace('{id}', 'docs')}`,
      );
      const answer = await exchange(request, flood);
      expect(answer, `${method} ${path}`).toMatch(/^HTTP\/1\.1 413 /);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 2 ** 20);
    // Of strangers not even the beginning is parsed.
    const stranger = await exchange(head(9).replace(admin, 'nobody-at-all-nobody'), '{"a":[[[[');
    expect(stranger).toMatch(/^HTTP\/1\.1 401 /);
    expect(await exchange(`GET / HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(5000)}\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  it('wants to know how long a body is', async () => {
    const answer = await exchange(
      `POST /api/v1/schedules/new HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 411 /);
    const both = `POST /api/v1/schedules/new HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    expect(await exchange(both)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('survives requests that end halfway', async () => {
    await service.post('/schedules/docs/resume');
    const [host = '', port = ''] = service.address.split(':');
    const whole = `POST /api/v1/schedules/docs/pause HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"a":`;
    for (let length = 1; length <= whole.length; length += 7) {
      const socket = connect(Number(port), host);
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.write(whole.slice(0, length));
      socket.destroy();
    }
    expect((await service.call('/status')).status).toBe(200);
    expect((await service.call('/schedules/docs')).body).toMatchObject({ paused: false });
  });
});
