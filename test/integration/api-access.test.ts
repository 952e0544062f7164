import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { grantedActions } from '../../exporter/src/api/actions.ts';
import { hashToken } from '../../exporter/src/api/authenticate.ts';
import { encodeCursor } from '../../exporter/src/api/cursor.ts';
import { routes, type Route } from '../../exporter/src/api/routes.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { program } from '../servers/programs.ts';
import { admin, operator, TestService, tokens, viewer, type Answer } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');
const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }`;

async function startService(more = tokens): Promise<TestService> {
  const service = await TestService.start(schedules, { more });
  mkdirSync(join(service.installation.folder, 'docs'));
  writeFileSync(join(service.installation.folder, 'docs', 'a.txt'), 'hello');
  return service;
}

const itemsOf = (answer: Answer): Record<string, unknown>[] =>
  answer.body['items'] as Record<string, unknown>[];

/** Ends the process of the request as soon as its head is there: streams do not end by themselves. */
async function statusOf(service: TestService, route: Route, token: string, headers = {}): Promise<number> {
  const stop = new AbortController();
  const response = await fetch(service.url(`/api/v1${route.path.replace('{id}', 'none')}`), {
    method: route.method.toUpperCase(),
    headers: { ...(token !== '' && { authorization: `Bearer ${token}` }), ...headers },
    signal: stop.signal,
  });
  stop.abort();
  return response.status;
}

describe('every route', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
    const { access } = service.catalog;
    const now = Date.now();
    const stored = (name: string): Parameters<typeof access.addToken>[0] => ({
      name,
      role: 'admin',
      hash: hashToken(`${name}-token-of-the-tests`),
      createdAt: now - 2000,
    });
    await access.addToken(stored('good'));
    await access.addToken({ ...stored('expired'), expiresAt: now - 1000 });
    await access.addToken(stored('revoked'));
    await access.revokeToken('revoked', now);
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const all = Object.entries(routes) as [string, Route][];
  const roles = { viewer, operator, admin } as const;

  it.each(all)('%s is for those whose role allows it', async (_, route) => {
    for (const [role, token] of Object.entries(roles)) {
      const may = grantedActions(role as keyof typeof roles, undefined, undefined).has(route.action);
      const status = await statusOf(service, route, token);
      if (may) expect([401, 403]).not.toContain(status);
      else expect(status).toBe(403);
    }
    expect([401, 403]).not.toContain(await statusOf(service, route, 'good-token-of-the-tests'));
  });

  it.each(all)('%s holds a request to the role that it names, below that of its token', async (_, route) => {
    const may = grantedActions('operator', undefined, undefined).has(route.action);
    const status = await statusOf(service, route, admin, { 'x-lowtide-role': 'operator' });
    if (may) expect([401, 403]).not.toContain(status);
    else expect(status).toBe(403);
  });

  it('is refused to those without a token, or with one that is wrong, expired or revoked', async () => {
    for (const [, route] of all) expect(await statusOf(service, route, '')).toBe(401);
    await service[Symbol.asyncDispose]();
    service = await startService();
    const { access } = service.catalog;
    await access.addToken({
      name: 'expired',
      role: 'admin',
      hash: hashToken('expired-token'),
      createdAt: 1,
      expiresAt: 2,
    });
    await access.addToken({ name: 'revoked', role: 'admin', hash: hashToken('revoked-token'), createdAt: 1 });
    await access.revokeToken('revoked', 2);
    for (const token of ['expired-token', 'revoked-token', 'wrong-token']) {
      const refused = await service.call('/status', { token });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="lowtide"');
      expect(refused.body).toMatchObject({ code: 'unauthenticated', hint: expect.any(String) as string });
    }
    for (const [, route] of all) expect([401, 429]).toContain(await statusOf(service, route, 'wrong-token'));
    const blocked = await service.call('/status', { token: 'another-wrong-one' });
    expect(blocked.body).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(service.log).toContainEqual(expect.objectContaining({ level: 'warn', from: '127.0.0.1' }));
  });

  it('answers Grafana with 403 where others get 401', async () => {
    const fresh = await startService();
    await using _fresh = fresh;
    for (const headers of [
      { 'user-agent': 'Grafana/12.4.0' },
      { 'x-grafana-context': '{}' },
      { 'x-grafana-user': 'a' },
    ]) {
      const refused = await fresh.call('/status', { token: '', headers });
      expect(refused.body).toMatchObject({ status: 403, title: 'Forbidden', code: 'unauthenticated' });
      expect(refused.headers.has('www-authenticate')).toBe(false);
    }
  });
});

describe('access', () => {
  let service: TestService | undefined;
  const start = async (more?: string): Promise<TestService> => (service = await startService(more));
  afterEach(async () => {
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  });

  it('without any token is reading, from this host, directly', async () => {
    const open = await start('');
    expect((await open.call('/status', { token: '' })).body).toMatchObject({
      caller: { role: 'viewer', actions: ['read'] },
    });
    const refused = await open.post('/schedules/docs/run', { token: '' });
    expect(refused.body).toMatchObject({
      status: 403,
      code: 'forbidden',
      hint: expect.stringContaining('lowtide token create') as string,
    });
    for (const headers of [
      { 'x-forwarded-for': '10.0.0.7' },
      { forwarded: 'for=10.0.0.7' },
      { via: '1.1 proxy' },
    ]) {
      expect((await open.call('/status', { token: '', headers })).status).toBe(401);
    }
    // A name of somebody else's that leads here: what a page in a browser could do.
    const rebound = request(open.url('/api/v1/status'), { headers: { host: 'evil.example' } }).end();
    const status = await new Promise((resolve) =>
      rebound.on('response', ({ statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(401);
  });

  it('by a login of Grafana is what the token grants it, and on record', async () => {
    const grafana = 'grafana-token-of-the-tests';
    const at = await start(
      `server: { tokens: [{ name: grafana, role: operator, token: ${grafana}, grafana_logins: { alice: [run], bob: [pause], Jörg Łukasz: [skip] } }] }`,
    );
    const pause = (login?: string): Promise<Answer> =>
      at.post('/schedules/docs/pause', {
        token: grafana,
        headers: login === undefined ? {} : { 'x-grafana-user': login },
      });
    expect((await pause('bob')).status).toBe(200);
    for (const login of ['alice', 'mallory', undefined]) {
      expect((await pause(login)).body).toMatchObject({ status: 403, code: 'forbidden' });
    }
    expect(
      (await at.call('/status', { token: grafana, headers: { 'x-grafana-user': 'bob' } })).body,
    ).toMatchObject({
      caller: { token: 'grafana', grafanaUser: 'bob', actions: ['read', 'pause'] },
    });
    // Byte by byte, as Grafana sends it.
    const unicode = Buffer.from('Jörg Łukasz').toString('latin1');
    expect(
      (await at.call('/status', { token: grafana, headers: { 'x-grafana-user': unicode } })).body,
    ).toMatchObject({ caller: { grafanaUser: 'Jörg Łukasz', actions: ['read', 'skip'] } });
    expect(itemsOf(await at.call('/audit', { token: grafana }))).toMatchObject([
      {
        sequence: 4,
        actor: 'grafana',
        from: '127.0.0.1',
        action: 'schedule.pause',
        subject: 'docs',
        result: 'refused',
        code: 'forbidden',
      },
      expect.objectContaining({ grafanaUser: 'mallory', result: 'refused' }),
      expect.objectContaining({ grafanaUser: 'alice', result: 'refused' }),
      expect.objectContaining({ grafanaUser: 'bob', result: 'done' }),
    ]);
    const logged = at.log.flatMap((line) => ('audit' in line ? [line['audit']] : []));
    expect(logged[0]).toMatchObject({
      sequence: 1,
      actor: 'grafana',
      grafanaUser: 'bob',
      hash: expect.any(String) as string,
    });
    expect(JSON.stringify(at.log)).not.toContain(grafana);
  });

  it('for web pages of other origins is given to those of the config alone', async () => {
    const origin = 'https://grafana.example.org';
    const at = await start(tokens.replace('server:', `server:\n  cors_origins: ['${origin}']`));
    const preflight = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const allowed = await fetch(at.url('/api/v1/status'), {
      method: 'OPTIONS',
      headers: { origin, ...preflight },
    });
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    const other = await fetch(at.url('/api/v1/status'), {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', ...preflight },
    });
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([405, null]);
    const read = await at.call('/status', { headers: { origin: 'https://evil.example' } });
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('by tokens of the command line begins and ends at once, in a service that runs', async () => {
    const at = await start();
    const lowtide = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [main, ...args], { cwd: at.installation.folder, encoding: 'utf8' });
    const created = lowtide('token', 'create', '--role', 'operator', '--expires', '1d', 'airflow');
    expect(created.status).toBe(0);
    const token = created.stdout.trim();
    expect(token).toMatch(/^lowtide_[\w-]{43}$/);
    expect((await at.call('/status', { token })).body).toMatchObject({
      caller: { token: 'airflow', role: 'operator' },
    });
    const again = lowtide('token', 'create', '--role', 'viewer', 'airflow', '--json');
    expect([again.status, again.stdout]).toEqual([1, expect.stringContaining('token_exists')]);
    const listed = JSON.parse(lowtide('token', 'list', '--json').stdout) as unknown[];
    expect(listed).toContainEqual(
      expect.objectContaining({ name: 'airflow', role: 'operator', state: 'valid' }),
    );
    expect(JSON.stringify(listed)).not.toMatch(/hash|lowtide_/);
    expect(lowtide('token', 'revoke', 'airflow').status).toBe(0);
    expect((await at.call('/status', { token })).status).toBe(401);
    expect(lowtide('token', 'create', 'airflow').status).toBe(2);
    expect(itemsOf(await at.call('/audit')).map(({ actor, action }) => [actor, action])).toEqual([
      ['cli', 'token.revoke'],
      ['cli', 'token.create'],
    ]);
  });
});

describe('the audit log', () => {
  it('goes on behind a cursor of its own, and takes none that was made up', async () => {
    await using service = await startService();
    for (const verb of ['pause', 'resume', 'pause']) await service.post(`/schedules/docs/${verb}`);
    const page = async (last: string): Promise<Answer> =>
      await service.call(`/audit?cursor=${encodeCursor('audit', last)}`);
    expect(itemsOf(await page('3')).map(({ sequence }) => sequence)).toEqual([2, 1]);
    for (const last of ['NaN', '0x10', '-1', '1e9', '']) {
      expect((await page(last)).body, last).toMatchObject({ status: 400, code: 'usage' });
    }
  });

  it('that somebody has changed by hand is found out', async () => {
    await using service = await startService();
    for (const verb of ['pause', 'resume', 'pause']) await service.post(`/schedules/docs/${verb}`);
    const [newest] = itemsOf(await service.call('/audit'));
    const { folder } = service.installation;
    const verify = (...more: string[]): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, [main, 'audit', 'verify', '--json', ...more], {
        cwd: folder,
        encoding: 'utf8',
      });
    expect(JSON.parse(verify('--head', String(newest?.['hash'])).stdout)).toEqual({
      entries: 3,
      head: newest?.['hash'],
      hasNoted: true,
    });
    await service.end();
    using database = new DatabaseSync(join(folder, 'state', 'catalog.db'));
    expect(() => database.exec(`UPDATE audit SET at = 0`)).toThrow('append-only');
    expect(() => database.exec(`DELETE FROM audit`)).toThrow('append-only');
    database.exec('DROP TRIGGER audit_is_not_deleted; DELETE FROM audit WHERE sequence = 3');
    expect(verify().status).toBe(0);
    expect(verify('--head', String(newest?.['hash'])).stdout).toContain('audit_broken');
    database.exec(`DROP TRIGGER audit_is_not_changed;
      UPDATE audit SET body = replace(body, 'schedule.pause', 'schedule.run') WHERE sequence = 1`);
    const broken = verify();
    expect(broken.status).toBe(1);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      error: { code: 'audit_broken', message: expect.stringContaining('entry 1 ') as string },
    });
    await service.begin();
  });
});

describe('what the service cannot answer', () => {
  it('is told to whoever asked, and to the log', async () => {
    await using service = await startService();
    const { folder, opened } = service.installation;
    const { id } = await opened.keystore.active();
    writeFileSync(join(folder, 'keys', `${id}.json`), 'not JSON');
    expect((await service.call('/keys')).body).toMatchObject({ status: 500, code: 'keystore_invalid' });
    const told = service.log.filter(({ level, err }) => level === 'error' && err !== undefined);
    expect(told.map(({ err }) => err)).toContainEqual(
      expect.objectContaining({ code: 'keystore_invalid', message: expect.stringContaining(id) as string }),
    );
  });
});

describe('what cannot be put on record', () => {
  it('leaves the host as a log line, and neither undoes what was done nor hides a refusal', async () => {
    await using service = await startService();
    const { access } = service.catalog;
    vi.spyOn(access, 'appendAudit').mockImplementation(() => {
      throw new LowtideError('state_full', 'no room left');
    });
    expect((await service.post('/schedules/docs/pause')).body).toMatchObject({ paused: true });
    expect((await service.post('/schedules/docs/pause', { token: viewer })).status).toBe(403);
    const lost = service.log.filter(({ level, audit }) => level === 'error' && audit !== undefined);
    expect(lost.map(({ audit, err }) => [audit, err])).toMatchObject([
      [{ actor: 'admin', action: 'schedule.pause', subject: 'docs', result: 'done' }, { code: 'state_full' }],
      [{ actor: 'viewer', result: 'refused' }, { code: 'state_full' }],
    ]);
  });
});

describe('an Idempotency-Key', () => {
  it('makes one of many requests, also at once, and over a restart', async () => {
    await using service = await startService();
    const run = (key: string, path = '/schedules/docs/run?wait=true', token = operator): Promise<Answer> =>
      service.post(path, { token, headers: { 'idempotency-key': key } });
    const together = await Promise.all(Array.from({ length: 5 }, () => run('night-1')));
    expect(together.map(({ status }) => status)).toEqual(together.map(() => 200));
    for (const { body } of together) expect(body).toEqual(together[0]?.body);
    const replays = together.filter(({ headers }) => headers.get('idempotency-replayed') === 'true');
    expect(replays.length).toBe(together.length - 1);
    const replayed = await run('night-1');
    expect(replayed.headers.get('idempotency-replayed')).toBe('true');
    expect(replayed.body).toEqual(together[0]?.body);
    await service.end();
    await service.begin();
    expect((await run('night-1')).body).toEqual(together[0]?.body);
    expect(itemsOf(await service.call('/backups')).length).toBe(1);

    expect((await run('night-1', '/schedules/docs/pause')).body).toMatchObject({
      status: 422,
      code: 'request_reused',
    });
    expect((await run('night-1', '/schedules/docs/run?wait=true', admin)).status).toBe(200);
    expect(itemsOf(await service.call('/backups')).length).toBe(2);
    expect((await run('a key')).body).toMatchObject({ status: 400, code: 'usage' });
  });

  it('of a request that was refused may be used again; one whose process has ended may not', async () => {
    await using service = await startService();
    const headers = { 'idempotency-key': 'k' };
    expect((await service.post('/schedules/none/run', { headers })).status).toBe(404);
    expect((await service.post('/schedules/docs/pause', { headers })).status).toBe(200);
    const { access } = service.catalog;
    vi.spyOn(access, 'answerRequest').mockImplementationOnce(() => {
      throw new Error('the disk is full');
    });
    const lost = { 'idempotency-key': 'lost' };
    expect((await service.post('/schedules/docs/pause', { headers: lost })).status).toBe(500);
    expect((await service.post('/schedules/docs/pause', { headers: lost })).body).toMatchObject({
      code: 'request_active',
    });
    await service.end();
    await service.begin();
    expect((await service.post('/schedules/docs/pause', { headers: lost })).body).toMatchObject({
      status: 409,
      code: 'outcome_unknown',
    });
  });
});
