import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { configSchema, type ScheduleConfig } from '../../exporter/src/config/schema.ts';
import type { Fleet, FleetWays, Lease } from '../../exporter/src/fleet/fleet.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { WaysTaken } from '../../exporter/src/service/fleet/ways-taken.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
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
}

/** Of a host with one schedule that goes over the network `lan`. */
function hostOf(
  lease: Lease,
  { limits = {}, bytesPerSecond, ways = fleet.ways }: Wish,
): (id?: string) => Begun {
  const config = configSchema.parse({
    stores: { local: { type: 'directory', path: '/backups' } },
    networks: { lan: limits },
    schedules: [
      { id: 'db', source: { type: 'directory', path: '/' }, every: '1d', stores: ['local'], network: 'lan' },
    ],
  });
  const [schedule] = config.schedules as ScheduleConfig[];
  if (schedule === undefined) throw new TypeError('one schedule was parsed');
  const taken = new WaysTaken({
    ...{ ways, lease, log },
    config: () => config,
    waysOf: ({ stores, network }) => ({
      stores,
      ...(network !== undefined && { network }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    }),
  });
  return (id = 'db') => {
    const begun = Promise.withResolvers<string>();
    const end = Promise.withResolvers<'completed'>();
    const over = taken.during({ ...schedule, id }, dueAt, {
      work() {
        begun.resolve('begun');
        return end.promise;
      },
      onFull: begun.resolve,
    });
    return {
      answer: begun.promise,
      async end() {
        end.resolve('completed');
        await over;
      },
      tellLate: () => taken.tellLate(),
    };
  };
}

interface Begun {
  readonly answer: Promise<string>;
  readonly end: () => Promise<void>;
  readonly tellLate: () => Promise<void>;
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
    expect(await hosts[answers.indexOf('network')]?.().answer).toBe('begun');
    expect(await hosts[answers.lastIndexOf('network')]?.().answer).toBe('network');
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
    expect(await other().answer).toBe('network');
    expect(await small().answer).toBe('begun');
  });

  it('does not count what a host had in use that is silent, was begun anew, or was forgotten', async () => {
    const limits = { streams: 1 };
    const heir = hostOf(await enter('heir'), { limits });
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

  it('keeps no backup from beginning where nobody can be asked, and what could not be given up is given up later', async () => {
    let isAway = true;
    const ways: FleetWays = {
      take: (...args) => fleet.ways.take(...args),
      release: (...args) => (isAway ? Promise.reject(new Error('away')) : fleet.ways.release(...args)),
    };
    const limits = { streams: 1 };
    const one = hostOf(await enter('db1'), { limits, ways })();
    expect(await one.answer).toBe('begun');
    await one.end();
    const other = hostOf(await enter('db2'), { limits });
    expect(await other().answer).toBe('network');
    isAway = false;
    await one.tellLate();
    expect(await other().answer).toBe('begun');
    const asked: FleetWays = { ...ways, take: () => Promise.reject(new Error('away')) };
    expect(await hostOf(await enter('db3'), { limits, ways: asked })().answer).toBe('begun');
  });
});

describe('of two services on a network that takes one backup at a time', () => {
  it('the second waits until the first has ended, however long that takes, and says why', async () => {
    const root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-ways-'));
    const waits = `['sh', '-c', 'until [ -e ${root}/go ]; do sleep 0.05; done; echo done']`;
    const sent = `  - { id: sent, source: { type: command, argv: ${waits} }, every: 4m, estimated_duration: 1s, resources: { cpu: 0.01, memory: 0.01 }, stores: [local], network: lan }`;
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
    await using second = await other.serve();
    const heldUp = (): string =>
      server.query(`SELECT body FROM ${schemaOf('db2')}.events WHERE body LIKE '%run:deferred%'`);
    await eventually(() => expect(heldUp()).toContain('network'));
    expect(other.runs()).toEqual([]);
    const { body } = await second.call('/schedules/sent');
    expect(body).toMatchObject({ deferral: { code: 'network' } });
    writeFileSync(join(root, 'go'), '');
    await eventually(() => expect(other.runs()).toEqual([expect.stringMatching(/^completed /)]));
    rmSync(root, { recursive: true, force: true });
  });
});
