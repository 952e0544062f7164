import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { configSchema, type ScheduleConfig } from '../../exporter/src/config/schema.ts';
import type { Fleet, FleetWays, Lease, WaysInUse } from '../../exporter/src/fleet/fleet.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { WaysTaken } from '../../exporter/src/service/fleet/ways-taken.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { eventually } from '../servers/eventually.ts';
import { everyFourMinutes, FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let postgres: Postgres;
let fleet: Fleet;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  server.newDatabase('ways');
  postgres = openPostgres(server.url('ways'), { applicationName: 'lowtide test', maxConnections: 8 });
  fleet = await openFleet(postgres);
});
afterEach(() => postgres[Symbol.asyncDispose]());

const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => undefined });
const dueAt = Date.UTC(2026, 2, 2);
const enter = (instance: string, home = instance): Promise<Lease> =>
  fleet.enter({ instance, version: '1', address: `${instance}:1`, pools: [] }, home, 60_000);

interface Wish {
  readonly limits?: object;
  readonly bytesPerSecond?: number;
  readonly ways?: FleetWays;
  readonly priority?: ScheduleConfig['priority'];
  readonly stopping?: AbortSignal;
}

/** Of a host with one schedule that goes over the network `lan`. */
function hostOf(
  lease: Lease,
  { limits = {}, bytesPerSecond, ways = fleet.ways, priority = 'medium', stopping = never }: Wish,
): Starts {
  const config = configSchema.parse({
    stores: { local: { type: 'directory', path: '/backups' } },
    networks: { lan: limits },
    schedules: [
      {
        ...{ id: 'db', source: { type: 'directory', path: '/' }, every: '1d', stores: ['local'] },
        ...{ network: 'lan', priority },
      },
    ],
  });
  const [schedule] = config.schedules as ScheduleConfig[];
  if (schedule === undefined) throw new TypeError('one schedule was parsed');
  const taken = new WaysTaken({
    ...{ ways, lease, log, stopping },
    config: () => config,
    waysOf: ({ stores, network }) => ({
      stores,
      ...(network !== undefined && { network }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    }),
  });
  const start = (id = 'db', isAsked = true): Begun => {
    const begun = Promise.withResolvers<string>();
    const end = Promise.withResolvers<'completed'>();
    const over = taken.during({ ...schedule, id }, dueAt, {
      work() {
        begun.resolve('begun');
        return end.promise;
      },
      ...(isAsked && { onFull: begun.resolve }),
    });
    void over.then(() => begun.resolve('neither'));
    return {
      answer: begun.promise,
      async end() {
        end.resolve('completed');
        await over;
      },
    };
  };
  return Object.assign(start, {
    tellLate: () => taken.tellLate(),
    reconcile: () => taken.reconcile(),
  });
}

const never = new AbortController().signal;

interface Starts {
  (id?: string, isAsked?: boolean): Begun;
  readonly tellLate: () => Promise<void>;
  readonly reconcile: () => Promise<void>;
}

interface Begun {
  readonly answer: Promise<string>;
  readonly end: () => Promise<void>;
}

describe('a limit that hosts share', () => {
  it('is kept by all who begin at once, and what one has left the next may have', async () => {
    const leases = await Promise.all(Array.from({ length: 12 }, (_, host) => enter(`db${host}`)));
    const hosts = leases.map((lease) => hostOf(lease, { limits: { streams: 3 } }));
    const begun = hosts.map((begin) => begin());
    const answers = await Promise.all(begun.map(({ answer }) => answer));
    expect(answers.toSorted()).toEqual([
      ...Array.from({ length: 3 }, () => 'begun'),
      ...Array.from({ length: 9 }, () => 'network'),
    ]);
    await begun[answers.indexOf('begun')]?.end();
    const again = hosts.filter((_, host) => answers[host] === 'network').map((begin) => begin().answer);
    expect((await Promise.all(again)).filter((answer) => answer === 'begun')).toEqual(['begun']);
  });

  it('is the least that those say who use it, and counts what others send that say nothing of it', async () => {
    const silent = hostOf(await enter('db1'), {});
    const strict = hostOf(await enter('db2'), { limits: { streams: 1 } });
    const loose = hostOf(await enter('db3'), { limits: { streams: 5 } });
    const first = silent();
    expect(await first.answer).toBe('begun');
    expect(await strict().answer).toBe('network');
    await first.end();
    expect(await strict().answer).toBe('begun');
    expect(await loose().answer).toBe('network');
  });

  it('of bytes a second holds for all of them together', async () => {
    const limits = { bandwidth: '1MB/s' };
    const one = hostOf(await enter('db1'), { limits, bytesPerSecond: 600_000 });
    const other = hostOf(await enter('db2'), { limits, bytesPerSecond: 600_000 });
    const small = hostOf(await enter('db3'), { limits, bytesPerSecond: 400_000 });
    expect(await one().answer).toBe('begun');
    expect(await small().answer).toBe('begun');
    expect(await other().answer).toBe('network');
  });

  it('does not count what a host had in use that is silent, was begun anew, or was forgotten', async () => {
    const limits = { streams: 1 };
    const heir = hostOf(await enter('heir'), { limits, priority: 'low' });
    const first = hostOf(await enter('db1'), { limits })();
    expect(await first.answer).toBe('begun');
    expect(await heir().answer).toBe('network');
    // Begun anew at the same home: what the process before it has run is over.
    const again = hostOf(await enter('db1'), { limits });
    const second = again();
    expect(await second.answer).toBe('begun');
    expect(await heir().answer).toBe('network');
    // What ends late under the old name ends nothing of the new one.
    await first.end();
    expect(await heir().answer).toBe('network');
    server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/db1'`, 'ways');
    const third = heir();
    expect(await third.answer).toBe('begun');
    expect(await fleet.forget('db1')).toBe(true);
    expect(server.query('SELECT instance FROM lowtide.ways_taken', 'ways')).toBe('heir');
  });

  it('keeps no backup from beginning where nobody can be asked, and counts it, and that it is over, as soon as that can be told', async () => {
    let isAway = true;
    const away = (): Promise<never> => Promise.reject(new Error('away'));
    const ways: FleetWays = {
      take: (...args) => (isAway ? away() : fleet.ways.take(...args)),
      release: (...args) => (isAway ? away() : fleet.ways.release(...args)),
      taken: (...args) => fleet.ways.taken(...args),
    };
    const limits = { streams: 1 };
    const one = hostOf(await enter('db1'), { limits, ways });
    const two = hostOf(await enter('db2'), { limits, ways });
    const other = hostOf(await enter('db3'), { limits });
    const begun = [one(), two('db', false)];
    for (const { answer } of begun) expect(await answer).toBe('begun');
    isAway = false;
    await two.tellLate();
    expect(await other().answer).toBe('network');
    await begun[1]?.end();
    await one.tellLate();
    expect(await other().answer).toBe('network');
    isAway = true;
    await begun[0]?.end();
    expect(await other().answer).toBe('network');
    isAway = false;
    await one.tellLate();
    expect(await other().answer).toBe('begun');
  });

  it('heals where PostgreSQL has forgotten what a run has in use, or that it is over', async () => {
    const limits = { streams: 1 };
    const [one, other] = [hostOf(await enter('db1'), { limits }), hostOf(await enter('db2'), { limits })];
    const first = one();
    expect(await first.answer).toBe('begun');
    const row = server.query('DELETE FROM lowtide.ways_taken RETURNING quote_literal(use)', 'ways');
    await one.reconcile();
    expect(await other().answer).toBe('network');
    await first.end();
    server.query(
      `INSERT INTO lowtide.ways_taken SELECT 'db1', token, 'db ${dueAt}', ${row} FROM lowtide.leases WHERE name = 'host/db1'`,
      'ways',
    );
    expect(await other().answer).toBe('network');
    await one.reconcile();
    expect(await other().answer).toBe('begun');
  });

  it('counts a second try of a backup whose first one could not be told to be over', async () => {
    let fails = true;
    const ways: FleetWays = {
      take: (...args) => fleet.ways.take(...args),
      release: (...args) => (fails ? Promise.reject(new Error('away')) : fleet.ways.release(...args)),
      taken: (...args) => fleet.ways.taken(...args),
    };
    const limits = { streams: 1 };
    const one = hostOf(await enter('db1'), { limits, ways });
    await one().end();
    expect(await one().answer).toBe('begun');
    fails = false;
    await one.tellLate();
    expect(await hostOf(await enter('db2'), { limits })().answer).toBe('network');
  });

  it('has nothing begin, and nothing said to be full, once the service is to stop', async () => {
    const limits = { streams: 1 };
    const stopping = AbortSignal.abort();
    const other = hostOf(await enter('db2'), { limits });
    expect(await hostOf(await enter('db1'), { limits, stopping })().answer).toBe('neither');
    expect(await other().answer).toBe('begun');
    expect(await hostOf(await enter('db3'), { limits, stopping })().answer).toBe('neither');
  });
});

describe('what waits for room', () => {
  const light = { limits: { bandwidth: '1MB/s' }, bytesPerSecond: 400_000 };
  const heavy = { ...light, bytesPerSecond: 900_000 };

  it('comes before what came later and fits in beside others', async () => {
    const [one, other, third] = [
      hostOf(await enter('db1'), light),
      hostOf(await enter('db2'), heavy),
      hostOf(await enter('db3'), light),
    ];
    const first = one();
    expect(await first.answer).toBe('begun');
    expect(await other().answer).toBe('network');
    expect(await third().answer).toBe('network');
    await first.end();
    expect(await third().answer).toBe('network');
    const second = other();
    expect(await second.answer).toBe('begun');
    await second.end();
    expect(await third().answer).toBe('begun');
  });

  it('comes before what is less urgent, and behind what is more, whoever has waited for longer', async () => {
    const limits = { streams: 1 };
    const first = hostOf(await enter('db1'), { limits })();
    expect(await first.answer).toBe('begun');
    const low = hostOf(await enter('db2'), { limits, priority: 'low' });
    const high = hostOf(await enter('db3'), { limits, priority: 'high' });
    expect(await low().answer).toBe('network');
    expect(await high().answer).toBe('network');
    await first.end();
    expect(await low().answer).toBe('network');
    expect(await high().answer).toBe('begun');
  });

  it('keeps nothing of what it does not wait for, nor anything once it has not asked for 20 seconds, or its host is silent', async () => {
    const first = hostOf(await enter('db1'), heavy)();
    expect(await first.answer).toBe('begun');
    const lease = await enter('db2');
    const wish = {
      ...{ run: 'both', urgency: 3 },
      use: { ways: { stores: ['bucket'], network: 'lan', bytesPerSecond: 400_000 }, limits: {} },
    };
    const awaited = { ways: { stores: [], network: 'lan', bytesPerSecond: 900_000 }, limits: {} };
    const wait = (): Promise<string | undefined> =>
      fleet.ways.take(lease, { ...wish, full: () => 'network', awaited: () => awaited });
    expect(await wait()).toBe('network');
    const third = await enter('db3');
    const others = await seenBy(third);
    expect(others.map(({ ways }) => ways)).toContainEqual(awaited.ways);
    expect(others.flatMap(({ ways }) => ways.stores)).toEqual([]);
    await first.end();
    expect(await seenBy(third)).toHaveLength(1);
    server.query(`UPDATE lowtide.ways_awaited SET asked_at = now() - interval '21 s'`, 'ways');
    expect(await seenBy(third)).toEqual([]);
    await wait();
    expect(await seenBy(third)).toHaveLength(1);
    server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/db2'`, 'ways');
    expect(await seenBy(third)).toEqual([]);
    await enter('db2', 'db2');
    expect(server.query(`SELECT run FROM lowtide.ways_awaited WHERE instance = 'db2'`, 'ways')).toBe('');
  });

  /** What is in the way of a backup of this host; it begins none. */
  async function seenBy(lease: Lease): Promise<readonly WaysInUse[]> {
    let seen: readonly WaysInUse[] = [];
    const use = { ways: { stores: [], network: 'lan' }, limits: {} };
    await fleet.ways.take(lease, {
      ...{ run: 'look', urgency: 0, use, awaited: () => use },
      full(others) {
        seen = others;
        return 'network';
      },
    });
    return seen;
  }
});

describe('of two services on a network that takes one backup at a time', () => {
  it('the second waits until the first has ended, however long that takes, and says why', async () => {
    const root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-ways-'));
    const waits = `['sh', '-c', 'until [ -e ${root}/go ]; do sleep 0.05; done; echo done']`;
    const sent = `  - { id: sent, source: { type: command, argv: ${waits} }, ${everyFourMinutes()}, estimated_duration: 1s, resources: { cpu: 0.01, memory: 0.01 }, stores: [local], network: lan }`;
    const make = async (name: string): Promise<FleetHost> => {
      const host = await FleetHost.make(server, join(root, name), name, sent, {
        more: 'networks: { lan: { streams: 1 } }',
      });
      await host.owe('sent');
      return host;
    };
    const [one, other] = [await make('db1'), await make('db2')];
    await using _first = await one.serve();
    await eventually(() => expect(one.runs()).toEqual([expect.stringMatching(/^running /)]));
    const inUse = `SELECT instance FROM lowtide.ways_taken WHERE instance = 'db1'`;
    await eventually(() => expect(server.query(inUse)).toBe('db1'));
    // As a server that has crashed, or a standby that was promoted.
    server.query(`DELETE FROM lowtide.ways_taken`);
    await eventually(() => expect(server.query(inUse)).toBe('db1'));
    await using second = await other.serve();
    const heldUp = (): string =>
      server.query(`SELECT body FROM ${schemaOf('db2')}.events WHERE body LIKE '%run:deferred%'`);
    await eventually(() => expect(heldUp()).toContain('network'));
    expect(other.runs()).toEqual([]);
    const { body } = await second.call('/schedules/sent');
    expect(body).toMatchObject({ deferral: { code: 'network' } });
    // Were it missed, whoever finds it so would know why.
    const reason = `SELECT reason_code FROM lowtide_jobs.job WHERE lane = 'host/db2' AND reason_code IS NOT NULL`;
    await eventually(() => expect(server.query(reason).split('\n')).toContain('network'));
    writeFileSync(join(root, 'go'), '');
    await eventually(() => expect(other.runs()).toContainEqual(expect.stringMatching(/^completed /)));
    rmSync(root, { recursive: true, force: true });
  });

  it('the second waits for one that has begun while PostgreSQL was away, as soon as that is back', async () => {
    const root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-ways-'));
    // Not the network of the test before: what was killed there is heard of for a minute.
    const waits = `['sh', '-c', '[ ! -e ${root}/away ] || touch ${root}/begun; until [ ! -e ${root}/away ]; do sleep 0.05; done; echo done']`;
    const make = async (name: string, when: string): Promise<FleetHost> =>
      await FleetHost.make(
        server,
        join(root, name),
        name,
        `  - { id: sent, source: { type: command, argv: ${waits} }, ${when}, estimated_duration: 1s, resources: { cpu: 0.01, memory: 0.01 }, stores: [local], network: wan }`,
        { more: 'networks: { wan: { streams: 1 } }' },
      );
    const one = await make('db3', 'every: 10s, priority: critical');
    const other = await make('db4', everyFourMinutes());
    await other.owe('sent');
    await using first = await one.serve();
    await server.crash();
    writeFileSync(join(root, 'away'), '');
    await eventually(() => expect(existsSync(join(root, 'begun'))).toBe(true));
    await server.restart();
    const inUse = `SELECT instance FROM lowtide.ways_taken WHERE instance = 'db3'`;
    await eventually(() => expect(server.query(inUse)).toBe('db3'));
    await using second = await other.serve();
    const deferral = async (): Promise<unknown> => (await second.call('/schedules/sent')).body['deferral'];
    await eventually(async () => expect(await deferral()).toMatchObject({ code: 'network' }));
    expect(other.runs()).toEqual([]);
    rmSync(join(root, 'away'));
    // Else its next one, which matters more, may be there before.
    first.signal('SIGTERM');
    expect(await first.ended()).toBe(0);
    await eventually(() => expect(other.runs()).toContainEqual(expect.stringMatching(/^completed /)));
    rmSync(root, { recursive: true, force: true });
  });
});
