import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { program } from '../servers/programs.ts';
import type { ServeProcess } from '../servers/serve-process.ts';
import { operator, viewer, type Answer } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');

type Item = Readonly<Record<string, unknown>>;
type Name = 'one' | 'two' | 'three';

const schedules = `  - { id: docs, source: { type: directory, path: FOLDER/docs }, cron: "0 0 1 1 *", stores: [local], keep: { last: 9 } }
  - { id: large, source: { type: command, argv: [head, -c, '8M', /dev/urandom] }, cron: "0 0 1 1 *", stores: [local] }`;

let server: PostgresServer;
let root: string;
let hosts: Record<Name, FleetHost>;
let services: Record<Name, ServeProcess>;
beforeAll(async () => {
  server = await startPostgres(() => ({ max_connections: '200' }));
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-rotation-'));
  const make = (name: Name): Promise<FleetHost> => FleetHost.make(server, join(root, name), name, schedules);
  hosts = { one: await make('one'), two: await make('two'), three: await make('three') };
  const { one, two, three } = hosts;
  services = { one: await one.serve(), two: await two.serve(), three: await three.serve() };
  for (const service of Object.values(services)) await backUp(service, 'docs');
  await backUp(services.two, 'large');
});
afterAll(async () => {
  for (const service of Object.values(services)) await service.kill();
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

async function backUp(service: ServeProcess, schedule: string): Promise<void> {
  const { body } = await service.post(`/schedules/${schedule}/run?wait=true`);
  expect(body, JSON.stringify(body)).toMatchObject({ status: 'completed' });
}

const itemsOf = ({ body }: Answer): readonly Item[] => body['items'] as Item[];
const rotationsOf = async (name: Name): Promise<readonly Item[]> =>
  itemsOf(await services[name].call('/rotations'));
const auditOf = async (name: Name): Promise<readonly Item[]> => itemsOf(await services[name].call('/audit'));

/** What each host did because host one asked. */
const fromOne = async (name: Name): Promise<readonly Item[]> =>
  (await auditOf(name)).filter(({ from }) => from === 'host one');

async function allOf<T>(of: (name: Name) => Promise<T>): Promise<Record<Name, T>> {
  return { one: await of('one'), two: await of('two'), three: await of('three') };
}

/** Of a list with the newest first, what is new. */
function since<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return now.slice(0, now.length - before.length);
}

async function campaign(id: unknown, of: ServeProcess = services.one): Promise<Item> {
  return (await of.call(`/campaigns/${String(id)}`)).body;
}

function taskOf({ tasks }: Item, host: Name): Item | undefined {
  return (tasks as Item[]).find((task) => task['host'] === host);
}

/** A host looks every ten seconds. */
function within<T>(check: () => Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 60_000, interval: 200 });
}

/** As if a minute had gone by without a word of it. */
function silence(name: Name): void {
  server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/${name}'`);
}

async function lowtide(
  name: Name,
  ...args: string[]
): Promise<{ readonly code: unknown; readonly out: string; readonly said: string }> {
  const child = spawn(process.execPath, [main, ...args], { cwd: hosts[name].folder });
  const [out, said, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[unknown]>,
  ]);
  return { code, out, said };
}

