import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

/** More by hand, as in `LOWTIDE_KILLS=100 vitest run --project integration test/crash/fleet-kills.test.ts`. */
const kills = Number(process.env['LOWTIDE_KILLS'] ?? 6);
const everyMs = 10_000;
const source =
  'source: { type: directory, path: FOLDER/docs }, every: 10s, stores: [local], keep: { last: 2 }';
const schedules = `  - { id: own, ${source} }\n  - { id: pooled, pool: any, ${source} }`;
/** What one second of a kill may be. */
const momentsMs = [300, 900, 2300, 5200, 8100];

let server: PostgresServer;
let root: string;
beforeAll(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-kills-'));
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

interface Known {
  readonly completed: readonly number[];
  /** Due times that no run is to be expected for, each with a reason. */
  readonly missed: ReadonlySet<number>;
  /** Begun, and cut off. */
  readonly begun: ReadonlySet<number>;
}

async function knownOf(host: FleetHost, schedule: string): Promise<Known> {
  await using catalog = await host.catalog();
  const runs = await catalog.runs({ schedule, limit: 10_000 });
  const missed = new Set<number>();
  for (const { body } of await catalog.eventsAfter(0, 100_000)) {
    if (body.name !== 'run:missed' || body.schedule !== schedule) continue;
    for (let back = 0; back < body.occurrences; back += 1) missed.add(body.dueAt - back * everyMs);
  }
  const dueOf = (status: string): number[] =>
    runs.flatMap((run) => (run.status === status && run.dueAt !== undefined ? [run.dueAt] : []));
  return { completed: dueOf('completed'), missed, begun: new Set(dueOf('interrupted')) };
}

it(
  `of ${kills} kills of hosts whose clocks are 20 minutes apart, each occurrence is run once, or is missed and said to be`,
  async () => {
    const make = (name: string): Promise<FleetHost> =>
      FleetHost.make(server, join(root, name), name, schedules, { pools: ['any'] });
    const ahead = { host: await make('ahead'), seconds: 600 };
    const behind = { host: await make('behind'), seconds: -600 };
    const both = [ahead, behind] as const;
    const serve = ({ host, seconds }: (typeof both)[number]): ReturnType<FleetHost['serve']> =>
      host.serve(seconds);
    let services = await Promise.all(both.map(serve));
    await using _ = {
      [Symbol.asyncDispose]: () =>
        Promise.all(services.map(async (each) => await each.kill())).then(() => undefined),
    };
    for (let kill = 0; kill < kills; kill += 1) {
      // The moment of the kill is what is tried: there is nothing to wait for.
      await delay(momentsMs[kill % momentsMs.length]);
      const index = kill % both.length;
      await services[index]?.kill();
      const killed = both[index];
      if (killed !== undefined) services = services.with(index, await serve(killed));
    }
    const before = await Promise.all(both.map(({ host }) => knownOf(host, 'own')));
    await eventually(async () => {
      const after = await Promise.all(both.map(({ host }) => knownOf(host, 'own')));
      for (const [index, { completed }] of after.entries()) {
        expect(completed.length).toBeGreaterThan(before[index]?.completed.length ?? 0);
      }
    });
    for (const service of services) await service.kill();

    for (const { host } of both) {
      const { completed, missed, begun } = await knownOf(host, 'own');
      expect(new Set(completed).size).toBe(completed.length);
      const last = Math.max(...completed);
      for (let due = Math.min(...completed); due <= last; due += everyMs) {
        const isTold = completed.includes(due) || missed.has(due) || begun.has(due);
        expect(isTold, `${host.instance} ${new Date(due).toISOString()}`).toBe(true);
      }
    }
    const pooled = await Promise.all(both.map(({ host }) => knownOf(host, 'pooled')));
    const completed = pooled.flatMap((known) => known.completed);
    expect(new Set(completed).size).toBe(completed.length);
  },
  120_000 + kills * 30_000,
);
