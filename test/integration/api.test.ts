import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import { operator, TestService, tokens, viewer, type Answer } from '../servers/service.ts';

/** `docs` is soon done; `endless` goes on until it is ended. Neither is due on its own. */
const schedules = `  - id: docs
    source: { type: directory, path: FOLDER/docs }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }
  - id: endless
    source: { type: command, argv: [bash, -c, 'echo begun; exec sleep 600'], env: { PASSWORD: hunter2hunter2 } }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 3 }`;
const targets = `restore_targets:
  back: { to: FOLDER/back }
  over: { to: FOLDER/over, overwrite: true }
  database: { to: "postgres://app:hunter2hunter2@127.0.0.1:1/app" }`;

const services: TestService[] = [];
async function start(): Promise<TestService> {
  const service = await TestService.start(schedules, { more: `${tokens}\n${targets}` });
  services.push(service);
  mkdirSync(join(service.installation.folder, 'docs'));
  writeFileSync(join(service.installation.folder, 'docs', 'a.txt'), 'hello');
  return service;
}
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service[Symbol.asyncDispose]()));
});

const itemsOf = (answer: Answer): Record<string, unknown>[] =>
  answer.body['items'] as Record<string, unknown>[];

/** Makes a backup, and answers its id. */
async function backUp(service: TestService): Promise<string> {
  const { status, body } = await service.post('/schedules/docs/run?wait=true');
  expect([status, body['status']]).toEqual([200, 'completed']);
  return String(body['backupId']);
}