describe('a rotation on all hosts', () => {
  it('is for those whose role allows it, and is neither waited for nor planned', async () => {
    const { one } = services;
    const ask = async (query: string, token: string, body: object = {}): Promise<Answer> =>
      await one.post(`/rotations?${query}`, { token, body });
    for (const query of ['host=*', 'host=two']) {
      expect((await ask(query, viewer)).body).toMatchObject({ status: 403, code: 'forbidden' });
      expect((await ask(`${query}&wait=true`, operator)).body).toMatchObject({ code: 'usage' });
      expect((await ask(query, operator, { dryRun: true })).body).toMatchObject({ code: 'usage' });
    }
    expect((await ask('host=four', operator)).body).toMatchObject({ status: 404, code: 'not_found' });
    expect(itemsOf(await one.call('/campaigns'))).toEqual([]);
    expect((await one.call('/campaigns/none')).body).toMatchObject({ status: 404, code: 'not_found' });
    expect(await auditOf('one')).toContainEqual(
      expect.objectContaining({ actor: 'viewer', action: 'rotation.start', result: 'refused' }),
    );
  });

  it('is done by each with its own key, and by one that is killed over its task, once it is back', async () => {
    const headers = { 'idempotency-key': randomUUID(), 'x-grafana-user': 'alice' };
    const audited = await allOf(fromOne);
    const rotated = await allOf(rotationsOf);
    const body = { mode: 'reencrypt', bytesPerSecond: 1024 * 1024 };
    const asking = { token: operator, headers, body };
    const asked = await services.one.post('/rotations?host=*', asking);
    expect(asked).toMatchObject({ status: 202, body: { kind: 'campaign', work: 'rotation', over: false } });
    const { id } = asked.body;
    expect((await services.one.post('/rotations?host=*', asking)).body['id']).toBe(id);
    expect(itemsOf(await services.three.call('/campaigns?limit=1'))).toMatchObject([{ id }]);

    await within(async () =>
      expect(taskOf(await campaign(id), 'two')).toMatchObject({ state: 'running', hostState: 'alive' }),
    );
    await services.two.kill();
    expect((await rotationStatuses('two'))[0]).toBe('running');
    await within(async () =>
      expect((await campaign(id))['summary']).toMatchObject({ completed: 2, running: 1 }),
    );
    services.two = await hosts.two.serve();
    await within(async () => expect((await campaign(id))['over']).toBe(true));

    const done = await campaign(id, services.three);
    expect(done).toMatchObject({ by: 'operator', grafanaUser: 'alice', askedOf: 'one', wish: body });
    for (const name of ['one', 'two', 'three'] as const) {
      const task = taskOf(done, name);
      const backups = name === 'two' ? 2 : 1;
      expect(task).toMatchObject({ state: 'completed', done: { items: backups }, pending: { items: 0 } });
      const [rotation, ...others] = await rotationsOf(name);
      expect(others).toEqual(rotated[name]);
      expect(rotation).toMatchObject({
        id: task?.['rotationId'],
        status: 'completed',
        by: 'alice',
        trigger: 'api',
      });
      const audit = since(audited[name], await fromOne(name));
      expect(audit.map(({ action, result }) => `${String(action)} ${String(result)}`).reverse()).toEqual(
        name === 'two'
          ? ['rotation.start started', 'rotation.resume started', 'rotation.resume done']
          : ['rotation.start started', 'rotation.start done'],
      );
      expect(audit[0]).toMatchObject({ actor: 'operator', grafanaUser: 'alice' });
    }
    expect((await rotationsOf('two'))[0]?.['resumedAt']).toEqual(expect.any(String));
    expect(await auditOf('one')).toContainEqual(
      expect.objectContaining({
        actor: 'operator',
        action: 'rotation.start',
        result: 'started',
        detail: `asked of all hosts: ${String(id)}`,
      }),
    );
  });

  it('waits where a host is silent, which the command line says, and is done once that is back', async () => {
    const before = await rotationsOf('three');
    services.three.signal('SIGSTOP');
    silence('three');
    const asked = await lowtide('one', 'rotate', '--all-hosts', '--json');
    expect(asked.said).toContain('To be done once they are back: three (silent).');
    expect(asked.code).toBe(3);
    const shown = JSON.parse(asked.out) as Item;
    expect(shown).toMatchObject({ summary: { completed: 2, waiting: 1 }, over: false });
    expect(taskOf(shown, 'three')).toMatchObject({ hostState: 'silent', state: 'waiting' });
    services.three.signal('SIGCONT');
    await within(async () => expect((await campaign(shown['id']))['over']).toBe(true));
    expect(since(before, await rotationsOf('three'))).toHaveLength(1);
    const again = await lowtide('two', 'campaigns', String(shown['id']));
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('3 completed') as string });
    expect((await lowtide('one', 'rotate', '--all-hosts', '--resume')).code).toBe(2);
    expect((await lowtide('one', 'campaigns')).out).toContain(String(shown['id']));
  });

  it('is one host’s alone where that is named, and waits there while another goes on', async () => {
    const slow = { mode: 'reencrypt', bytesPerSecond: 1024 * 1024 };
    const before = await rotationStatuses('two');
    const own = await services.two.post('/rotations', { token: operator, body: slow });
    expect(own.body).toMatchObject({ host: 'two', status: 'running' });
    const asked = await services.one.post('/rotations?host=two', { token: operator, body: {} });
    expect(asked.body['tasks']).toMatchObject([{ host: 'two', state: 'waiting' }]);
    await within(async () => {
      const task = taskOf(await campaign(asked.body['id']), 'two');
      expect(task).toMatchObject({ state: 'waiting', error: { code: 'rotation_active' } });
    });
    await within(async () => {
      const task = taskOf(await campaign(asked.body['id']), 'two');
      expect(task).toMatchObject({ state: 'completed' });
      expect(task).not.toHaveProperty('error');
    });
    expect(since(before, await rotationStatuses('two'))).toEqual(['completed', 'completed']);
  });

  it('is asked for as docs/api.md has it', async () => {
    const page = readFileSync(new URL('../../exporter/docs/api.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```bash\n(.*?)^```/gms)].map(([, block = '']) => block);
    const block = blocks.find((each) => each.includes('host=*')) ?? 'exit 1';
    // What it asks for once a day, a second try asks for again.
    const functions = `curl() { command curl -f "$@"; }\ndate() { echo ${randomUUID()}; }`;
    const script = `${functions}\nset -e -o pipefail\n${block}`;
    const env = {
      ...process.env,
      auth: `Authorization: Bearer ${operator}`,
      LOWTIDE: `http://${services.two.address}/api/v1`,
    };
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
    expect(JSON.parse(stdout)).toMatchObject({ over: false, tasks: [{ host: 'one' }, {}, {}] });
    const [asked] = itemsOf(await services.one.call('/campaigns?limit=1'));
    expect(asked?.['askedOf']).toBe('two');
    await within(async () => expect((await campaign(asked?.['id']))['over']).toBe(true));
  });

  it('is cancelled as a whole: what goes on stops, and what waits never begins', async () => {
    const { one, two, three } = services;
    const rotated = await rotationStatuses('three');
    three.signal('SIGSTOP');
    silence('three');
    const body = { mode: 'reencrypt', bytesPerSecond: 1024 * 1024 };
    const { id } = (await one.post('/rotations?host=*', { token: operator, body })).body;
    await within(async () => expect(taskOf(await campaign(id), 'two')).toMatchObject({ state: 'running' }));
    const path = `/campaigns/${String(id)}/cancel`;
    expect((await two.post(path, { token: viewer })).body).toMatchObject({ status: 403 });
    const asked = await two.post(path, { token: operator, headers: { 'x-grafana-user': 'bob' } });
    const cancelled = { by: 'operator', grafanaUser: 'bob', askedOf: 'two' };
    expect(asked).toMatchObject({ status: 202, body: { id, cancelled } });
    await within(async () => expect(taskOf(await campaign(id), 'two')).toMatchObject({ state: 'cancelled' }));
    expect(taskOf(await campaign(id), 'two')).not.toMatchObject({ pending: { items: 0 } });
    expect(taskOf(await campaign(id), 'three')).toMatchObject({ state: 'waiting', hostState: 'silent' });
    const shown = await lowtide('one', 'campaigns', String(id), '--cancel');
    expect(shown.said).toContain('To be ended once they are back: three (silent).');
    expect(shown.out).toContain(`Campaign ${String(id)}, cancelled by operator at two: `);
    const before = (await rotationsOf('two')).length;
    three.signal('SIGCONT');
    await within(async () => expect((await campaign(id))['over']).toBe(true));
    expect(taskOf(await campaign(id), 'three')).toMatchObject({ state: 'cancelled' });
    expect(await rotationsOf('two')).toHaveLength(before);
    expect(await rotationStatuses('three')).toEqual(rotated);
    expect(await auditOf('two')).toContainEqual(
      expect.objectContaining({ action: 'rotation.cancel', grafanaUser: 'bob', from: 'host two' }),
    );
    expect((await one.post('/campaigns/none/cancel', { token: operator })).status).toBe(404);
    expect((await lowtide('one', 'campaigns', '--cancel')).code).toBe(2);
  });

  it('is refused where it cannot be begun, and says why', async () => {
    const key = join(hosts.three.folder, 'keys');
    rmSync(key, { recursive: true, force: true });
    const before = await rotationsOf('three');
    const asked = await services.one.post('/rotations?host=three', { token: operator, body: {} });
    await within(async () => {
      const task = taskOf(await campaign(asked.body['id']), 'three');
      expect(task).toMatchObject({ state: 'refused', error: { code: expect.any(String) as string } });
    });
    expect(await rotationsOf('three')).toEqual(before);
  });
});

