import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { eventually } from '../servers/eventually.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { program } from '../servers/programs.ts';
import { admin, operator, TestService, tokens, viewer, type Answer } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');

type Item = Readonly<Record<string, unknown>>;

const secret = 'hunter2-of-the-other-host';

let server: PostgresServer;
let one: TestService;
let two: TestService;
let three: TestService;

const idle = (id: string, more = ''): string => `  - id: ${id}
    source: { type: directory, path: FOLDER/docs }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }${more}`;

async function startHost(instance: string, schedules: string): Promise<TestService> {
  const service = await TestService.start(schedules, { instance, state: server.url(), more: tokens });
  const docs = join(service.installation.folder, 'docs');
  mkdirSync(docs);
  writeFileSync(join(docs, 'a.txt'), instance);
  return service;
}

beforeAll(async () => {
  server = await startPostgres(() => ({ max_connections: '200' }));
  one = await startHost('one', idle('docs'));
  const db = `  - id: db
    source: { type: postgres, url: "postgres://app:${secret}@127.0.0.1:1/app" }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 50 }`;
  two = await startHost('two', `${idle('docs')}\n${db}`);
  const later = Temporal.Now.zonedDateTimeISO().add({ hours: 12 });
  const night = `  - id: night
    source: { type: directory, path: FOLDER/docs }
    cron: "${later.minute} ${later.hour} * * *"
    priority: high
    stores: [local]
    keep: { last: 50 }`;
  three = await startHost('three', `${idle('mail', '\n    window: 00:00-06:00')}\n${night}`);
});
afterAll(async () => {
  for (const service of [one, two, three]) await service[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const itemsOf = ({ body }: Answer): readonly Item[] => body['items'] as Item[];

async function everyPage(service: TestService, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor = ''; ;) {
    const page = await service.call(`${path}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    expect(page.status, JSON.stringify(page.body)).toBe(200);
    items.push(...itemsOf(page));
    const { nextCursor } = page.body;
    if (typeof nextCursor !== 'string') return items;
    cursor = nextCursor;
  }
}

/** When the next run starts, and what is expected of it, may have been learned since the host said it. */
function withoutWhatIsLearned(schedule: Item): Item {
  return Object.fromEntries(
    Object.entries(schedule).filter(([key]) => !['nextRunAt', 'expected'].includes(key)),
  );
}

/** Until the other hosts have published what they have to run. */
async function published(): Promise<void> {
  await vi.waitUntil(() => server.query('SELECT count(*) FROM lowtide.views') === '3', { timeout: 40_000 });
}

describe('any exporter', () => {
  it('lists all hosts, and says which of them it is', async () => {
    await published();
    const hosts = await one.call('/hosts');
    expect(itemsOf(hosts)).toEqual([
      expect.objectContaining({ instance: 'one', state: 'alive', isSelf: true }),
      expect.objectContaining({ instance: 'three', state: 'alive', isSelf: false }),
      expect.objectContaining({
        instance: 'two',
        state: 'alive',
        isSelf: false,
        summary: { schedules: 2, paused: 0, running: 0 },
      }),
    ]);
    expect(await everyPage(two, '/hosts?limit=1')).toHaveLength(3);
    await eventually(async () => {
      const planners = itemsOf(await one.call('/hosts')).filter(({ isPlanner }) => isPlanner);
      expect(planners).toHaveLength(1);
      const pages = await Promise.all(
        [one, two, three].map(async (service) => (await fetch(service.url('/metrics'))).text()),
      );
      const leads = pages.map((page) => /^lowtide_planner_leader (\d)$/m.exec(page)?.[1]);
      expect(leads.toSorted()).toEqual(['0', '0', '1']);
    });
  });

  it('has the runs of all as one list, each once and the newest first, on pages of any size', async () => {
    const all = async (list: string): Promise<readonly Item[]> =>
      itemsOf(await three.call(`/${list}?host=*&limit=200`));
    const before = { runs: await all('runs'), backups: await all('backups') };
    for (const [service, id] of [
      [one, 'docs'],
      [two, 'docs'],
      [three, 'mail'],
      [two, 'docs'],
      [one, 'docs'],
      [two, 'docs'],
    ] as const) {
      expect((await service.post(`/schedules/${id}/run?wait=true`)).body).toMatchObject({
        status: 'completed',
      });
    }
    for (const list of ['runs', 'backups'] as const) {
      const whole = await all(list);
      expect(whole).toHaveLength(before[list].length + 6);
      const made = whole.slice(0, 6);
      expect(made.map(({ host }) => host)).toEqual(['two', 'one', 'two', 'three', 'two', 'one']);
      expect(whole.slice(6)).toEqual(before[list]);
      for (const limit of [1, 2, 4]) {
        expect(await everyPage(three, `/${list}?host=*&limit=${limit}`)).toEqual(whole);
      }
      expect(await everyPage(three, `/${list}?host=two&limit=2`)).toEqual(
        whole.filter(({ host }) => host === 'two'),
      );
      expect(itemsOf(await three.call(`/${list}`))).toEqual(whole.filter(({ host }) => host === 'three'));
    }
    const mail = (await all('runs')).filter(({ schedule }) => schedule === 'mail');
    expect(mail[0]).toMatchObject({ host: 'three' });
    expect(itemsOf(await one.call('/runs?host=*&schedule=mail'))).toEqual(mail);
  });

  it('has each of them, and takes no cursor of another list', async () => {
    const [run] = itemsOf(await one.call('/runs?host=three'));
    const id = String(run?.['id']);
    expect((await one.call(`/runs/${id}?host=three`)).body).toEqual(run);
    expect((await one.call(`/runs/${id}/log?host=three`)).body['lines']).not.toEqual([]);
    expect((await one.call(`/runs/${id}`)).status).toBe(404);
    const backup = String(run?.['backupId']);
    expect((await one.call(`/backups/${backup}?host=three`)).body).toMatchObject({
      host: 'three',
      id: backup,
    });
    expect((await one.call(`/backups/${backup}/manifest?host=three`)).body).toMatchObject({
      instance: 'three',
    });
    expect((await one.call('/runs?host=four')).body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await one.call(`/runs/${id}?host=*`)).status).toBe(404);
    const { nextCursor } = (await one.call('/runs?host=*&limit=1')).body;
    for (const path of ['/runs?', '/runs?host=two&', '/backups?host=*&']) {
      expect((await one.call(`${path}cursor=${String(nextCursor)}`)).body).toMatchObject({ code: 'usage' });
    }
    expect(itemsOf(await one.call('/drills?host=*'))).toEqual([]);
    expect(itemsOf(await one.call('/rotations?host=*'))).toEqual([]);
  });

  it('has the schedules of all, with how they stand', async () => {
    await published();
    await two.post('/schedules/docs/pause');
    const all = await everyPage(one, '/schedules?host=*&limit=2');
    expect(all.map(({ id, host }) => [id, host])).toEqual([
      ['db', 'two'],
      ['docs', 'one'],
      ['docs', 'two'],
      ['mail', 'three'],
      ['night', 'three'],
    ]);
    for (const [service, instance] of [
      [one, 'one'],
      [two, 'two'],
      [three, 'three'],
    ] as const) {
      const there = itemsOf(await service.call('/schedules'));
      expect(all.filter(({ host }) => host === instance)).toMatchObject(there.map(withoutWhatIsLearned));
    }
    expect((await one.call('/schedules/docs?host=two')).body).toMatchObject({ host: 'two', paused: true });
    expect((await one.call('/schedules/db')).status).toBe(404);
    await two.post('/schedules/docs/resume');
    expect(JSON.stringify(all)).not.toContain(secret);
    expect(server.query('SELECT * FROM lowtide.views')).not.toContain(secret);
  });

  it('has the load of another, and the starts that are planned there', async () => {
    expect((await one.call('/load?host=two')).body).toMatchObject({ host: 'two' });
    expect((await one.call('/load?host=two&loadHost=x')).body).toMatchObject({ code: 'usage' });
    const planned = async (path: string): Promise<Item[]> =>
      ((await one.call(path)).body['slots'] as Item[]).map(({ host, schedule }) => ({ host, schedule }));
    const night = { host: 'three', schedule: 'night' };
    // Once it is published, planned for all, and taken up there.
    await vi.waitUntil(async () => (await planned('/plan?host=three')).length > 0, { timeout: 60_000 });
    expect(await planned('/plan?host=three&hours=1')).toEqual([]);
    expect(await planned('/plan?host=*')).toContainEqual(night);
    const [slot] = (await one.call('/plan?host=three')).body['slots'] as Item[];
    const [own] = (await three.call('/plan')).body['slots'] as Item[];
    expect(slot).toMatchObject({
      ...night,
      dueAt: own?.['dueAt'],
      window: own?.['window'],
      priority: 'high',
    });
  });

  it('tells of a host that a newer version has written, and shows the others', async () => {
    const schema = schemaOf('three');
    const [version, readableFrom] = server
      .query(`SELECT version, readable_from FROM ${schema}.lowtide_schema`)
      .split('|');
    server.query(`UPDATE ${schema}.lowtide_schema SET version = 99, readable_from = 99`);
    try {
      const runs = await one.call('/runs?host=*');
      expect(new Set(itemsOf(runs).map(({ host }) => host))).toEqual(new Set(['one', 'two']));
      expect(runs.body['problems']).toMatchObject([{ host: 'three', code: 'host_unreadable' }]);
      expect((await one.call('/runs?host=three')).body).toMatchObject({
        status: 502,
        code: 'host_unreadable',
      });
    } finally {
      server.query(
        `UPDATE ${schema}.lowtide_schema SET version = ${version}, readable_from = ${readableFrom}`,
      );
    }
  });
});

/** As if there were one more host, which is heard of until a time. */
function pretend(instance: string, until: string): void {
  server.query(
    `INSERT INTO lowtide.hosts VALUES ('${instance}', '{"version":"0.1.0","address":"elsewhere:1","pools":[]}', now())
       ON CONFLICT DO NOTHING;
     INSERT INTO lowtide.leases VALUES ('host/${instance}', 1, 'elsewhere', now(), ${until})
       ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at`,
  );
}

/** What has become of a request to another host. */
async function outcome(service: TestService, asked: Answer): Promise<Item> {
  expect(asked.status, JSON.stringify(asked.body)).toBe(202);
  return await vi.waitUntil(
    async () => {
      const { body } = await service.call(`/requests/${String(asked.body['id'])}`);
      return ['waiting', 'taken'].includes(String(body['state'])) ? undefined : body;
    },
    { timeout: 40_000, interval: 200 },
  );
}

describe('lowtide hosts', () => {
  it('has the hosts that the API has, and forgets one that is gone', async () => {
    pretend('retired', "now() - interval '1 second'");
    const lowtide = (...args: string[]): { readonly status: number | null; readonly stdout: string } =>
      spawnSync(process.execPath, [main, ...args], { cwd: one.installation.folder, encoding: 'utf8' });
    const listed = JSON.parse(lowtide('hosts', '--json').stdout) as Item[];
    expect(listed.map(({ instance, state }) => [instance, state])).toEqual(
      itemsOf(await one.call('/hosts')).map(({ instance, state }) => [instance, state]),
    );
    expect(listed.find(({ instance }) => instance === 'two')).toMatchObject({ summary: { schedules: 2 } });
    expect(lowtide('hosts').stdout).toMatch(/^one \(this one\) +alive/m);
    expect(lowtide('hosts', 'forget', 'two').status).toBe(1);
    expect(lowtide('hosts', 'forget', 'retired').status).toBe(0);
    expect(lowtide('hosts', 'forget', 'retired').status).toBe(2);
    expect(itemsOf(await one.call('/audit?limit=1'))).toMatchObject([
      { actor: 'cli', action: 'host.forget', subject: 'retired' },
    ]);
  });
});

describe('what another host is asked to do', () => {
  it('is done there, once, and is on record on both', async () => {
    const before = itemsOf(await two.call('/runs')).length;
    const relayed = async (): Promise<readonly Item[]> =>
      itemsOf(await two.call('/audit')).filter(
        ({ from, result }) => from === 'host one' && result === 'started',
      );
    const audited = await relayed();
    const headers = { 'idempotency-key': randomUUID(), 'x-grafana-user': 'alice' };
    const asked = await one.post('/schedules/docs/run?host=two', { token: operator, headers });
    expect(asked.body).toMatchObject({ kind: 'request', host: 'two', action: 'run', state: 'waiting' });
    const again = await one.post('/schedules/docs/run?host=two', { token: operator, headers });
    expect(again.body['id']).toBe(asked.body['id']);
    const done = await outcome(one, asked);
    expect(done).toMatchObject({ state: 'done', by: 'operator', grafanaUser: 'alice', askedOf: 'one' });
    const run = await vi.waitUntil(
      async () => {
        const { body } = await one.call(`/runs/${String(done['runId'])}?host=two`);
        return body['status'] === 'running' ? undefined : body;
      },
      { timeout: 20_000 },
    );
    expect(run).toMatchObject({ host: 'two', status: 'completed', trigger: 'api' });
    expect(itemsOf(await two.call('/runs'))).toHaveLength(before + 1);
    const [asking] = itemsOf(await one.call('/audit?limit=1'));
    expect(asking).toMatchObject({
      actor: 'operator',
      grafanaUser: 'alice',
      action: 'schedule.run',
      result: 'started',
      detail: `asked of two: ${String(asked.body['id'])}`,
    });
    const [there, ...others] = await relayed();
    expect(others).toEqual(audited);
    expect(there).toMatchObject({
      actor: 'operator',
      grafanaUser: 'alice',
      action: 'schedule.run',
      subject: 'docs',
    });
  });

  it('may be to pause, to resume and to skip, and what that host refuses says why', async () => {
    const asked = await Promise.all(
      ['docs/pause', 'docs/skip-next', 'none/run'].map((path) =>
        one.post(`/schedules/${path}?host=two`, { token: operator }),
      ),
    );
    const ends = await Promise.all(asked.map((each) => outcome(one, each)));
    expect(ends.map(({ state }) => state)).toEqual(['done', 'done', 'refused']);
    expect(ends[2]).toMatchObject({ error: { code: 'not_found' } });
    expect((await two.call('/schedules/docs')).body).toMatchObject({ paused: true });
    await two.post('/schedules/docs/resume');
  });

  it('is for those whose role allows it, is not waited for, and not asked of a host that is silent', async () => {
    const path = '/schedules/docs/run?host=two';
    expect((await one.post(path, { token: viewer })).body).toMatchObject({ code: 'forbidden' });
    expect((await one.post(`${path}&wait=true`)).body).toMatchObject({ code: 'usage' });
    expect((await one.call('/hosts/two', { method: 'DELETE', token: operator })).status).toBe(403);
    expect((await one.call('/hosts/two', { method: 'DELETE' })).body).toMatchObject({ code: 'host_alive' });
    pretend('gone', "now() - interval '1 second'");
    expect(itemsOf(await one.call('/hosts'))).toContainEqual(
      expect.objectContaining({ instance: 'gone', state: 'silent' }),
    );
    expect((await one.post('/schedules/docs/run?host=gone')).body).toMatchObject({
      status: 503,
      code: 'host_silent',
      hint: expect.any(String) as string,
    });
    const runs = await one.call('/runs?host=*');
    expect(runs.body['problems']).toMatchObject([{ host: 'gone', code: 'not_found' }]);
    expect((await one.call('/hosts/gone', { method: 'DELETE', token: admin })).status).toBe(204);
    expect((await one.call('/hosts/gone', { method: 'DELETE', token: admin })).status).toBe(404);
  });

  it('is not done any more two minutes after it was asked', async () => {
    // One that is heard of, and never looks.
    pretend('stuck', "now() + interval '1 hour'");
    const asked = await one.post('/schedules/docs/run?host=stuck');
    const id = String(asked.body['id']);
    expect((await one.call(`/requests/${id}`)).body).toMatchObject({ state: 'waiting' });
    server.query(`UPDATE lowtide.requests SET asked_at = asked_at - interval '2 minutes' WHERE id = '${id}'`);
    expect((await one.call(`/requests/${id}`)).body).toMatchObject({ state: 'expired' });
    await using postgres = openPostgres(server.url(), { applicationName: 'tests' });
    const { requests } = await openFleet(postgres);
    const lease = { name: 'host/stuck', holder: 'elsewhere', token: 1 };
    expect(await requests.take(lease)).toEqual([]);
    const later = await one.post('/schedules/docs/run?host=stuck');
    expect(await requests.take(lease)).toMatchObject([{ id: later.body['id'], action: 'run' }]);
    expect(await requests.take(lease)).toEqual([]);
    expect((await one.call(`/requests/${String(later.body['id'])}`)).body).toMatchObject({ state: 'taken' });
    pretend('stuck', "now() - interval '1 second'");
    expect((await one.call(`/requests/${String(later.body['id'])}`)).body).toMatchObject({
      state: 'unknown',
    });
  });

  it('is asked as docs/api.md has it', async () => {
    const page = readFileSync(new URL('../../exporter/docs/api.md', import.meta.url), 'utf8');
    const [, block = ''] = /^```bash\n(.*?)^```/ms.exec(page) ?? [];
    pretend('db-host-9', "now() - interval '1 second'");
    const script = `curl() { command curl -f "$@"; }\nset -e -o pipefail\n${block.replace('db-host-2', 'two').replace('files', 'docs')}`;
    const env = { ...process.env, auth: `Authorization: Bearer ${admin}`, LOWTIDE: one.url('/api/v1') };
    const end = await promisify(execFile)('bash', ['-c', script], { env });
    expect(JSON.parse(end.stdout)).toMatchObject({ state: expect.any(String) as string });
    expect(server.query("SELECT count(*) FROM lowtide.hosts WHERE instance = 'db-host-9'")).toBe('0');
  });
});
