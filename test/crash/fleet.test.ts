import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import type { Fleet } from '../../exporter/src/fleet/fleet.ts';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { eventually } from '../servers/eventually.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { TestChild } from './children.ts';

const ttlMs = 1000;

let server: PostgresServer;
let postgres: Postgres;
let fleet: Fleet;
beforeAll(async () => {
  server = await startPostgres(() => ({ max_connections: '250' }));
  postgres = openPostgres(server.url(), { applicationName: 'lowtide test' });
  fleet = await openFleet(postgres);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  server.query(
    'DROP TABLE IF EXISTS written; CREATE TABLE written (what TEXT); TRUNCATE lowtide.hosts CASCADE; TRUNCATE lowtide.leases',
  );
});

/** A host as a process; `tell` answers with what it says. */
class Host implements AsyncDisposable {
  readonly #child = new TestChild('./fleet-child.ts', []);
  #asked = 0;

  constructor(skewMs = 0, url = server.url()) {
    this.#child.tell(JSON.stringify({ url, ttlMs, skewMs }));
  }

  async tell(line: string): Promise<string> {
    this.#child.tell(line);
    this.#asked += 1;
    await this.#child.written(this.#asked);
    return this.#child.lines[this.#asked - 1] ?? 'ended';
  }

  /** It stands still, in the middle of whatever it does. */
  pause(): void {
    process.kill(this.#child.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#child.pid, 'SIGCONT');
  }

  kill(): Promise<void> {
    return this.#child.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

const written = (): string => server.query('SELECT what FROM written ORDER BY 1');

describe('a lease', () => {
  it('has one holder at a time, however many want it at once, and a greater token each time', async () => {
    const hosts = Array.from({ length: 4 }, () => new Host());
    const answers = await Promise.all(hosts.map((host) => host.tell('acquire planner')));
    expect(answers.sort()).toEqual(['held by another', 'held by another', 'held by another', 'token 1']);
    await Promise.all(hosts.map((host) => host.kill()));
    await using heir = new Host();
    await eventually(async () => expect(await heir.tell('acquire planner')).toBe('token 2'));
    // Who has it gets it anew: what it did under the old token is over.
    expect(await heir.tell('acquire planner')).toBe('token 3');
  });

  it('is kept by whoever renews it in time, and goes at once when it is given back', async () => {
    await using keeper = new Host();
    await using other = new Host();
    await keeper.tell('acquire planner');
    expect(await keeper.tell('keep')).toBe('ok');
    const firstEnd = server.query('SELECT expires_at FROM lowtide.leases');
    await eventually(() => expect(server.query(`SELECT clock_timestamp() > '${firstEnd}'`)).toBe('t'));
    expect(await other.tell('acquire planner')).toBe('held by another');
    expect(await keeper.tell('write mine')).toBe('ok');
    const lease = { name: 'planner', holder: '', token: 1 };
    await fleet.leases.release(lease);
    expect(await other.tell('acquire planner')).toBe('token 2');
    await fleet.leases.release(lease);
    expect(await other.tell('write theirs')).toBe('ok');
    expect(written()).toBe('mine\ntheirs');
  });

  it('lets nobody write who wakes up after another has it', async () => {
    await using sleeper = new Host();
    await using heir = new Host();
    await sleeper.tell('acquire planner');
    expect(await sleeper.tell('write awake')).toBe('ok');
    sleeper.pause();
    await eventually(async () => expect(await heir.tell('acquire planner')).toBe('token 2'));
    expect(await heir.tell('write heir')).toBe('ok');
    sleeper.resume();
    expect(await sleeper.tell('write asleep')).toBe('lease_lost');
    expect(await sleeper.tell('renew')).toBe('lease_lost');
    expect(written()).toBe('awake\nheir');
  });

  it('is over when its time is, also where nobody else has taken it', async () => {
    await using late = new Host();
    await late.tell('acquire planner');
    await eventually(() =>
      expect(server.query('SELECT expires_at < clock_timestamp() FROM lowtide.leases')).toBe('t'),
    );
    expect(await late.tell('write late')).toBe('lease_lost');
    expect(written()).toBe('');
  });

  it('goes to nobody while a transaction that has asserted it is open', async () => {
    const lease = await fleet.leases.acquire('planner', 'this', 300);
    if (lease === undefined) expect.unreachable();
    await using heir = new Host();
    let next: Promise<string> | undefined;
    await postgres.write(async (transaction) => {
      await fleet.leases.assertHeld(transaction, lease);
      await eventually(() =>
        expect(server.query('SELECT expires_at < clock_timestamp() FROM lowtide.leases')).toBe('t'),
      );
      next = heir.tell('acquire planner');
      await eventually(() =>
        expect(server.query('SELECT count(*) FROM pg_locks WHERE NOT granted')).toBe('1'),
      );
      await transaction.run("INSERT INTO public.written VALUES ('first')");
    });
    expect(await next).toBe('token 2');
    expect(written()).toBe('first');
  });
});

describe('hosts', () => {
  const host = {
    version: '0.1.0',
    address: 'http://db1:10210',
    pools: ['mysql'],
    capacity: { cpu: 0.8, memory: 1 },
  };

  it('refuse a second process of the same name, until the first is silent or has left; one of the same home need not wait', async () => {
    await using first = new Host();
    await using second = new Host();
    expect(await first.tell('enter db1')).toBe('token 1');
    expect(await second.tell('enter db1')).toBe('instance_taken');
    await expect(fleet.enter({ ...host, instance: 'db1' }, 'elsewhere', ttlMs)).rejects.toThrow(
      /another exporter works under the name db1 \(its address: http:\/\/\d+\)/,
    );
    first.pause();
    await eventually(async () => expect(await second.tell('enter db1')).toBe('token 2'));
    first.resume();
    expect(await first.tell('write over')).toBe('lease_lost');
    expect(await first.tell('enter db1')).toBe('instance_taken');
    await second.kill();
    await eventually(async () => expect(await first.tell('enter db1')).toBe('token 3'));

    const lease = await fleet.enter({ ...host, instance: 'db2' }, 'home', 60_000);
    expect((await fleet.enter({ ...host, instance: 'db2' }, 'home', 60_000)).token).toBe(lease.token + 1);
  });

  it('are silent by the clock of the database, whatever their own says', async () => {
    await using fast = new Host(600_000);
    await using slow = new Host(-600_000);
    expect(await fast.tell('enter fast')).toBe('token 1');
    expect(await slow.tell('enter slow')).toBe('token 1');
    await fast.tell('keep');
    await slow.tell('keep');
    await eventually(() =>
      expect(
        server.query('SELECT bool_and(renewed_at > entered_at) FROM lowtide.hosts, lowtide.leases'),
      ).toBe('t'),
    );
    const left = await fleet.enter({ ...host, instance: 'left' }, 'home', ttlMs);
    await fleet.leases.release(left);
    const states = async (): Promise<unknown> =>
      Object.fromEntries((await fleet.hosts()).map(({ instance, state }) => [instance, state]));
    expect(await states()).toEqual({ fast: 'alive', slow: 'alive', left: 'left' });
    slow.pause();
    await eventually(async () =>
      expect(await states()).toEqual({ fast: 'alive', slow: 'silent', left: 'left' }),
    );
    expect(await fleet.forget('fast')).toBe(false);
    expect(await fleet.forget('slow')).toBe(true);
    expect(await states()).toEqual({ fast: 'alive', left: 'left' });
    expect((await fleet.hosts())[1]).toMatchObject({ ...host, instance: 'left' });
  });

  it('are there two hundred at a time, each with a beat of its own', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `host-${String(index).padStart(3, '0')}`);
    await using pools = new AsyncDisposableStack();
    await Promise.all(
      names.map(async (instance) => {
        const own = pools.use(
          openPostgres(server.url(), {
            applicationName: instance,
            maxConnections: 1,
            timeouts: { connect: 30_000 },
          }),
        );
        const one = await openFleet(own);
        const lease = await one.enter({ ...host, instance }, instance, 60_000);
        const { databaseNow } = await one.leases.renew(lease, 60_000);
        expect(Math.abs(databaseNow - Date.now())).toBeLessThan(30_000);
      }),
    );
    const known = await fleet.hosts();
    expect(known.map(({ instance }) => instance)).toEqual(names);
    expect(new Set(known.map(({ state }) => state))).toEqual(new Set(['alive']));
  });
});

describe('the plan', () => {
  const slot = (
    index: number,
  ): { owner: string; schedule: string; dueAt: number; start: number; end: number } => ({
    owner: 'db1',
    schedule: `schedule-${index}`,
    dueAt: 1_800_000_000_000 + index,
    start: 1_800_000_300_000 + index,
    end: 1_800_000_900_000 + index,
  });

  it('is written by who holds the lease, all at once, and read by each host for itself', async () => {
    const planner = await fleet.leases.acquire('planner', 'this', 60_000);
    if (planner === undefined) expect.unreachable();
    const host = await fleet.enter({ instance: 'db1', version: '1', address: '', pools: [] }, 'home', 60_000);
    const version = await fleet.plan.write(
      planner,
      new Map([
        ['db1', [slot(1)]],
        ['db2', [slot(2), slot(3)]],
      ]),
    );
    expect(await fleet.plan.read('db2')).toEqual({ version, slots: [slot(2), slot(3)] });
    expect((await fleet.leases.renew(host, 60_000)).planVersion).toBe(version);
    await fleet.plan.write(planner, new Map([['db1', [slot(4)]]]));
    expect(await fleet.plan.read('db2')).toEqual({ version: version + 1, slots: [] });
    expect(await fleet.plan.readAll()).toEqual(new Map([['db1', [slot(4)]]]));
    await fleet.leases.acquire('planner', 'this', 60_000);
    await expect(fleet.plan.write(planner, new Map())).rejects.toMatchObject({ code: 'lease_lost' });
    expect((await fleet.plan.read('db1')).slots).toEqual([slot(4)]);
  });

  it('leaves alone the rows of hosts for which nothing changes', async () => {
    const planner = await fleet.leases.acquire('planner', 'this', 60_000);
    if (planner === undefined) expect.unreachable();
    const write = (...second: number[]): Promise<number> =>
      fleet.plan.write(
        planner,
        new Map([
          ['db1', [slot(1)]],
          ['db2', second.map(slot)],
        ]),
      );
    // xmin: who has written the row; xmax: who has locked it since.
    const marks = (): string[] =>
      server.query('SELECT instance, xmin, xmax FROM lowtide.plan_slots ORDER BY instance').split('\n');
    await write(2);
    const [first, second] = marks();
    await write(3);
    expect(marks()[0]).toBe(first);
    expect(marks()[1]).not.toBe(second);
  });

  it('has room for twenty thousand slots', async () => {
    const planner = await fleet.leases.acquire('planner', 'this', 60_000);
    if (planner === undefined) expect.unreachable();
    const slots = new Map(
      Array.from({ length: 1000 }, (_, host) => [
        `db${host}`,
        Array.from({ length: 20 }, (_, index) => slot(index)),
      ]),
    );
    await fleet.plan.write(planner, slots);
    expect(await fleet.plan.readAll()).toEqual(slots);
  });
});

it('publishes what the planner has to know, which reads what is new', async () => {
  const host = await fleet.enter({ instance: 'db1', version: '1', address: '', pools: [] }, 'home', 60_000);
  const facts = {
    jobs: [
      {
        schedule: 'db',
        occurrence: { dueAt: 1, windowStart: 1, windowEnd: 2, deadline: 3 },
        durationMs: 60_000,
        resources: { cpu: 0.3, memory: 0.5 },
        stores: ['local'],
        priority: 'critical' as const,
      },
    ],
    running: [],
    load: {
      startsAt: 0,
      stepMs: 300_000,
      cpu: Float64Array.of(0, 0.5),
      memory: Float64Array.of(1, NaN),
      isKnown: true,
    },
    limits: { stores: { local: {} } },
    shared: { networks: { backbone: { streams: 2 } } },
  };
  await fleet.facts.publish(host, facts);
  const read = await fleet.facts.read(new Map());
  expect(read).toEqual(new Map([['db1', { revision: 1, facts }]]));
  await fleet.facts.publish(host, facts);
  expect(
    await fleet.facts.read(
      new Map([
        ['db1', 1],
        ['gone', 7],
      ]),
    ),
  ).toEqual(new Map());
  await fleet.facts.publish(host, { ...facts, jobs: [] });
  expect((await fleet.facts.read(new Map([['db1', 1]]))).get('db1')).toMatchObject({
    revision: 2,
    facts: { jobs: [] },
  });
  await fleet.enter({ instance: 'db1', version: '1', address: '', pools: [] }, 'home', 60_000);
  await expect(fleet.facts.publish(host, facts)).rejects.toMatchObject({ code: 'lease_lost' });
});