describe('schedules', () => {
  it('are listed with how they stand, and without what is secret', async () => {
    const service = await start();
    const listed = await service.call('/schedules', { token: viewer });
    expect(listed.status).toBe(200);
    expect(itemsOf(listed)).toMatchObject([
      {
        id: 'docs',
        origin: 'config',
        type: 'files',
        source: { type: 'directory' },
        cron: '0 0 1 1 *',
        intervalSeconds: 365 * 86_400,
        paused: false,
        nextRunAt: expect.stringMatching(/-01-01T/) as string,
        verifyAfterBackup: true,
      },
      { id: 'endless', type: 'command' },
    ]);
    expect(JSON.stringify(listed.body)).not.toMatch(/hunter2|sleep 600/);
    expect((await service.call('/schedules/docs')).body).toEqual(itemsOf(listed)[0]);
    expect((await service.call('/schedules/none')).body).toMatchObject({
      status: 404,
      code: 'not_found',
      docs: '/docs/errors.md',
    });
    const page = await fetch(service.url('/docs/errors.md'));
    expect(await page.text()).toContain('`not_found`');
  });

  it('may be called as what every object of the language has', async () => {
    const service = await start();
    const added = await service.post('/schedules/constructor', { body: { like: 'docs', every: '1d' } });
    expect(added.status).toBe(201);
    await backUp(service);
    const listed = itemsOf(await service.call('/schedules'));
    expect(listed.map(({ id, lastSuccessAt }) => [id, typeof lastSuccessAt])).toEqual([
      ['constructor', 'undefined'],
      ['docs', 'string'],
      ['endless', 'undefined'],
    ]);
    const page = await (await fetch(service.url('/metrics'))).text();
    expect(page).toContain('backup_running{schedule="constructor"} 0');
    expect((await service.call('/schedules/constructor', { method: 'DELETE' })).status).toBe(204);
  });

  it('are paused, resumed, and their next occurrence skipped', async () => {
    const service = await start();
    const before = String((await service.call('/schedules/docs')).body['nextRunAt']);
    const paused = await service.post('/schedules/docs/pause', { token: operator });
    expect(paused.body).toMatchObject({ id: 'docs', paused: true });
    await eventually(async () => {
      expect((await service.call('/schedules/docs')).body['nextRunAt']).toBeUndefined();
    });
    expect((await service.call('/plan?hours=168')).body['slots']).toEqual([]);
    expect((await service.post('/schedules/docs/resume')).body).toMatchObject({ paused: false });
    expect((await service.post('/schedules/docs/skip-next')).status).toBe(200);
    await eventually(async () => {
      const after = String((await service.call('/schedules/docs')).body['nextRunAt']);
      expect(Number(after.slice(0, 4))).toBe(Number(before.slice(0, 4)) + 1);
    });
  });

  it('skip no third occurrence, which would bring back the two that are skipped', async () => {
    const service = await start();
    const yearOf = ({ body }: Answer): number => Number(String(body['nextRunAt']).slice(0, 4));
    const before = yearOf(await service.call('/schedules/docs'));
    const skip = (): Promise<Answer> => service.post('/schedules/docs/skip-next', { token: operator });
    expect([(await skip()).status, (await skip()).status]).toEqual([200, 200]);
    expect((await skip()).body).toMatchObject({
      status: 409,
      code: 'skips_used',
      detail: 'the next two runs of docs are skipped already',
      hint: expect.stringMatching(/Pause it/) as string,
    });
    await eventually(async () => {
      expect(yearOf(await service.call('/schedules/docs'))).toBe(before + 2);
    });
  });

  it('are added beside those of the config, changed, run and removed; those of the config are not', async () => {
    const service = await start();
    const added = await service.post('/schedules/docs-hourly', {
      body: { like: 'docs', every: '1h', keep: { hourly: 24 }, resources: { cpu: 0.5 } },
    });
    expect(added.status).toBe(201);
    expect(added.body).toMatchObject({
      id: 'docs-hourly',
      origin: 'api',
      like: 'docs',
      everySeconds: 3600,
      intervalSeconds: 3600,
      keep: { hourly: 24 },
      resources: { cpu: 0.5, memory: 0.1 },
      source: { type: 'directory' },
    });
    expect(added.body['cron']).toBeUndefined();
    const both = await service.call('/schedules/docs-hourly', {
      method: 'PATCH',
      body: { cron: '0 0 1 2 *' },
    });
    expect(both.body).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/every stands beside cron: .* send the other as null/) as string,
    });
    const changed = await service.call('/schedules/docs-hourly', {
      method: 'PATCH',
      body: { every: null, cron: '0 0 1 2 *', window: '02:00-06:00' },
    });
    expect(changed.body).toMatchObject({ cron: '0 0 1 2 *', window: { start: '02:00', end: '06:00' } });
    expect(changed.body['everySeconds']).toBeUndefined();
    expect((await service.post('/schedules/docs-hourly/run?wait=true')).body).toMatchObject({
      status: 'completed',
      schedule: 'docs-hourly',
    });
    await service.end();
    await service.begin();
    expect((await service.call('/schedules/docs-hourly')).body).toMatchObject({ cron: '0 0 1 2 *' });
    expect((await service.call('/schedules/docs-hourly', { method: 'DELETE' })).status).toBe(204);
    expect((await service.call('/schedules/docs-hourly')).status).toBe(404);

    for (const method of ['PATCH', 'DELETE']) {
      const refused = await service.call('/schedules/docs', {
        method,
        ...(method === 'PATCH' && { body: {} }),
      });
      expect(refused.body).toMatchObject({ status: 409, code: 'read_only' });
    }
  });

  it('are added once where two ask for the same at the same moment', async () => {
    const service = await start();
    const add = (every: string): Promise<Answer> =>
      service.post('/schedules/new', { body: { like: 'docs', every } });
    const answers = await Promise.all([add('1h'), add('2h')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const [added, refused] = answers.toSorted((a, b) => a.status - b.status);
    expect(refused?.body).toMatchObject({ code: 'config_exists' });
    expect((await service.call('/schedules/new')).body['everySeconds']).toBe(added?.body['everySeconds']);
  });

  it('are not added as anything else', async () => {
    const service = await start();
    const cases: readonly (readonly [object, number, string])[] = [
      [{ like: 'none', every: '1h' }, 422, 'config_invalid'],
      [{ like: 'docs', every: 'soon' }, 422, 'config_invalid'],
      [{ like: 'docs', every: '1h', cron: '0 0 * * *' }, 422, 'config_invalid'],
      [{ like: 'docs', cron: null }, 422, 'config_invalid'],
      [{ like: 'docs', stores: ['elsewhere'] }, 422, 'config_invalid'],
      [{ like: 'docs', source: { type: 'command', argv: ['id'] } }, 400, 'usage'],
      [{ like: 'docs', timezone: '${env:PATH}' }, 422, 'config_invalid'],
      [{ every: '1h' }, 400, 'usage'],
    ];
    for (const [body, status, code] of cases) {
      expect((await service.post('/schedules/new', { body })).body).toMatchObject({ status, code });
    }
    expect((await service.call('/schedules/new')).status).toBe(404);
  });
});

