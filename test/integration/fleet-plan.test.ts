import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from '../servers/service.ts';
import { eventually } from '../servers/eventually.ts';
import { FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import type { ServeProcess } from '../servers/serve-process.ts';

let server: PostgresServer;
let root: string;
beforeEach(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-plan-'));
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

/** All in one hour a day ahead, half an hour each, to a bucket that takes one at a time. */
const bucket =
  '{ vault: { type: s3, provider: other, endpoint: "http://127.0.0.1:1", region: x, bucket: b, access_key_id: a, secret_access_key: b, streams: 1 } }';
const schedules = ['a', 'b'].map(
  (id) =>
    `  - { id: ${id}, source: { type: directory, path: FOLDER/docs }, every: 1d, window: 03:00-03:00, timezone: UTC, estimated_duration: 30m, stores: [vault] }`,
);

interface Slot {
  readonly host: string;
  readonly start: number;
  readonly end: number;
}

function slots(): Slot[] {
  const rows = server.query('SELECT instance, slots FROM lowtide.plan_slots');
  return rows
    .split('\n')
    .filter((row) => row !== '')
    .flatMap((row) => {
      const [host = '', text = ''] = row.split('|');
      return (JSON.parse(text) as [string, string, number, number, number][]).map(([, , , start, end]) => ({
        host,
        start,
        end,
      }));
    })
    .sort((a, b) => a.start - b.start);
}

const planner = (): string =>
  server.query(`SELECT holder FROM lowtide.leases WHERE name = 'planner' AND holder IS NOT NULL`);

async function nextRuns(service: ServeProcess): Promise<(string | undefined)[]> {
  const { body }: Answer = await service.call('/schedules');
  return (body['items'] as { nextRunAt?: string }[]).map(({ nextRunAt }) => nextRunAt);
}

describe('hosts that share a bucket', () => {
  it('are planned by one of them so that they do not meet there, by another once that one is silent, and anew once a config is changed', async () => {
    const make = (name: string): Promise<FleetHost> =>
      FleetHost.make(server, join(root, name), name, schedules.join('\n'), { stores: bucket });
    const hosts = [await make('db1'), await make('db2')];
    const [first, second] = hosts;
    if (first === undefined || second === undefined) throw new Error('there are two');
    const one = await first.serve();
    await eventually(() => expect(planner()).toBe('db1'));
    await using other = await second.serve();
    await eventually(() => {
      const planned = slots();
      expect(new Set(planned.map(({ host }) => host))).toEqual(new Set(['db1', 'db2']));
      const overlaps = planned.filter(({ start }, index) => start < (planned[index - 1]?.end ?? 0));
      expect(overlaps).toEqual([]);
    });
    const mine = slots().filter(({ host }) => host === 'db2');
    await eventually(async () => {
      const next = await nextRuns(other);
      expect(next.map((at) => Date.parse(at ?? '')).sort()).toEqual(
        mine
          .slice(0, 2)
          .map(({ start }) => start)
          .sort(),
      );
    });
    await one.kill();
    server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name IN ('planner', 'host/db1')`);
    await eventually(() => expect(planner()).toBe('db2'));
    await eventually(() => expect(new Set(slots().map(({ host }) => host))).toEqual(new Set(['db2'])));

    // Every minute a host tells what it has to run, and at once what a reload has changed of it: the second time it has just told.
    const config = join(second.folder, 'lowtide.yaml');
    const lengths = (): Set<number> => new Set(slots().map(({ start, end }) => (end - start) / 60_000));
    for (const [before, after] of [
      [30, 25],
      [25, 20],
    ]) {
      const inTime = performance.now() + 30_000;
      writeFileSync(config, readFileSync(config, 'utf8').replaceAll(`${before}m`, `${after}m`));
      other.signal('SIGHUP');
      await eventually(() => expect(lengths()).toEqual(new Set([after])));
      expect(performance.now()).toBeLessThan(inTime);
    }
  });
});
