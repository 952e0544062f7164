import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NewCampaign } from '../../exporter/src/fleet/campaign.ts';
import type { Fleet, Lease } from '../../exporter/src/fleet/fleet.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

const ttlMs = 60_000;
const rotation: NewCampaign = { kind: 'rotation', wish: { mode: 'rewrap' }, askedOf: 'one', by: 'alice' };
const prune: NewCampaign = { kind: 'prune', wish: {}, askedOf: 'one', by: 'bob', grafanaUser: 'b' };

let server: PostgresServer;
let postgres: Postgres;
let fleet: Fleet;
let one: Lease;
let two: Lease;
beforeAll(async () => {
  server = await startPostgres();
  postgres = openPostgres(server.url(), { applicationName: 'lowtide test' });
  fleet = await openFleet(postgres);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  server.query('TRUNCATE lowtide.hosts, lowtide.leases, lowtide.campaigns CASCADE');
  one = await enter('one');
  two = await enter('two');
});

async function enter(instance: string): Promise<Lease> {
  return await fleet.enter({ instance, version: '1', address: `${instance}:1`, pools: [] }, 'home', ttlMs);
}

function silence(instance: string): void {
  server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/${instance}'`);
}

const tasksOf = async (id: string): Promise<unknown[]> =>
  ((await fleet.campaigns.find(id))?.tasks ?? []).map(({ instance, hostState, state }) => [
    instance,
    hostState,
    state,
  ]);

describe('a campaign', () => {
  it('has a task for each host that is known, or for those that are named, silent ones too', async () => {
    silence('two');
    const begun = await fleet.campaigns.begin('c1', rotation);
    expect(begun).toMatchObject({ id: 'c1', ...rotation });
    expect(Math.abs(begun.askedAt - Date.now())).toBeLessThan(10_000);
    expect(begun.tasks).toMatchObject([
      { instance: 'one', hostState: 'alive', state: 'waiting' },
      { instance: 'two', hostState: 'silent', state: 'waiting' },
    ]);
    expect(new Set(begun.tasks.map(({ rotationId }) => rotationId)).size).toBe(2);
    expect((await fleet.campaigns.begin('c2', prune, ['two'])).tasks).toEqual([
      { instance: 'two', hostState: 'silent', state: 'waiting', updatedAt: expect.any(Number) as number },
    ]);
    await expect(fleet.campaigns.begin('c3', prune, ['one', 'three'])).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await fleet.campaigns.find('c3')).toBeUndefined();
  });

  it('is the same one under the same id, with the same rotations', async () => {
    const first = await fleet.campaigns.begin('c1', rotation, ['one']);
    await enter('three');
    expect(await fleet.campaigns.begin('c1', prune)).toEqual(first);
    expect(await fleet.campaigns.find('c1')).toEqual(first);
  });

  it('is listed with others, the newest first, page by page', async () => {
    for (const id of ['a', 'c', 'b']) await fleet.campaigns.begin(id, rotation);
    const ids = async (after: string | undefined, limit: number): Promise<string[]> =>
      (await fleet.campaigns.list(after, limit)).map(({ id }) => id);
    expect(await ids(undefined, 10)).toEqual(['b', 'c', 'a']);
    expect(await ids(undefined, 1)).toEqual(['b']);
    expect(await ids('b', 1)).toEqual(['c']);
    expect(await ids('a', 1)).toEqual([]);
    expect((await fleet.campaigns.list(undefined, 1))[0]?.tasks).toHaveLength(2);
    await expect(ids('none', 1)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is cancelled once, which its hosts are told with what is left to be done', async () => {
    const asking = { askedOf: 'two', by: 'carol', grafanaUser: 'c' };
    await fleet.campaigns.begin('c1', rotation);
    await fleet.campaigns.report(one, 'c1', { state: 'completed' });
    const cancelled = await fleet.campaigns.cancel('c1', asking);
    expect(cancelled).toMatchObject({ by: 'alice', cancelled: asking });
    expect(await fleet.campaigns.cancel('c1', { askedOf: 'one', by: 'dave' })).toEqual(cancelled);
    expect(await fleet.campaigns.find('c1')).toEqual(cancelled);
    expect(await fleet.campaigns.open('one')).toEqual([]);
    expect(await fleet.campaigns.open('two')).toMatchObject([{ state: 'waiting', cancelled: asking }]);
    await fleet.campaigns.report(two, 'c1', { state: 'cancelled' });
    expect(await tasksOf('c1')).toEqual([
      ['one', 'alive', 'completed'],
      ['two', 'alive', 'cancelled'],
    ]);
    expect(await fleet.campaigns.cancel('none', asking)).toBeUndefined();
  });

  it('is not cancelled once it is over', async () => {
    await fleet.campaigns.begin('c1', rotation, ['one']);
    await fleet.campaigns.report(one, 'c1', { state: 'completed' });
    expect(await fleet.campaigns.cancel('c1', { askedOf: 'one', by: 'dave' })).not.toHaveProperty(
      'cancelled',
    );
  });

  it('is kept for 90 days, and as long as a task is open', async () => {
    await fleet.campaigns.begin('over', rotation, ['one']);
    await fleet.campaigns.report(one, 'over', { state: 'completed' });
    await fleet.campaigns.begin('open', rotation, ['one']);
    server.query("UPDATE lowtide.campaigns SET asked_at = asked_at - interval '91 days'");
    await fleet.campaigns.begin('new', rotation, ['one']);
    expect((await fleet.campaigns.list(undefined, 9)).map(({ id }) => id)).toEqual(['new', 'open']);
  });
});