describe('runs', () => {
  it('begin once where two ask at the same moment', async () => {
    const service = await start();
    const answers = await Promise.all([
      service.post('/schedules/endless/run'),
      service.post('/schedules/endless/run'),
      service.post('/schedules/endless/run'),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    const begun = answers.find(({ status }) => status === 202);
    const { items } = (await service.call('/runs?schedule=endless')).body;
    expect(items).toMatchObject([{ id: begun?.body['id'], status: 'running' }]);
  });

  it('are begun, followed with their progress, and cancelled', async () => {
    const service = await start();
    const begun = await service.post('/schedules/endless/run', { token: operator });
    expect(begun.status).toBe(202);
    const id = String(begun.body['id']);
    expect((await service.post('/schedules/endless/run')).body).toMatchObject({
      status: 409,
      code: 'run_active',
    });
    expect((await service.call(`/runs/${id}`)).body).toMatchObject({
      kind: 'backup',
      status: 'running',
      trigger: 'api',
      progress: { bytes: expect.any(Number) as number, bytesPerSecond: expect.any(Number) as number },
    });
    expect((await service.call('/schedules/endless')).body).toMatchObject({ runningRunId: id });
    expect((await service.post(`/runs/${id}/cancel`, { token: operator })).status).toBe(202);
    await eventually(async () => {
      expect((await service.call(`/runs/${id}`)).body).toMatchObject({
        status: 'cancelled',
        error: { code: 'cancelled' },
      });
    });
    expect((await service.post(`/runs/${id}/cancel`)).body).toMatchObject({ status: 409, code: 'run_ended' });
    expect((await service.call('/runs/00000000')).status).toBe(404);
  });

  it('tell what they have done, step by step', async () => {
    const service = await start();
    const { body } = await service.post('/schedules/docs/run?wait=true');
    const log = await service.call(`/runs/${String(body['id'])}/log`, { token: viewer });
    const lines = log.body['lines'] as { readonly level: string; readonly message: string }[];
    const told = lines.map(({ level, message }) => `${level}: ${message}`).join('\n');
    for (const step of [
      /^info: begun through the API, to be stored in local$/m,
      /^info: what comes is sealed to key-\w+$/m,
      /^info: reads .*docs, with .*tar/m,
      /^info: its main part is sealed: .+ read, .+ stored$/m,
      /^info: the copy in store local is whole; writing it took .+$/m,
      /^info: completed$/m,
      /^info: the copy in store local was read back, and is what was written$/m,
    ]) {
      expect(told).toMatch(step);
    }
    expect((await service.call('/runs/none/log')).status).toBe(404);
  });

  it('are listed by schedule and status, page by page', async () => {
    const service = await start();
    for (let count = 0; count < 3; count += 1) await backUp(service);
    const all = itemsOf(await service.call('/runs?schedule=docs&status=completed'));
    expect(all.length).toBe(3);
    const first = await service.call('/runs?limit=2');
    const second = await service.call(`/runs?limit=2&cursor=${String(first.body['nextCursor'])}`);
    expect([...itemsOf(first), ...itemsOf(second)]).toEqual(all);
    expect(second.body['nextCursor']).toBeUndefined();
    expect(itemsOf(await service.call('/runs?schedule=endless'))).toEqual([]);
  });
});

describe('backups', () => {
  it('are listed, verified, and restored where the config says', async () => {
    const service = await start();
    const id = await backUp(service);
    const listed = await service.call('/backups', { token: viewer });
    expect(itemsOf(listed)).toMatchObject([
      { id, schedule: 'docs', copies: [{ store: 'local', status: 'good' }] },
    ]);
    expect((await service.call(`/backups/${id}`)).body).toEqual(itemsOf(listed)[0]);
    const [copy] = itemsOf(listed)[0]?.['copies'] as [{ readonly path: string }];
    const manifest = await service.call(`/backups/${id}/manifest`, { token: viewer });
    expect(manifest.body).toEqual(JSON.parse(readFileSync(`${copy.path}.json`, 'utf8')));
    expect((await service.call('/backups/none/manifest')).status).toBe(404);

    const verified = await service.post(`/backups/${id}/verify?wait=true`, { token: operator });
    expect(verified.body).toMatchObject({
      kind: 'verification',
      status: 'completed',
      copies: [{ store: 'local', status: 'passed' }],
    });
    const begun = await service.post(`/backups/${id}/restore`, { body: { target: 'back' } });
    expect(begun.status).toBe(202);
    await eventually(async () => {
      expect((await service.call(`/runs/${String(begun.body['id'])}`)).body).toMatchObject({
        kind: 'restore',
        status: 'completed',
        target: 'back',
        store: 'local',
      });
    });
    expect(readFileSync(join(service.installation.folder, 'back', 'a.txt'), 'utf8')).toBe('hello');
    const results = itemsOf(await service.call('/audit')).map(({ action, result, detail }) => [
      action,
      result,
      detail,
    ]);
    expect(results.slice(0, 2)).toEqual([
      ['backup.restore', 'done', 'back'],
      ['backup.restore', 'started', 'back'],
    ]);
  });

  it('are restored over what is there only where target and caller both say so', async () => {
    const service = await start();
    const id = await backUp(service);
    for (const name of ['back', 'over']) {
      mkdirSync(join(service.installation.folder, name));
      writeFileSync(join(service.installation.folder, name, 'a.txt'), 'precious');
    }
    const restore = (target: string, force?: boolean): Promise<Answer> =>
      service.post(`/backups/${id}/restore?wait=true`, {
        body: { target, ...(force !== undefined && { force }) },
      });
    expect((await restore('back', true)).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await restore('over')).body).toMatchObject({
      status: 'failed',
      error: { code: 'restore_target_exists' },
    });
    expect(readFileSync(join(service.installation.folder, 'over', 'a.txt'), 'utf8')).toBe('precious');
    expect((await restore('over', true)).body).toMatchObject({ status: 'completed' });
    expect(readFileSync(join(service.installation.folder, 'over', 'a.txt'), 'utf8')).toBe('hello');
    expect((await restore('/etc')).status).toBe(400);
    expect((await restore('nowhere')).body).toMatchObject({ status: 404, code: 'not_found' });
    const database = await restore('database');
    expect(database.body).toMatchObject({ status: 'failed', error: { code: 'usage' } });
    expect(JSON.stringify(database.body)).not.toContain('hunter2');
    expect(existsSync('/etc/a.txt')).toBe(false);
  });

  it('that are damaged fail their verification', async () => {
    const service = await start();
    const id = await backUp(service);
    const [copy] = (await service.call(`/backups/${id}`)).body['copies'] as { path: string }[];
    const bytes = readFileSync(copy!.path);
    bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1;
    writeFileSync(copy!.path, bytes);
    const verified = await service.post(`/backups/${id}/verify?wait=true`);
    expect(verified.body).toMatchObject({
      status: 'failed',
      error: { code: 'verification_failed' },
      copies: [{ status: 'failed' }],
    });
    expect(itemsOf(await service.call('/audit'))[0]).toMatchObject({
      action: 'backup.verify',
      result: 'failed',
      code: 'verification_failed',
    });
  });
});

describe('rotations', () => {
  it('tell first what they would do, and are begun once, followed, and listed', async () => {
    const service = await start();
    const backups = [await backUp(service), await backUp(service)];
    const [old] = itemsOf(await service.call('/keys'));
    const plan = await service.post('/rotations', { token: operator, body: { dryRun: true } });
    expect(plan.body).toMatchObject({
      dryRun: true,
      mode: 'rewrap',
      backups: 2,
      retirableKeys: [old?.['id']],
    });
    expect(itemsOf(await service.call('/rotations'))).toEqual([]);

    const headers = { 'idempotency-key': 'rotate-1' };
    const twice = await Promise.all(
      [1, 2].map(() => service.post('/rotations?wait=true', { token: operator, body: {}, headers })),
    );
    expect(twice.map(({ status }) => status)).toEqual([200, 200]);
    expect(twice[1]?.body).toEqual(twice[0]?.body);
    expect(twice[0]?.body).toMatchObject({
      status: 'completed',
      trigger: 'api',
      by: 'operator',
      done: { backups: 2 },
      pending: { backups: 0 },
    });
    const listed = itemsOf(await service.call('/rotations'));
    expect(listed).toEqual([twice[0]?.body]);
    const id = String(listed[0]?.['id']);
    expect((await service.call(`/rotations/${id}`)).body).toEqual(listed[0]);
    for (const verb of ['cancel', 'resume']) {
      expect((await service.post(`/rotations/${id}/${verb}`)).body).toMatchObject({
        status: 409,
        code: 'rotation_ended',
      });
    }
    expect((await service.call('/rotations/none')).status).toBe(404);

    const keys = itemsOf(await service.call('/keys'));
    expect(keys).toMatchObject([
      { id: old?.['id'], state: 'retiring', backups: 0 },
      { state: 'active', backups: 2 },
    ]);
    for (const backup of backups) {
      expect((await service.post(`/backups/${backup}/verify?wait=true`)).body).toMatchObject({
        status: 'completed',
      });
    }
    expect((await service.post(`/keys/${String(old?.['id'])}/retire`)).body).toMatchObject({
      state: 'retired',
    });
    const begun = await service.post('/rotations', { body: { mode: 'reencrypt', daysBack: 1 } });
    expect([begun.status, begun.body['status']]).toEqual([202, 'running']);
    await eventually(async () => {
      expect((await service.call(`/rotations/${String(begun.body['id'])}`)).body).toMatchObject({
        status: 'completed',
        done: { backups: 2 },
      });
    });
  });
});

describe('keys, plan, load and status', () => {
  it('tell of keys no secret part, and retire none that is needed', async () => {
    const service = await start();
    await backUp(service);
    const [key] = itemsOf(await service.call('/keys'));
    expect(key).toMatchObject({
      state: 'active',
      backups: 1,
      purpose: 'backup',
      copies: 1,
      recipient: expect.stringMatching(/^age1/) as string,
    });
    const ofKey = async (id: unknown): Promise<number> =>
      itemsOf(await service.call(`/backups?key=${String(id)}`)).length;
    expect([await ofKey(key?.['id']), await ofKey('key-000000000000')]).toEqual([1, 0]);
    const retire = (id: string): Promise<Answer> => service.post(`/keys/${id}/retire`);
    expect((await retire(String(key?.['id']))).body).toMatchObject({ status: 409, code: 'key_in_use' });
    expect((await retire('key-000000000000')).body).toMatchObject({ status: 404, code: 'not_found' });
    await service.installation.opened.keystore.create({ kind: 'x25519', now: Date.now() });
    await service.installation.opened.keystore.create({ kind: 'x25519', now: Date.now() });
    const [, unused] = itemsOf(await service.call('/keys'));
    expect((await retire(String(unused?.['id']))).body).toMatchObject({ state: 'retired' });
    const changes = (await service.catalog.eventsAfter(0, 100)).flatMap(({ body }) =>
      body.name === 'key:changed' ? [body] : [],
    );
    expect(changes).toEqual([{ name: 'key:changed', keyId: unused?.['id'], change: 'retired', by: 'admin' }]);
  });

  it('plan the occurrences within the hours asked for', async () => {
    const service = await start();
    await service.post('/schedules/often', { body: { like: 'docs', every: '6h' } });
    const plan = await service.call('/plan?hours=24');
    const slots = plan.body['slots'] as Record<string, unknown>[];
    expect(slots.length).toBe(4);
    expect(slots[0]).toMatchObject({ schedule: 'often', reason: { code: expect.any(String) as string } });
    await service.post('/schedules/often/skip-next');
    const left = (await service.call('/plan?hours=24')).body['slots'] as Record<string, unknown>[];
    expect(left.map(({ dueAt }) => dueAt)).toEqual(slots.slice(1).map(({ dueAt }) => dueAt));
    expect((await service.call('/load?hours=1')).body).toMatchObject({
      resources: expect.any(Array) as unknown[],
    });
  });

  it('tell who is asking and how things are', async () => {
    const service = await start();
    await eventually(async () => {
      const { body } = await service.call('/status', { token: operator });
      expect(body).toMatchObject({
        instance: 'test',
        ready: true,
        caller: { token: 'operator', role: 'operator' },
        restoreTargets: ['back', 'over', 'database'],
      });
    });
    const { body } = await service.call('/status', { token: viewer });
    expect(body['caller']).toEqual({ token: 'viewer', role: 'viewer', actions: ['read'] });
    expect(body['encryption']).toEqual({});
  });

  it('tell how old a key may be, and when it is changed', async () => {
    const service = await start();
    const config = service.installation.configFile;
    const policy = 'max_key_age: 60d, rotation: { every: 30d, days_back: 90, at_low_tide: true }';
    writeFileSync(config, readFileSync(config, 'utf8').replace('recovery_recipients: []', policy));
    expect(await service.reload()).toBe(true);
    const [key] = itemsOf(await service.call('/keys'));
    const dueAt = new Date(Date.parse(String(key?.['createdAt'])) + 30 * 86_400_000).toISOString();
    expect((await service.call('/status')).body['encryption']).toEqual({
      maxKeyAgeSeconds: 60 * 86_400,
      rotation: { mode: 'rewrap', daysBack: 90, atLowTide: true, dueAt },
    });
  });
});