async function keepLast(count: number, name: Name): Promise<void> {
  const config = join(hosts[name].folder, 'lowtide.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/last: \d/, `last: ${count}`));
  services[name].signal('SIGHUP');
  await eventually(async () => {
    const { body } = await services[name].call('/schedules/docs');
    expect(JSON.stringify(body)).toContain(`"last":${count}`);
  });
}

describe('a prune on all hosts', () => {
  it('is done by each by its own rules', async () => {
    for (const name of ['one', 'two'] as const) {
      await keepLast(9, name);
      await backUp(services[name], 'docs');
      await keepLast(1, name);
    }
    const pruned = await lowtide('one', 'backups', 'prune', '--all-hosts', '--json');
    const shown = JSON.parse(pruned.out) as Item;
    expect(shown).toMatchObject({ work: 'prune', over: true });
    for (const name of ['one', 'two'] as const) {
      expect(taskOf(shown, name)).toMatchObject({ state: 'completed', done: { items: 1 } });
      const prunes = (await auditOf(name)).filter(
        ({ from, action }) => from === 'host one' && action === 'backups.prune',
      );
      expect(prunes.slice(0, 2).map(({ result }) => result)).toEqual(['done', 'started']);
    }
    const backups = itemsOf(await services.two.call('/backups?schedule=docs'));
    expect(backups.slice(0, 2).map(({ status }) => status)).toEqual(['completed', 'pruned']);
    expect((await lowtide('one', 'backups', 'prune', '--all-hosts', '--dry-run')).code).toBe(2);
  });
});

async function rotationStatuses(name: Name): Promise<string[]> {
  const all = itemsOf(await services.one.call(`/rotations?host=${name}`));
  return all.map(({ status }) => String(status));
}