describe('the task of a host', () => {
  it('is told of with each beat until it is over, in the order in which it was asked', async () => {
    expect((await fleet.leases.renew(one, ttlMs)).hasTasks).toBe(false);
    const { tasks } = await fleet.campaigns.begin('c1', rotation);
    await fleet.campaigns.begin('c2', prune, ['two', 'one']);
    expect((await fleet.leases.renew(one, ttlMs)).hasTasks).toBe(true);
    const [first, second] = await fleet.campaigns.open('one');
    expect(first).toEqual({
      ...rotation,
      campaign: 'c1',
      state: 'waiting',
      rotationId: tasks[0]?.rotationId,
    });
    expect(second).toEqual({ ...prune, campaign: 'c2', state: 'waiting' });
    const counts = { done: { items: 1, bytes: 2 } };
    await fleet.campaigns.report(one, 'c1', { state: 'running', counts });
    expect((await fleet.campaigns.open('one'))[0]).toMatchObject({ state: 'running', counts });
    await fleet.campaigns.report(one, 'c1', { state: 'failed', error: { code: 'x', message: 'why' } });
    await fleet.campaigns.report(one, 'c2', { state: 'completed' });
    expect(await fleet.campaigns.open('one')).toEqual([]);
    expect((await fleet.leases.renew(one, ttlMs)).hasTasks).toBe(false);
    expect((await fleet.leases.renew(two, ttlMs)).hasTasks).toBe(true);
    expect((await fleet.campaigns.find('c1'))?.tasks[0]).toMatchObject({
      state: 'failed',
      error: { code: 'x', message: 'why' },
    });
  });

  it('stays as it is once it is over', async () => {
    await fleet.campaigns.begin('c1', rotation);
    await fleet.campaigns.report(one, 'c1', { state: 'completed' });
    await fleet.campaigns.report(one, 'c1', { state: 'running' });
    expect(await tasksOf('c1')).toEqual([
      ['one', 'alive', 'completed'],
      ['two', 'alive', 'waiting'],
    ]);
  });

  it('is written by the process alone that has the name of the host now', async () => {
    await fleet.campaigns.begin('c1', rotation);
    silence('one');
    const late = fleet.campaigns.report(one, 'c1', { state: 'failed' });
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
    const heir = await enter('one');
    await fleet.campaigns.report(heir, 'c1', { state: 'completed' });
    const paused = fleet.campaigns.report(one, 'c1', { state: 'failed' });
    await expect(paused).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await tasksOf('c1')).toContainEqual(['one', 'alive', 'completed']);
  });

  it('is cancelled where the host is forgotten', async () => {
    await fleet.campaigns.begin('over', rotation, ['two']);
    await fleet.campaigns.report(two, 'over', { state: 'completed' });
    await fleet.campaigns.begin('open', rotation);
    expect(await fleet.forget('two')).toBe(false);
    silence('two');
    expect(await fleet.forget('two')).toBe(true);
    expect(await tasksOf('over')).toEqual([['two', undefined, 'completed']]);
    expect(await tasksOf('open')).toEqual([
      ['one', 'alive', 'waiting'],
      ['two', undefined, 'cancelled'],
    ]);
  });
});
